"""`suanli capacity`: an entry more, an entry corrected; what was said is kept, and nobody is overwritten."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.catalog.accelerators import Accelerators, load_accelerators
from suanli.model.capacity import CapacityEntry
from suanli.model.errors import InputError, SuanliError
from suanli.registering.effects import Effects, last_month
from suanli.registering.entries import planned_addition, planned_correction
from suanli.registry.ledger import amount_at
from suanli.store.writes import Change
from tests.suanli.engines import address_in
from tests.suanli.making import (
    SITES_YAML,
    T0,
    Clock,
    a_pool,
    a_sample,
    a_site,
    a_store,
    built,
    config,
    database,
    local,
    open_store,
    register,
)
from tests.suanli.running import REPO, Ended, contents, suanli

pytestmark = pytest.mark.usefixtures("both_databases")

POOL = ("--stage", "built", "--source", "report 2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database(tmp_path)
    (tmp_path / "config.yaml").write_text("language: en\n", encoding="utf-8")
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    return tmp_path


def add(folder: Path, *words: str) -> Ended:
    return suanli(folder, "capacity", "add", "wh-1/a100", *POOL, *words)


def correct(folder: Path, *words: str) -> Ended:
    return suanli(folder, "capacity", "correct", "wh-1/a100", "--source", "recount", *words)


def lines(folder: Path, *words: str, stage: str = "built") -> list[tuple[Any, ...]]:
    rows = suanli(folder, "capacity", "list", "--site", "wh-1", "--json", *words).data["capacity"]
    return [(one["from"], one["until"], one["devices"], one["reason"]) for one in rows if one["stage"] == stage]


# ---------------------------------------------------------------- add


def test_add_ends_the_open_entry_as_a_file_would(folder: Path) -> None:
    ended = add(folder, "--from", "2026-06-01", "--devices", "1200", "--json")
    assert (ended.code, ended.data["applied"], ended.err) == (0, True, "")
    assert ended.data["changes"] == [
        "- capacity wh-1/a100: built 1000 devices from 2024-09-01 (验收报告)",
        "+ capacity wh-1/a100: built 1000 devices from 2024-09-01 until 2026-06-01 (验收报告)",
        "+ capacity wh-1/a100: built 1200 devices from 2026-06-01 (report 2)",
    ]
    assert lines(folder) == [("2024-09-01", "2026-06-01", 1000, "new"), ("2026-06-01", None, 1200, "new")]
    more = "\n          - {from: 2026-06-01, stage: built, devices: 1200, source: report 2}"
    text = SITES_YAML.replace("1000, source: 验收报告}", "1000, source: 验收报告}" + more)
    (folder / "same.yaml").write_text(text, encoding="utf-8")
    assert suanli(folder, "apply", "same.yaml", "--json").data["changes"] == []


def test_a_late_entry_shows_the_figures_of_now_and_of_the_last_month(folder: Path) -> None:
    words = ("--from", "2024-10-01", "--devices", "1200")
    dry = add(folder, *words, "--dry-run", "--json").data
    assert lines(folder) == [("2024-09-01", None, 1000, "new")]
    done = add(folder, *words, "--json").data
    assert (dry["applied"], done["applied"], dry["changes"]) == (False, True, done["changes"])
    for answer in (dry, done):
        now, month = answer["figures"]
        for one in (now, month):
            assert (one["before"]["built_pflops"], one["after"]["built_pflops"]) == pytest.approx((412.0, 474.4))
        assert month["to"] <= now["from"]


def test_a_late_entry_is_told_and_one_ahead_changes_no_past_figure(folder: Path) -> None:
    late = add(folder, "--from", "2024-10-01", "--devices", "1200", "--dry-run")
    assert "412.0 P -> 474.4 P" in late.out
    assert "reaches into the past" in late.err
    assert len(add(folder, "--from", "2060-01-01", "--devices", "1", "--dry-run", "--json").data["figures"]) == 1
    ahead = add(folder, "--from", "2060-01-01", "--devices", "1200", "--dry-run")
    assert "412.0 P" in ahead.out
    assert "->" not in ahead.out
    assert ahead.err == "3 changes would be made\n"
    chinese = suanli(
        folder, "--lang", "zh", "capacity", "add", "wh-1/a100", *POOL, "--from", "2024-10-01", "--devices", "1"
    )
    assert "已建成" in chinese.out
    assert "回溯到过去" in chinese.err


def test_an_entry_of_a_time_of_which_nothing_was_recorded_is_added(folder: Path) -> None:
    assert add(folder, "--from", "2023-01-01", "--until", "2023-06-01", "--devices", "10").code == 0
    assert add(folder, "--from", "2023-08-01", "--devices", "20").code == 0
    assert [line[:3] for line in lines(folder)] == [
        ("2023-01-01", "2023-06-01", 10),
        ("2023-08-01", "2024-09-01", 20),
        ("2024-09-01", None, 1000),
    ]


BAD = {
    "the same day": (["--from", "2024-09-01", "--devices", "5"], "says built 1000 devices from 2024-09-01 (验收报告)"),
    "within": (["--from", "2025-01-01", "--until", "2025-02-01", "--devices", "5"], "the ledger already says built"),
    "over": (["--from", "2024-01-01", "--until", "2024-09-02", "--devices", "5"], "the ledger already says built"),
    "negative": (["--from", "2026-01-01", "--devices", "-5"], "--devices: should be greater than or equal to 0"),
    "less than nothing": (["--from", "2026-01-01", "--pflops", "-0.5"], "--pflops: should be greater"),
    "not a number": (["--from", "2026-01-01", "--pflops", "nan"], "--pflops: should be a finite number"),
    "two amounts": (["--from", "2026-01-01", "--pflops", "1", "--devices", "1"], "exactly one of devices and pflops"),
    "no amount": (["--from", "2026-01-01"], "exactly one of devices and pflops"),
    "backwards": (["--from", "2020-02-01", "--until", "2020-01-01", "--devices", "1"], "wh-1, pool a100: until must"),
    "no day": (["--from", "2026-02-30", "--devices", "1"], "--from: '2026-02-30' is no date"),
    "no reason of ours": (["--from", "2026-01-01", "--devices", "1", "--reason", "why"], "--reason: should be 'new'"),
    "no stage": (["--from", "2026-01-01", "--devices", "1", "--stage", "buitl"], "--stage: should be 'planned', 'bu"),
    "empty source": (["--from", "2026-01-01", "--devices", "1", "--source", ""], "--source: String should have at"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "told"), BAD.values(), ids=BAD.keys())
def test_bad_entries_are_2_and_nothing_is_changed(folder: Path, words: list[str], told: str) -> None:
    before = contents(folder)
    for dry in ([], ["--dry-run"]):
        ended = add(folder, *words, *dry)
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("wh-1/b200", "no pool wh-1/b200; registered: wh-1/a100"),
        ("wh-9/a100", "no pool wh-9/a100; registered: wh-1/a100, wh-2/h800"),
        ("wh-1", "expected SITE/POOL, not 'wh-1'"),
        ("wh-1/", "expected SITE/POOL"),
        ("wh-1/a/b", "expected SITE/POOL"),
    ],
)
def test_an_unknown_pool_is_2(folder: Path, where: str, told: str) -> None:
    ended = suanli(folder, "capacity", "add", where, *POOL, "--from", "2026-01-01", "--devices", "1")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def entry(since: date, until: date | None = None, **more: Any) -> CapacityEntry:
    return CapacityEntry.model_validate({"stage": "built", "source": "r", "from": since, "until": until} | more)


def test_nothing_is_built_before_there_is_a_site_and_a_model_must_be_known() -> None:
    before = entry(date(2023, 12, 31), pflops=1.0)
    began = pytest.raises(InputError, match="site s, pool p: built before the site began")
    with a_store(a_site("s", a_pool("p"), since=date(2024, 1, 1))) as store, began:
        planned_addition(store, "s", "p", before, config())
    with a_store(a_site("s", a_pool("p", model="made-up-9000"))) as store:
        assert len(planned_addition(store, "s", "p", before, config())) == 1
        with pytest.raises(InputError, match="model 'made-up-9000' is not in the catalogue"):
            planned_addition(store, "s", "p", entry(date(2024, 1, 1), devices=1), config())


# ---------------------------------------------------------------- correct


def test_a_correction_within_an_entry_keeps_what_is_before_and_after(folder: Path) -> None:
    words = ["--from", "2025-01-01", "--until", "2025-02-01", "--devices", "900", "--reason", "correction"]
    assert correct(folder, *words).code == 0
    assert lines(folder) == [
        ("2024-09-01", "2025-01-01", 1000, "new"),
        ("2025-01-01", "2025-02-01", 900, "correction"),
        ("2025-02-01", None, 1000, "new"),
    ]
    again = correct(folder, *words, "--json")
    assert (again.code, again.data) == (
        0,
        {"state": "unchanged", "submission": None, "changes": [], "figures": [], "applied": False},
    )
    assert correct(folder, *words).err == "nothing to change\n"
    exported = suanli(folder, "export").out
    (folder / "exported.yaml").write_text(exported, encoding="utf-8")
    assert suanli(folder, "apply", "exported.yaml", "--json").data["changes"] == []


def test_a_correction_without_an_end_ends_where_the_entry_ends(folder: Path) -> None:
    assert add(folder, "--from", "2025-06-01", "--devices", "1200").code == 0
    assert correct(folder, "--from", "2025-01-01", "--devices", "900", "--reason", "correction").code == 0
    assert [line[:3] for line in lines(folder)] == [
        ("2024-09-01", "2025-01-01", 1000),
        ("2025-01-01", "2025-06-01", 900),
        ("2025-06-01", None, 1200),
    ]


def test_a_correction_may_reach_over_entries_and_gaps_and_leaves_other_stages(folder: Path) -> None:
    assert add(folder, "--from", "2025-06-01", "--devices", "1200").code == 0
    before = lines(folder, stage="planned")
    words = ["--from", "2024-06-01", "--until", "2025-09-01", "--devices", "700", "--reason", "retirement"]
    assert correct(folder, *words).code == 0
    assert lines(folder) == [
        ("2024-06-01", "2025-09-01", 700, "retirement"),
        ("2025-09-01", None, 1200, "new"),
    ]
    assert lines(folder, stage="planned") == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "2025-01-01"], "--reason: a correction needs a reason: correction, re-rating, retirement"),
        (["--from", "2025-01-01", "--reason", "new"], "--reason: a correction needs a reason"),
        (["--from", "2023-01-01", "--reason", "correction"], "the ledger says nothing built of the time from 2023-01"),
        (["--from", "2023-01-01", "--until", "2023-02-01", "--reason", "correction"], "`suanli capacity add`"),
        (["--from", "2025-01-01", "--until", "2025-01-01", "--reason", "correction"], "--until: until must come after"),
    ],
)
def test_a_correction_that_cannot_be_is_2(folder: Path, words: list[str], told: str) -> None:
    before = contents(folder)
    ended = correct(folder, *words, "--devices", "900")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert contents(folder) == before


DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(DAYS, min_size=2, max_size=4, unique=True).map(sorted), DAYS, DAYS | st.none(), st.booleans())
def test_a_correction_changes_its_own_time_and_no_other(
    starts: list[date], since: date, until: date | None, gap: bool
) -> None:
    """Second by second at every edge: the corrected amount within, what was said before without."""
    entries = [built(float(n + 1), day) for n, day in enumerate(starts)]
    if gap:
        entries[0]["until"] = starts[0] + (starts[1] - starts[0] + timedelta(days=1)) / 2
    with a_store(a_site("s", a_pool("p", *entries))) as store:
        before = store.registry[0].pools[0].ledger
        one = entry(since, until, pflops=99.0, reason="correction")
        try:
            changes = planned_correction(store, "s", "p", one, config())
        except InputError:
            return
        store.apply(changes, T0)
        after = store.registry[0].pools[0].ledger
        held = next((line.valid_until for line in before if line.holds(local(since))), None)
        hi = local(until) if until else held or 2**40
        for day in [since, *starts, *([until] if until else [])]:
            for second in (local(day) - 1, local(day)):
                within = local(since) <= second < hi
                assert amount_at(after, "built", second) == (99.0 if within else amount_at(before, "built", second))


def doubled() -> Accelerators:
    """A later catalogue, in which every device has twice the peak."""
    shipped = load_accelerators()
    new = {row.id: replace(row, tflops={basis: 2 * peak for basis, peak in row.tflops.items()}) for row in shipped.rows}
    return Accelerators(tuple(new.values()), {name: new[row.id] for name, row in shipped.by_name.items()})


@pytest.mark.parametrize(("reason", "middle"), [("re-rating", 624.0), ("correction", 312.0)])
def test_only_a_re_rating_takes_a_new_rating_and_what_is_left_of_an_entry_never_does(
    reason: str, middle: float
) -> None:
    def correction() -> list[Change]:
        one = entry(date(2025, 1, 1), date(2025, 2, 1), devices=1000, reason=reason, source="sheet")
        return planned_correction(store, "s", "p", one, config())

    with a_store(a_site("s", a_pool("p", built(devices=1000)))) as store:
        with patch("suanli.registering.plans.load_accelerators", doubled):
            store.apply(correction(), T0)
        assert [line.pflops for line in store.registry[0].pools[0].ledger] == pytest.approx([312.0, middle, 312.0])
        assert correction() == []


def test_another_source_or_reason_alone_needs_a_reason_too(folder: Path) -> None:
    before = contents(folder)
    for old, new in (
        ("1000, source: 验收报告", "1000, source: 别的报告"),
        ("验收报告}", "验收报告, reason: repair-return}"),
    ):
        text = SITES_YAML.replace(old, new, 1)
        (folder / "other.yaml").write_text(text, encoding="utf-8")
        ended = suanli(folder, "apply", "other.yaml")
        assert (ended.code, ended.out) == (2, "")
        assert (
            "other.yaml:12: sites[0].pools[0].capacity[1]: site wh-1, pool a100: the ledger already says" in ended.err
        )
        (folder / "other.yaml").unlink()
    assert contents(folder) == before
    text = SITES_YAML.replace("devices: 1000, source: 验收报告", "devices: 1000, source: 别的报告, reason: correction")
    (folder / "other.yaml").write_text(text, encoding="utf-8")
    assert suanli(folder, "apply", "other.yaml").code == 0
    assert lines(folder) == [("2024-09-01", None, 1000, "correction")]


def test_an_entry_that_was_taken_out_of_a_file_is_told_with_the_line_of_its_pool(folder: Path) -> None:
    text = "\n".join(line for line in SITES_YAML.splitlines() if "1000" not in line)
    (folder / "short.yaml").write_text(text, encoding="utf-8")
    ended = suanli(folder, "apply", "short.yaml")
    assert ended.code == 2
    assert "short.yaml:10: sites[0].pools[0].capacity: site wh-1, pool a100: the ledger already says built" in ended.err


# ---------------------------------------------------------------- list


def test_list_shows_what_was_said_when(folder: Path) -> None:
    with closing(open_store(address_in(folder))) as store:
        one = entry(date(2025, 1, 1), pflops=50.0, reason="correction")
        store.apply(planned_correction(store, "wh-1", "a100", one, config()), store.now + 100)
    rows = suanli(folder, "capacity", "list", "--site", "wh-1", "--all", "--json").data["capacity"]
    assert {"id", "recorded_at", "superseded_at"} <= rows[0].keys()
    assert len({one["id"] for one in rows}) == len(rows) == 4
    (old,) = [one for one in rows if one["superseded_at"]]
    assert (old["from"], old["until"], old["devices"]) == ("2024-09-01", None, 1000)
    (new,) = [one for one in rows if one["reason"] == "correction"]
    assert old["superseded_at"] == new["recorded_at"] > old["recorded_at"]
    as_of = suanli(folder, "capacity", "list", "--all", "--as-of", old["recorded_at"], "--json").data["capacity"]
    assert [(one["site"], one["from"], one["superseded_at"]) for one in as_of if one["stage"] == "built"] == [
        ("wh-1", "2024-09-01", None),
        ("wh-2", "2024-09-01", None),
    ]
    assert lines(folder, "--at", "2024-12-31") == [("2024-09-01", "2025-01-01", 1000, "new")]
    assert lines(folder, "--at", "2024-08-31") == []
    table = suanli(folder, "capacity", "list", "--all").out
    assert "superseded" in table
    assert "superseded" not in suanli(folder, "capacity", "list").out
    assert "编号" in suanli(folder, "--lang", "zh", "capacity", "list").out


def test_the_figures_of_a_try_are_those_of_the_change_and_a_try_changes_nothing() -> None:
    clock = Clock(T0)
    with a_store(a_site("s"), clock=clock) as store:
        month = last_month(T0, config())
        assert month == (local(date(2026, 10, 1)), local(date(2026, 11, 1)))
        store.append([a_sample(month[0], 50.0, 25.0, max_age=40 * 86400)])
        one = entry(date(2026, 10, 16), pflops=200.0)
        changes = planned_addition(store, "s", "p", one, config())
        since, version = local(date(2026, 10, 16)), store.registry_version
        effects = Effects(since, "fp16", config())
        with store.exclusively() as connection:
            dry = effects.tried(store, connection, changes)
        store.reload()
        assert store.registry_version == version
        store.apply(changes, T0)
        with store.exclusively() as connection:
            after = [one["after"] for one in effects.tried(store, connection, [])]
        assert [one["after"] for one in dry] == after
        now, last = dry
        assert (now["before"]["built_pflops"], now["after"]["built_pflops"]) == (100.0, 200.0)
        assert (last["before"]["online_ratio"], last["after"]["online_ratio"]) == (0.5, 50 / (100 + 100 * 16 / 31))


# ---------------------------------------------------------------- two at once


def test_of_two_writers_one_wins_and_the_other_is_told() -> None:
    with a_store(a_site("s")) as one, closing(open_store(str(one.engine.url))) as other:
        plans = [
            planned_addition(store, "s", "p", entry(date(2025, 1, 1), pflops=float(n)), config())
            for n, store in enumerate((one, other), 1)
        ]
        one.apply(plans[0], T0)
        with pytest.raises(
            SuanliError, match="changed meanwhile by someone else; nothing of yours was recorded"
        ) as told:
            other.apply(plans[1], T0)
        assert told.value.exit_code == 1
        other.reload()
        assert [line.pflops for line in other.registry[0].pools[0].ledger] == [100.0, 1.0]
        assert register(other, a_site("new")) != []


def test_a_plan_that_was_made_before_a_reload_is_refused() -> None:
    with a_store(a_site("s")) as one, closing(open_store(str(one.engine.url))) as other:
        version = other.registry_version
        changes = planned_addition(other, "s", "p", entry(date(2025, 1, 1), pflops=2.0), config())
        register(one, a_site("t"))
        other.reload()
        with pytest.raises(SuanliError, match="changed meanwhile"):
            other.apply(changes, T0, version)


@pytest.mark.slow
def test_of_many_processes_at_once_one_records_its_entry_and_each_of_the_others_is_told(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "suanli",
        "capacity",
        "add",
        "wh-1/a100",
        *POOL,
        "--from",
        "2025-01-01",
        "--devices",
    ]
    processes = [
        subprocess.Popen(
            [*command, str(2000 + n)],
            cwd=folder,
            env={
                "PYTHONPATH": str(REPO),
                "PATH": "/usr/bin:/bin",
                "PYTHONUTF8": "1",
                "SUANLI_STORE": address_in(folder),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for n in range(6)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert sorted(code for _, _, code in ended if code == 0) == [0]
    for _, told, code in ended:
        assert "Traceback" not in told
        assert code == 0 or (code == 1 and "changed meanwhile" in told) or (code == 2 and "already says" in told)
    winner = next(n for n, (_, _, code) in enumerate(ended) if code == 0)
    assert [line[:3] for line in lines(folder)] == [
        ("2024-09-01", "2025-01-01", 1000),
        ("2025-01-01", None, 2000 + winner),
    ]
