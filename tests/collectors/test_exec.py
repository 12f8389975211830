"""Programs that print samples: real ones, well-behaved and not; nothing of them is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.base import CollectError, Refused, Unreachable, Unreadable
from collectors.exec import running
from collectors.exec.collector import ExecCollector, ExecSettings
from collectors.poller import Poller
from collectors.registry import check_source
from collectors.schedule import first_turn
from suanli.model.errors import Problem
from suanli.model.grants import Grants, Program
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.secret import SecretRef
from suanli.model.site import Site, Source
from tests.collectors.cases import NO_HTTP, NOW

H100 = PolledPool("h100", "H100", frozenset({"h100"}), 1.0)
GOOD = """echo '{"online_devices": 8, "used_devices": 2}'"""
Made = Callable[..., ExecCollector]


@pytest.fixture
def program(tmp_path: Path) -> Made:
    """A collector of a shell program with this text."""

    def made(text: str, secrets: tuple[tuple[str, SecretRef], ...] = (), timeout: float = 30.0) -> ExecCollector:
        file = tmp_path / "program"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return of(Program("cards", (str(file), "two words", "$HOME"), secrets), timeout)

    return made


def of(program: Program, timeout: float = 30.0) -> ExecCollector:
    source = Source(kind="exec", settings={"program": "cards"})
    site = PolledSite("s", source, (H100,), 60, timeout, 180, grants=Grants(programs=(program,)))
    return ExecCollector(site, ExecSettings(program="cards"), NO_HTTP)


async def test_arguments_are_given_as_they_are_and_no_shell_reads_them(program: Made) -> None:
    (sample,) = await program("""[ $# = 2 ] && [ "$2" = '$HOME' ] && """ + GOOD).collect(NOW)

    assert (sample.online_pflops, sample.used_pflops, sample.at, sample.quality) == (8.0, 2.0, NOW, "ok")


async def test_the_environment_is_small_and_has_the_named_secrets(
    program: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "not theirs")
    monkeypatch.setenv("TOKEN_HERE", "s3cret")
    await program(
        f"env > {tmp_path}/env; pwd >> {tmp_path}/env; {GOOD}", (("TOKEN", SecretRef(env="TOKEN_HERE")),)
    ).collect(NOW)

    said = set((tmp_path / "env").read_text().splitlines()) - {"_=/usr/bin/env", "SHLVL=0", "SHLVL=1"}
    assert said == {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "SUANLI_SITE=s", "TOKEN=s3cret", "PWD=/", "/"}


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("echo one >&2; echo 'no such card' >&2; exit 3", Unreadable, "program cards ended with 3: no such card"),
        ("exit 1", Unreadable, "program cards ended with 1 and said nothing"),
        ("kill -9 $$", Unreadable, "program cards was ended by signal 9 and said nothing"),
        (GOOD + "; exit 4", Unreadable, "program cards ended with 4 and said nothing"),
        ("true", Unreadable, "program cards printed nothing"),
        ("echo hello", Unreadable, "program cards printed 'hello': expected one JSON object a line"),
        ("echo '[1]'", Unreadable, "program cards printed '[1]': expected one JSON object a line"),
        ("echo '{'", Unreadable, "program cards:1: is no JSON object in one line: unexpected end of data"),
        ("""echo '{"online_devices": -1}'""", Unreadable, "program cards:1: online_devices: expected a number"),
        ("""echo '{"online": 1}'""", Unreadable, "program cards:1: online: unknown column; did you mean"),
        ("""echo '{"online_devices": null}'""", Unreadable, "program cards:1: has no figure"),
        ("""echo '{"pool": "b", "online_devices": 1}'""", Unreadable, "program cards:1: pool: 'b' is no pool of this"),
        ("""echo '{"site": "t", "online_devices": 1}'""", Unreadable, "program cards:1: site: is of another site"),
    ],
)  # fmt: skip
async def test_a_program_that_fails_gives_an_error_and_never_a_number(
    program: Made, text: str, kind: type[CollectError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        await program(text).collect(NOW)
    assert str(caught.value).startswith(told)


async def test_a_line_that_is_wrong_is_told_and_the_others_count(program: Made) -> None:
    (sample,) = await program(f"{GOOD}; echo [; {GOOD}").collect(NOW)

    assert (sample.online_devices, sample.quality) == (8.0, "partial")
    assert sample.reason == (
        "program cards:2: is no JSON object in one line: unexpected end of data; "
        "program cards:3: at: this pool already has a row for this time: program cards:1"
    )


async def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    for file, why in (
        ("/no/such/program", "No such file or directory"),
        (str(tmp_path / "plain"), "Permission denied"),
    ):
        with pytest.raises(Unreachable, match=f"program cards cannot be started: {why}: correct programs"):
            await of(Program("cards", (file,))).collect(NOW)


async def test_secrets_are_told_by_nothing(program: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_HERE", "s3cret/with+signs")
    secrets = (("TOKEN", SecretRef(env="TOKEN_HERE")),)
    for text in (
        'echo "bad token $TOKEN" >&2; exit 1',
        'echo "$TOKEN"',
        'echo "{\\"pool\\": \\"$TOKEN\\", \\"used_pflops\\": 1}"',
    ):
        with pytest.raises(Unreadable) as caught:
            await program(text, secrets).collect(NOW)
        assert "s3cret" not in str(caught.value)
        assert "***" in str(caught.value)
        assert caught.value.__cause__ is None
    monkeypatch.delenv("TOKEN_HERE")
    with pytest.raises(Refused, match="program cards: secret missing: environment variable TOKEN_HERE is not set"):
        await program(GOOD, secrets).collect(NOW)


async def test_a_flood_is_cut_off(program: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MAX_OUTPUT", 1 << 20)
    with pytest.raises(Unreadable, match="program cards printed more than 1 MiB"):
        await program(f"echo $$ > {tmp_path}/pid; yes").collect(NOW)
    await gone(tmp_path / "pid")
    with pytest.raises(Unreadable, match=r"ended with 1: y$"):  # of stderr only the end is kept
        await program("yes | head -c 3000000 >&2; exit 1").collect(NOW)


async def gone(*files: Path) -> None:
    """Waits until no process of these ids runs any more."""
    await until(lambda: not any(map(_runs, files)))


def _runs(file: Path) -> bool:
    number = file.read_text().strip()
    try:  # a zombie only waits for init
        return bool(number) and Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - of processes nobody tells us anything
            await asyncio.sleep(0.01)


FAMILY = (
    "sleep 600 & echo $! > {0}/child; echo $$ > {0}/pid; "
    "(sleep 600 & echo $! > {0}/new; mv {0}/new {0}/grandchild; wait) & "
)


async def test_at_its_deadline_it_is_killed_with_its_children(program: Made, tmp_path: Path) -> None:
    collector = program(FAMILY.format(tmp_path) + "trap '' TERM; wait", timeout=0.5)
    site = collector._site
    outcome = await Poller(nowhere, lambda _: None, clock=lambda: float(NOW)).poll(first_turn(site, collector, 0.0))

    assert (outcome.result, outcome.reason) == ("unreachable", "no complete answer within 0.5 s")
    await gone(tmp_path / "pid", tmp_path / "child", tmp_path / "grandchild")


async def nowhere(_samples: list[Sample]) -> None:
    return


async def test_a_poll_that_is_cancelled_leaves_no_process_and_no_task(program: Made, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    fds = len(os.listdir("/proc/self/fd"))
    task = asyncio.create_task(program(FAMILY.format(tmp_path) + "wait").collect(NOW))
    await until(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "pid").exists())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await gone(tmp_path / "pid", tmp_path / "child", tmp_path / "grandchild")
    assert asyncio.all_tasks() == before
    assert len(os.listdir("/proc/self/fd")) <= fds


async def test_a_poll_that_is_cancelled_while_its_program_starts_leaves_nothing(program: Made, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    for turns in range(12):
        task = asyncio.create_task(program(f"sleep 600 & echo $! > {tmp_path}/child{turns}; wait").collect(NOW))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await task
        await gone(*([tmp_path / f"child{turns}"] if (tmp_path / f"child{turns}").exists() else []))
    assert asyncio.all_tasks() == before


async def test_a_child_in_a_session_of_its_own_cannot_hold_a_poll(program: Made, tmp_path: Path) -> None:
    fds = len(os.listdir("/proc/self/fd"))
    collector = program(f"setsid sleep 600 & echo $! > {tmp_path}/child; {GOOD}")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await collector.collect(NOW)
    await asyncio.sleep(0)  # pipes are closed in the loop's next turn
    assert len(os.listdir("/proc/self/fd")) <= fds
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


async def test_what_it_leaves_in_the_background_ends_with_it(program: Made, tmp_path: Path) -> None:
    await program(f"sleep 600 > /dev/null 2>&1 & echo $! > {tmp_path}/child; {GOOD}").collect(NOW)

    await gone(tmp_path / "child")


def a_site(**settings: object) -> list[Problem]:
    source = Source(kind="exec", settings=dict(settings))
    return check_source(Site(id="s", name="s", province="p", operator="o", source=source))


@pytest.mark.parametrize("name", ["command", "args", "env", "secrets"])
def test_a_registry_cannot_say_what_is_started(name: str) -> None:
    (problem,) = a_site(program="cards", **{name: ["/bin/sh", "-c", "id"]})

    assert problem.message.startswith("what is started here is said in config.yaml alone, under programs")


async def test_a_site_has_only_the_programs_that_it_is_given() -> None:
    site = PolledSite("t", Source(kind="exec", settings={"program": "cards"}), (H100,), 60, 10.0, 180)
    with pytest.raises(Refused, match=r"config\.yaml gives site t no program cards"):
        await ExecCollector(site, ExecSettings(program="cards"), NO_HTTP).collect(NOW)
