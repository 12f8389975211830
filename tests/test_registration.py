"""An operator adds capacity from their own desk, and nobody else can: in terminals, against a real Slurm."""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.instance import Instance, instance
from tests.servers.processes import wait_until
from tests.servers.slurm import Slurm

ROOT = Path(__file__).parents[1]
OPERATOR = "示例运营方"
A100 = 0.312
"""PFLOPS of one device, dense FP16."""


class Terminal:
    """Somebody's desk: a folder of its own, with nothing but the server's address and a token."""

    def __init__(self, folder: Path, server: str, token: str) -> None:
        folder.mkdir()
        self._folder = folder
        own = {"SUANLI_SERVER": server, "SUANLI_TOKEN": token, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
        self._environment = {**os.environ, **own, "NO_COLOR": "1", "TERM": "xterm"}

    def start(self, *words: str) -> pexpect.spawn[str]:
        """The command, running in a pseudo-terminal."""
        command = ["-m", "suanli", "--lang", "en", *words]
        return pexpect.spawn(
            sys.executable,
            command,
            cwd=str(self._folder),
            env=self._environment,
            encoding="utf-8",
            timeout=40,
            dimensions=(60, 160),
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Its exit code, and what stood on the screen."""
        return ended(self.start(*words))


def ended(process: pexpect.spawn[str]) -> tuple[int, str]:
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus is not None
    return process.exitstatus, str(process.before).replace("\r\n", "\n")


@pytest.fixture
def slurm(start_slurm: Callable[..., Slurm]) -> Slurm:
    cluster = start_slurm(nodes=20)
    cluster.start_job(nodes=2, gpus=8)
    return cluster


@pytest.fixture
def served(tmp_path: Path, slurm: Slurm) -> Iterator[Instance]:
    """`suanli serve` with an empty store."""
    (tmp_path / "server").mkdir()
    with instance(tmp_path / "server", SUANLI_SITE_DESK_1=slurm.token) as made:
        made.configure()
        made.start()
        yield made


def token(served: Instance, owner: str, scope: str) -> str:
    return served.run("token", "create", "--owner", owner, "--scope", scope).stdout.strip()


def test_from_an_empty_store_to_a_figure_that_counts(served: Instance, slurm: Slurm, tmp_path: Path) -> None:
    operator = Terminal(tmp_path / "operator", served.url, token(served, "王工", f"register:{OPERATOR}"))
    bureau = Terminal(tmp_path / "bureau", served.url, token(served, "数据局", "approve"))

    # A site of somebody else's is out of reach, and so is a file of the server behind a URL of one's own.
    told = ["--name", "桌面一号", "--province", "安徽", "--kind", "slurm", "--url", slurm.url, "--auth", "slurm"]
    told += ["--user", "root", "--pool", "a100", "--match", "gres=a100", "--model", "A100 SXM4 80G", "--yes"]
    foreign = ("site", "register", "desk-1", "--operator", "另一运营方", "--secret", "env:SUANLI_SITE_DESK_1", *told)
    assert operator.run(*foreign)[0] == 1
    stolen = ("site", "register", "desk-1", "--operator", OPERATOR, "--secret", "file:/etc/shadow", *told)
    code, screen = operator.run(*stolen, "--probe")
    assert (code, "expected a file" in screen) == (2, True), screen

    # The real API is asked by the server; what it says is shown, and nothing counts yet.
    mine = ("site", "register", "desk-1", "--operator", OPERATOR, "--secret", "env:SUANLI_SITE_DESK_1", *told)
    code, screen = operator.run(*mine, "--probe")
    assert code == 0, screen
    assert "a100  nvidia-a100-sxm4-80gb\n  declared as built: unknown\n" in screen, screen
    assert "  found online: 160 devices, 49.9 P, used 5.0 P\n  looks wrong: nothing is declared as built now" in screen
    assert "submitted as 1: it waits for a decision" in screen
    assert served.rates()["groups"] == []
    code, screen = operator.run("capacity", "approve", "1")
    assert (code, "may not decide on submissions: that takes the scope approve" in screen) == (1, True), screen
    assert bureau.run("capacity", "approve", "1", "--reason", "seen on site")[0] == 0

    # 1,024 devices: pending, planned in the listing, refused to who submitted them.
    entry = ("--from", "2026-09-01", "--stage", "built", "--devices", "1024", "--source", "验收报告 2026-31")
    code, screen = operator.run("capacity", "add", "desk-1/a100", *entry)
    assert code == 0, screen
    assert "submitted as 2: it waits for a decision" in screen
    code, screen = operator.run("capacity", "list")
    line = r"desk-1 +a100 +planned +2026-09-01 +1024 +319\.5 +fp16 +new +验收报告 2026-31 +2"
    assert re.search(line, screen), screen
    assert operator.run("capacity", "approve", "2")[0] == 1
    wait_until(lambda: served.metric("suanli_site_up", site="desk-1") == 1.0, within=30, what="the first poll")
    assert served.metric("suanli_site_built_pflops", site="desk-1", pool="a100") is None
    before = served.rates()["fleet"]
    assert (before["built_pflops"], before["online_ratio"]) == (None, None)

    # Approved by the bureau: rates and /metrics change by exactly that.
    code, screen = bureau.run("capacity", "approve", "2", "--reason", "report seen")
    assert code == 0, screen
    assert f"unknown -> {1024 * A100:.1f} P" in screen, screen
    built = pytest.approx(1024 * A100, rel=1e-12)
    assert served.metric("suanli_site_built_pflops", site="desk-1", pool="a100") == built
    assert served.metric("suanli_fleet_built_pflops", basis="fp16") == built
    after = served.rates()["fleet"]
    assert (after["built_pflops"], after["online_ratio"]) == (built, pytest.approx(160 / 1024, rel=1e-12))
    assert after["usage_ratio"] == pytest.approx(16 / 160, rel=1e-12)
    for terminal, name in ((bureau, "fleet"), (operator, OPERATOR)):
        code, screen = terminal.run("rates", "--by", "site")
        assert (code, "15.6 %" in screen, name in screen) == (0, True, True), screen
    code, screen = operator.run("rates", "--operator", "另一运营方")
    assert (code, "not by 另一运营方" in screen) == (1, True), screen

    _trail_is_whole_and_breaks_by_one_byte(served)


def _trail_is_whole_and_breaks_by_one_byte(served: Instance) -> None:
    rows = served.run("audit", "--action", "submission").stdout
    assert [rows.count(f"submission.{verb}") for verb in ("submit", "approve")] == [2, 2]
    assert all(name in rows for name in ("王工", "数据局"))
    assert "the audit trail is whole" in served.run("--lang", "en", "audit", "--verify").stdout
    served.stop()
    file = served.folder / "suanli.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = file.read_bytes()
    place = content.rindex(b"submission.approve")
    file.write_bytes(content[:place] + b"S" + content[place + 1 :])
    broken = served.run("--lang", "zh", "audit", "--verify", check=False)
    assert (broken.returncode, "被改动过" in broken.stderr) == (1, True), broken.stderr


def test_what_is_missing_is_asked_for_at_a_terminal(served: Instance, slurm: Slurm, tmp_path: Path) -> None:
    """Questions where somebody sits, with choices from the catalogue; a plain refusal where nobody does."""
    admin = Terminal(tmp_path / "admin", served.url, token(served, "管理员", "admin"))
    asked = admin.start("site", "register", "desk-2")
    for question, answer in (
        ("name of the site", "桌面二号"),
        ("province", "安徽"),
        ("operator", OPERATOR),
        ("model", "a100 80"),
        ("id of the first pool", "a100"),
        ("which of these", "1"),
        ("kind of management API", "slurm"),
        ("its URL", slurm.url),
    ):
        asked.expect(question)
        asked.sendline(answer)
    code, screen = ended(asked)
    assert code == 0, screen
    assert "changes made" in screen
    site = served.run("site", "show", "desk-2").stdout
    assert re.search(r"model: nvidia-a100-(pcie|sxm4)-80gb", site), site
    refused = served.run("site", "register", "desk-3", check=False)
    assert refused.returncode == 2
    assert all(f"{option}: is needed" in refused.stderr for option in ("--name", "--province", "--operator"))
