"""Drop folders on a real file system: what is read, left alone, refused and put aside; and the order of it all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from collectors.base import NotFound, Refused, Silent, Unreachable
from collectors.file import collector as looking
from collectors.file import folder as folders
from collectors.file.collector import FileCollector, FileSettings
from collectors.file.parse import aside, is_table, put_aside
from collectors.poller import Poller
from collectors.registry import check_source
from collectors.schedule import first_turn
from suanli.model.errors import Unavailable
from suanli.model.grants import Grants
from suanli.model.polled import PolledPool, PolledSite, PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Site, Source
from suanli.store.sql import Store
from tests.collectors.cases import NO_HTTP
from tests.suanli.making import T0, a_site, a_store

P = PolledPool("p", "A100", frozenset({"a100"}), 0.3)
Q = PolledPool("q", "H100", frozenset({"h100"}), 1.0)
HEADER = "pool,at,online_devices,used_devices"
HOUR = 3600


class Drop:
    """A folder, its site, and a poller that records into `appended`, an hour of table time after T0 - 1h."""

    def __init__(self, root: Path, append: Any = None, **more: Any) -> None:
        self.root = root
        self.folder: Path = root / more.get("path", "")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.appended: list[Sample] = []
        self._append, self._settings = append or self._keep, FileSettings.model_validate(more)
        self.site = PolledSite(
            "s", Source(kind="file"), (P, Q), 60, 10.0, 2 * HOUR, ZoneInfo("Asia/Shanghai"), Grants(str(root))
        )
        self.restart()

    def restart(self) -> None:
        """As a new process would begin."""
        self.collector = FileCollector(self.site, self._settings, NO_HTTP)

    async def _keep(self, samples: list[Sample]) -> None:
        self.appended += samples

    def put(self, name: str, *rows: str, header: str = HEADER, age: float = 60, at: int = T0) -> Path:
        """A table that last changed `age` seconds ago."""
        file = self.folder / name
        file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        os.utime(file, (at - age, at - age))
        return file

    async def poll(self, at: int = T0, *, keeps: bool = True) -> PollOutcome:
        poller = Poller(self._append, lambda _: None, clock=lambda: float(at), keeps=keeps)
        return await poller.poll(first_turn(self.site, self.collector, 0.0))

    def there(self, inner: str = "") -> list[str]:
        place = self.folder / inner
        return (
            sorted(one.name for one in place.iterdir() if one.is_file() or one.is_symlink()) if place.is_dir() else []
        )


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path / "s")


def row(pool: str, at: int, online: object, used: object = "") -> str:
    return f"{pool},{at},{online},{used}"


async def test_a_table_is_read_recorded_and_put_aside(drop: Drop) -> None:
    drop.put("t.csv", row("p", T0 - 7200, 10, 4), row("p", T0 - 3600, 10, 5), row("q", T0 - 3600, 2))

    outcome = await drop.poll()

    assert outcome.result == "ok"
    assert [(one.pool, one.source_at, one.online_pflops, one.used_pflops) for one in drop.appended] == [
        ("p", T0 - 7200, 3.0, pytest.approx(1.2)),
        ("p", T0 - 3600, 3.0, 1.5),
        ("q", T0 - 3600, 2.0, None),
    ]
    assert {one.quality for one in drop.appended} == {"declared"}
    assert (drop.there(), drop.there("done"), drop.there("refused")) == ([], [f"{aside(T0, 't.csv')}"], [])


async def test_who_only_looks_renames_nothing(drop: Drop) -> None:
    drop.put("t.csv", row("p", T0 - 3600, 10))
    for _ in range(2):
        assert (await drop.poll(keeps=False)).result == "ok"
    assert (drop.there(), drop.there("done")) == (["t.csv"], [])


async def test_while_nothing_is_new_the_last_word_is_said_again_and_after_max_age_the_source_is_silent(
    drop: Drop,
) -> None:
    drop.put("a.csv", row("p", T0 - 3600, 10, 4), row("p", T0 - 1800, 9, 3))
    await drop.poll()
    drop.put("b.csv", row("q", T0 - 1200, 2, 1), at=T0 + 600)
    await drop.poll(T0 + 600)
    first, drop.appended = drop.appended, []
    for restarted in (False, True):
        if restarted:
            drop.restart()
        outcome = await drop.poll(T0 + 2 * HOUR)
        assert outcome.result == "ok"
        newest = [one for one in first if one.source_at != T0 - 3600]
        assert [said(one) for one in outcome.samples] == [said(one) for one in newest]

    assert (await drop.poll(T0 + 600 + 2 * HOUR + 1)).result == "silent"
    silent = await drop.poll(T0 + 9 * HOUR)
    assert (silent.reason, silent.samples) == ("no table has come for 2h: ask who sends them", ())


def said(sample: Sample) -> dict[str, Any]:
    return sample.model_dump(exclude={"fetched_at"})


async def test_a_folder_in_which_nothing_ever_was_is_silent_and_says_what_it_leaves_alone(drop: Drop) -> None:
    with pytest.raises(Silent, match=r"^no table has come for 2h: ask who sends them$"):
        await drop.collector.collect(T0)
    for name in ("t.csv.part", "~$t.xlsx", ".t.csv", "t.tmp", "notes.docx"):
        drop.put(name, row("p", T0 - 3600, 10))
    (drop.folder / "inner.csv").mkdir()
    with pytest.raises(Silent, match=r"left alone: .t.csv, notes.docx, t.csv.part, t.tmp, ~\$t.xlsx"):
        await drop.collector.collect(T0)


async def test_a_file_that_still_grows_is_left_alone(drop: Drop) -> None:
    drop.put("t.csv", row("p", T0 - 3600, 10), age=9)
    with pytest.raises(Silent):
        await drop.collector.collect(T0)
    drop.put("t.csv", row("p", T0 - 3600, 10), row("p", T0 - 1800, 10), age=0, at=T0 + 60)
    with pytest.raises(Silent):
        await drop.collector.collect(T0 + 60)
    assert len(await drop.collector.collect(T0 + 70)) == 2


async def test_the_clock_of_a_mount_that_runs_ahead_delays_a_file_by_one_look(drop: Drop) -> None:
    drop.put("t.csv", row("p", T0 - 3600, 10), age=-HOUR)
    with pytest.raises(Silent):
        await drop.collector.collect(T0)
    assert len(await drop.collector.collect(T0 + 60)) == 1


async def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = drop.put("t.csv", row("p", T0 - 3600, 10))
    marks = folders._mark

    def grows(found: os.stat_result) -> tuple[int, int]:
        size, modified = marks(found)
        return size + next(counter), modified

    counter = iter(range(100))
    monkeypatch.setattr(folders, "_mark", grows)
    with pytest.raises(Silent):
        await drop.collector.collect(T0)
    assert file.exists()


async def test_a_file_that_is_replaced_before_it_is_put_aside_is_read_as_a_new_one(drop: Drop) -> None:
    drop.put("latest.csv", row("p", T0 - 3600, 10))
    await drop.collector.collect(T0)
    drop.put("latest.csv", row("p", T0 - 1800, 8), at=T0 + 30, age=0)
    await drop.collector.let_go()

    assert (drop.there(), drop.there("done")) == (["latest.csv"], [])
    (sample,) = (await drop.poll(T0 + 60)).samples
    assert sample.online_devices == 8


async def test_two_files_of_one_name_are_both_kept(drop: Drop) -> None:
    for minute in (0, 1):
        drop.put("latest.csv", row("p", T0 - 3600 + minute, 10), at=T0 + 60 * minute)
        await drop.poll(T0 + 60 * minute)
    assert len(drop.there("done")) == 2


async def test_a_bad_row_is_told_with_file_and_line_and_the_good_ones_count(drop: Drop) -> None:
    drop.put(
        "t.csv",
        row("p", T0 - 3600, 10, 4),
        row("p", T0 - 1800, "many", 4),
        "p,1",
        row("x", T0 - 1800, 1),
        row("p", T0 - 3600, 11),
        row("q", T0 + 301, 1),
        row("q", T0 - 60, ""),
        row("q", T0, 3, 0),
    )
    outcome = await drop.poll()

    wrong = [
        "t.csv:3: online_devices: expected a number, not 'many'",
        "t.csv:4: has 2 cells under 4 columns",
        "t.csv:5: pool: 'x' is no pool of this site (p, q)",
        "t.csv:6: at: this pool already has a row for this time: t.csv:2",
        "t.csv:7: at: lies 301 s in the future; expected the past, in whole seconds",
        "t.csv:8: has no figure",
    ]
    assert [(one.pool, one.online_devices, one.used_devices) for one in outcome.samples] == [("p", 10, 4), ("q", 3, 0)]
    assert {(one.quality, one.reason) for one in outcome.samples} == {
        ("partial", "; ".join(wrong[:3]) + "; and 3 more")
    }
    report = f"{aside(T0, 't.csv')}.txt"
    assert report in drop.there("done")
    assert (drop.folder / "done" / report).read_text(encoding="utf-8").splitlines() == wrong


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        ([], HEADER, "t.csv: has no rows"),
        (["p,1,1,1"], HEADER, "t.csv:2: at: 1 as UTC seconds is before 1973"),
        ([row("p", T0, 1)], HEADER + "x", "t.csv:1: used_devicesx: unknown column; did you mean used_devices?"),
        (["p,1"], "pool,online_devices", "t.csv:1: at: this column is missing"),
        ([row("p", T0, "nan", "inf")], HEADER, "t.csv:2: online_devices: expected a number, not 'nan'"),
        ([row("p", T0, 1e7)], HEADER.replace("devices", "pflops"), "t.csv:2: online_pflops: expected a number from 0"),
        ([f"{row('p', T0, 1)},t"], f"{HEADER},site", "t.csv:2: site: is of another site than s"),
    ],
)  # fmt: skip
async def test_a_table_without_a_good_row_is_refused_until_a_good_one_comes(
    drop: Drop, rows: list[str], header: str, told: str
) -> None:
    drop.put("before.csv", row("p", T0 - 3600, 10))
    await drop.poll()
    drop.appended = []
    drop.put("t.csv", *rows, header=header, at=T0 + 60)

    for at in (T0 + 60, T0 + 120):
        outcome = await drop.poll(at)
        assert (outcome.result, outcome.samples) == ("unreadable", ())
        assert told in outcome.reason
    assert drop.appended == []
    assert drop.there("refused") == [aside(T0 + 60, "t.csv"), f"{aside(T0 + 60, 't.csv')}.txt"]
    drop.restart()
    assert (await drop.poll(T0 + 120)).result == "unreadable"
    drop.put("after.csv", row("p", T0, 10), at=T0 + 180)
    assert (await drop.poll(T0 + 180)).result == "ok"
    assert (await drop.poll(T0 + 240)).result == "ok"


async def test_the_settings_say_where_and_how_the_columns_are_called(tmp_path: Path) -> None:
    columns = {"pool": "型号", "at": "时间", "online_devices": "卡数"}
    drop = Drop(tmp_path, path="a/b", columns=columns, ignore=["备注"], quiet="5m")
    drop.put("t.csv", "A100,2026-11-24 13:00,8,好", header="型号,时间,卡数,备注", age=299)
    with pytest.raises(Silent):
        await drop.collector.collect(T0)
    (sample,) = await drop.collector.collect(T0 + 1)
    assert (sample.pool, sample.source_at, sample.online_devices) == ("p", T0 - HOUR, 8)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "/etc"}, "expected a folder below the site's own"),
        ({"path": "a/../../b"}, "expected a folder below the site's own"),
        ({"path": "done"}, "expected a folder below the site's own"),
        ({"columns": {"poool": "x"}}, "unknown column poool; known: site, pool, at"),
        ({"quiet": 10}, "a duration needs its unit"),
    ],
)
def test_a_bad_setting_is_told(settings: dict[str, Any], words: str) -> None:
    source = Source(kind="file", settings=settings)
    (problem,) = check_source(Site(id="s", name="s", province="p", operator="o", source=source))
    assert words in problem.message


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A table outside the folder, which nobody of this site may read."""
    file = tmp_path / "elsewhere" / "secret.csv"
    file.parent.mkdir()
    file.write_text(f"{HEADER}\n{row('p', T0 - 60, 77)}\n", encoding="utf-8")
    os.utime(file, (T0 - 60, T0 - 60))
    return file


async def test_a_link_is_refused_and_what_it_leads_to_is_neither_read_nor_moved(drop: Drop, secret: Path) -> None:
    (drop.folder / "t.csv").symlink_to(secret)
    outcome = await drop.poll()

    assert (outcome.result, "is a symbolic link, and none is followed" in outcome.reason) == ("unreadable", True)
    assert os.listdir(secret.parent) == ["secret.csv"]
    assert (drop.folder / "refused" / aside(T0, "t.csv")).is_symlink()


async def test_a_folder_on_the_way_that_is_a_link_is_refused(tmp_path: Path, secret: Path) -> None:
    root = tmp_path / "s"
    root.mkdir()
    (root / "out").symlink_to(secret.parent)
    site = PolledSite("s", Source(kind="file"), (P,), 60, 10.0, 180, grants=Grants(str(root)))
    for path in ("out", "out/deeper"):
        with pytest.raises(Refused, match="a part of it is a symbolic link"):
            await FileCollector(site, FileSettings(path=path), NO_HTTP).collect(T0)


async def test_a_link_in_place_of_done_is_not_followed(drop: Drop, secret: Path) -> None:
    (drop.folder / "done").symlink_to(secret.parent)
    drop.put("t.csv", row("p", T0 - 3600, 10))
    outcome = await drop.poll()

    assert (outcome.result, len(drop.appended)) == ("refused", 1)
    assert os.listdir(secret.parent) == ["secret.csv"]
    assert drop.there()[0] == "done"


async def test_what_is_no_file_is_not_opened(drop: Drop) -> None:
    os.mkfifo(drop.folder / "t.csv")  # opening one would wait for a writer for ever
    assert (await drop.poll()).reason == "t.csv: is no file"


async def test_a_file_that_is_too_large_is_refused(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_BYTES", 1 << 20)
    file = drop.put("t.csv", row("p", T0 - 3600, 10))
    os.truncate(file, (1 << 20) + 1)
    os.utime(file, (T0 - 60, T0 - 60))
    assert (await drop.poll()).reason == "t.csv: is larger than 1 MiB: send it in parts"


async def test_a_folder_that_is_not_there_or_not_given_is_told(drop: Drop) -> None:
    drop.folder.rmdir()
    with pytest.raises(NotFound, match=f"folder {drop.root} is not there: make it"):
        await drop.collector.collect(T0)
    ungiven = PolledSite("s", Source(kind="file"), (P,), 60, 10.0, 180)
    with pytest.raises(Refused, match=r"config\.yaml gives this site no folder: folders: {sites: {s: /path}}"):
        await FileCollector(ungiven, FileSettings(), NO_HTTP).collect(T0)


@pytest.mark.parametrize(("number", "kind"), [(13, Refused), (30, Refused), (5, Unreachable), (107, Unreachable)])
async def test_a_folder_that_cannot_be_read_is_told(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def fails(*_: object) -> list[str]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("collectors.file.folder.os.listdir", fails)
    with pytest.raises(kind, match=f"folder {drop.root}: {os.strerror(number)}"):
        await drop.collector.collect(T0)


async def test_a_folder_in_which_nothing_can_be_renamed_is_told_and_what_was_read_is_recorded_once(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop.put("t.csv", row("p", T0 - 3600, 10))

    def fails(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("collectors.file.folder.os.rename", fails)
    outcome = await drop.poll()
    assert outcome.result == "refused"
    assert "Operation not permitted: the account that runs Suanli must be able" in outcome.reason
    assert len(drop.appended) == 1


async def test_a_look_that_hangs_keeps_one_thread(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_PATIENCE", 0.01)
    with drop.collector._reading, pytest.raises(Unreachable, match="has not ended: does its mount hang"):
        await drop.collector.collect(T0)


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(a_site("s"), clock=lambda: float(T0)) as made:
        yield made


def recorded(store: Store) -> tuple[list[Any], int]:
    with store.reading() as connection:
        rows = connection.execute(text("SELECT at, source_lag, online_pflops, used_pflops FROM samples ORDER BY at"))
        found = [tuple(one) for one in rows]
        return found, int(connection.execute(text("SELECT COUNT(*) FROM replaced")).scalar_one())


async def test_what_was_recorded_before_a_crash_and_not_renamed_is_read_again_and_is_the_same_point(
    tmp_path: Path, store: Store
) -> None:
    async def append(samples: list[Sample]) -> None:
        store.append(samples)

    drop = Drop(tmp_path, append)
    drop.put("t.csv", row("p", T0 - 7200, 10, 4), row("p", T0 - 3600, 10, 5))
    await drop.poll(keeps=False)  # recorded; before it is renamed the process dies
    before = recorded(store)
    drop.restart()
    assert (await drop.poll(T0 + 60)).result == "ok"
    assert (await drop.poll(T0 + 120)).result == "ok"  # and the last word, said again

    assert len(before[0]) == 2
    assert recorded(store) == before
    assert before[1] == 0
    assert drop.there("done") == [aside(T0 + 60, "t.csv")]


async def test_what_cannot_be_recorded_is_not_renamed(tmp_path: Path) -> None:
    async def fails(_samples: list[Sample]) -> None:
        raise Unavailable("the disk is full")

    drop = Drop(tmp_path, fails)
    drop.put("t.csv", row("p", T0 - 3600, 10))
    with pytest.raises(Unavailable):
        await drop.poll()
    assert (drop.there(), drop.there("done")) == (["t.csv"], [])


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\x00"), min_size=1, max_size=40),
    st.integers(0, 4_000_000_000),
)
def test_the_name_under_which_a_file_is_put_aside_says_when_and_what(name: str, at: int) -> None:
    assert put_aside(aside(at, f"{name}.csv")) == ((at, f"{name}.csv") if is_table(f"{name}.csv") else None)
    assert put_aside(f"{aside(at, f'{name}.csv')}.txt") is None


CELLS = st.one_of(st.integers(-2, 12), st.floats(), st.sampled_from(["", "x", "1e999", "9.2e18", "0x10"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.tuples(st.sampled_from(["p", "q", "x", ""]), st.integers(0, 2), CELLS, CELLS), max_size=6),
       junk=st.binary(max_size=20))  # fmt: skip
async def test_whatever_a_table_holds_each_row_counts_as_it_stands_or_not_at_all(
    tmp_path: Path, lines: list[Any], junk: bytes
) -> None:
    drop = Drop(tmp_path / os.urandom(8).hex())
    rows = [row(pool, T0 - 3600 * minute, online, used) for pool, minute, online, used in lines]
    drop.put("t.csv", *rows)
    (drop.folder / "u.csv").write_bytes(junk)
    os.utime(drop.folder / "u.csv", (T0 - 60, T0 - 60))

    outcome = await drop.poll()

    good = _counted(rows)
    got = {(one.pool, one.source_at): (one.online_devices, one.used_devices) for one in outcome.samples}
    assert (outcome.result, got) == ("ok" if good else "unreadable", good)
    assert drop.there() == []


def _counted(rows: list[str]) -> dict[tuple[str, int], tuple[float | None, float | None]]:
    """By hand: the first right row of a pool and time."""
    found: dict[tuple[str, int], tuple[float | None, float | None]] = {}
    for one in rows:
        pool, at, *cells = one.split(",")
        numbers = [_number(cell) for cell in cells]
        if pool in ("p", "q") and "bad" not in numbers and numbers != [None, None]:
            found.setdefault((pool, int(at)), (numbers[0], numbers[1]))  # type: ignore[arg-type] # "bad" is out
    return found


def _number(cell: str) -> float | str | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return "bad"
    return value + 0.0 if 0 <= value <= 1e7 else "bad"
