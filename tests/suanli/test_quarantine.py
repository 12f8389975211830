"""The entrance on record: nothing that comes is lost, what is held is listed with its reason, and can be released."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.model.errors import InputError
from suanli.model.sample import Refused, Sample
from suanli.quality.base import Known
from suanli.quality.entrance import examined
from suanli.quality.history import Finding
from suanli.store.findings import keep_findings
from suanli.store.gate import plain
from suanli.store.quarantine import HeldRow, held_rows, release
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, database, open_store, register
from tests.suanli.running import contents, suanli
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

HOUR = 3600
SITE = a_site("s", a_pool("p", built(100.0)), a_pool("q", built(100.0)))
ABSURD = 80_000.0
"""PFLOPS online of a pool that has 100 built: TFLOPS written as PFLOPS."""
FIGURES = ("online_pflops", "used_pflops", "busy_pflops")
FEW = settings(max_examples=60, deadline=None)


def held(store: Store, **asked: Any) -> list[HeldRow]:
    with store.reading() as connection:
        return held_rows(connection, **asked)


def rows(store: Store, table: str) -> list[tuple[Any, ...]]:
    return raw(store, f"SELECT * FROM {table}")  # noqa: S608


# What comes is kept somewhere


@st.composite
def arrivals(draw: st.DrawFn) -> Sample:
    """Of few slots and few figures, so that they meet; some are absurd, some jump, some come twice."""
    at = T0 + 60 * draw(st.integers(0, 4))
    online = draw(st.sampled_from([80.0, 90.0, 10.0, 0.0, 200.0, ABSURD, None]))
    used = draw(st.sampled_from([40.0, 95.0, None]))
    late = draw(st.sampled_from([0, 1, 400]))
    pool = draw(st.sampled_from(["p", "q", "p", "stranger"]))
    return a_sample(at, online, used, site="s", pool=pool, source_at=at + draw(st.integers(0, 1)), fetched_at=at + late)


def words_of(store: Store, table: str) -> set[tuple[Any, ...]]:
    found = raw(store, f"SELECT pool_key, at, at + source_lag, max_age, {', '.join(FIGURES)} FROM {table}")  # noqa: S608
    return set(found)


def word(sample: Sample, keys: dict[str, int]) -> tuple[Any, ...]:
    figures = [getattr(sample, name) for name in FIGURES]
    return (keys[sample.pool], sample.at, sample.source_at, sample.max_age, *figures)


@FEW
@given(st.lists(st.lists(arrivals(), max_size=6), max_size=6))
def test_whatever_comes_is_current_or_replaced_or_held(appended: list[list[Sample]]) -> None:
    clock = Clock(T0 + 400)
    with a_store(SITE, clock=clock) as store:
        keys = {pool.pool.id: pool.key for pool in store.registry[0].pools}
        last: dict[tuple[str, int], tuple[Any, ...]] = {}
        for group in appended:
            clock.at += 7
            counted = store.append(group)
            mine = [one for one in group if one.pool in keys]
            kept = [one for one in mine if one.online_pflops != ABSURD]
            last |= {(one.pool, one.at): word(one, keys) for one in kept}
            assert counted == len({(one.pool, one.at) for one in kept})
            on_record = words_of(store, "samples") | words_of(store, "replaced")
            assert {word(one, keys) for one in kept} <= on_record
            assert {word(one, keys) for one in mine if one not in kept} <= {
                word(Sample.model_validate_json(json.dumps(one.told)), keys) for one in held(store)
            }
            assert words_of(store, "samples") == set(last.values())


@FEW
@given(st.lists(arrivals(), max_size=12))
def test_the_same_samples_again_change_nothing_however_they_come(appended: list[Sample]) -> None:
    """Flags that tell how a sample came, such as a jump, are of its first time."""
    clock = Clock(T0 + 400)
    once_each = list({(one.pool, one.at): one for one in appended}.values())
    with a_store(SITE, clock=clock) as store:
        store.append(once_each)
        tables = ("samples", "replaced", "outbox", "quarantine")
        before = [rows(store, table) for table in tables]
        clock.at += 5000
        store.append([one.model_copy(update={"fetched_at": one.fetched_at + 5000}) for one in reversed(once_each)])
        assert [rows(store, table) for table in tables] == before


figures = (
    st.none() | st.sampled_from([0.0, 0.1, 40.0, 99.0, 100.0, 190.0, 300.0, 9223.372036854777]) | st.floats(0, 500)
)
counts = st.none() | st.sampled_from([0.0, 1.0, 128.0, 320.0, -1.0, 2147483647.0])


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_what_is_plainly_right_is_what_no_check_has_a_reason_against(data: st.DataObject) -> None:
    seconds = st.sampled_from([0, 30, 200, -30, -400, -100_000])
    quality = data.draw(st.sampled_from(["ok", "declared", "estimated"]))
    sample = a_sample(
        T0,
        data.draw(figures),
        data.draw(figures),
        busy_pflops=data.draw(figures),
        online_devices=data.draw(counts),
        used_devices=data.draw(counts),
        fetched_at=T0 + data.draw(seconds),
        quality=quality,
    )
    before = data.draw(st.none() | st.builds(lambda online: a_sample(T0 - 60, online), figures))
    known = Known(T0 + data.draw(seconds), data.draw(figures), data.draw(st.sampled_from([None, 0.312])), before)
    if plain(sample, known):
        assert examined(sample, known) == (sample, None)


def test_most_samples_are_plainly_right() -> None:
    known = Known(T0 + 5, 100.0, 0.312, a_sample(T0 - 60, 60.0))
    assert plain(a_sample(T0, 100.0, 80.0, busy_pflops=80.0), known)
    assert plain(a_sample(T0, 90.0, 80.0, online_devices=288.0, used_devices=256.0), known)


@pytest.mark.parametrize(
    ("change", "before", "check"),
    [
        ({}, 39.0, "jump"),
        ({"online_pflops": 0.1, "used_pflops": 0.1, "busy_pflops": None}, None, "unit"),
        ({"used_pflops": 91.0}, None, "ladder"),
        ({"busy_pflops": 81.0}, None, "ladder"),
        ({"online_devices": 150.0}, None, "sparse"),
        ({"online_devices": 288.0, "used_devices": 289.0}, None, "ladder"),
        ({"fetched_at": T0 + 181}, None, "past"),
        ({"source_at": T0 + 400}, None, "ahead"),
        ({"online_pflops": 0.140737488355328, "used_pflops": 0.1, "busy_pflops": 0.1}, None, "sentinel"),
    ],
)
def test_a_sample_that_is_right_but_for_one_thing_is_not_plain(
    change: dict[str, Any], before: float | None, check: str
) -> None:
    told = a_sample(T0, 90.0, 80.0, busy_pflops=80.0).model_copy(update=change)
    known = Known(T0 + 5, 100.0, 0.312, None if before is None else a_sample(T0 - 60, before))
    passed, holding = examined(told, known)
    assert check in (holding.check if holding else passed.reason if passed else "")
    assert not plain(told, known)


# What is held


def test_a_sample_that_is_held_is_whole_in_quarantine_and_in_no_figure() -> None:
    with a_store(SITE, clock=Clock(T0 + 5)) as store:
        assert store.append([a_sample(T0, ABSURD, 40.0), a_sample(T0, 80.0, 40.0, pool="q")]) == 1
        (one,) = held(store)
        assert (one.site, one.pool, one.at, one.check, one.kind) == ("s", "p", T0, "unit", "sample")
        assert "800 times the 100 built" in one.reason
        assert (one.told["online_pflops"], one.recorded_at, one.released_at) == (ABSURD, T0 + 5, None)
        assert raw(store, "SELECT pool_key FROM samples") == raw(store, "SELECT pool_key FROM outbox") == [(2,)]
        assert [state.online_pflops for state in store.states(T0)] == [None, 80.0]


def test_a_sample_is_judged_by_the_ledger_of_its_own_time() -> None:
    with a_store(SITE, clock=Clock(T0)) as store:
        long_ago = 1_600_000_000  # nothing was built then
        assert store.append([a_sample(long_ago, ABSURD, 1.0, quality="declared")]) == 1


def test_a_jump_is_judged_beside_the_one_before_also_within_one_append() -> None:
    with a_store(SITE, clock=Clock(T0 + 200)) as store:
        store.append([a_sample(T0, 90.0), a_sample(T0 + 60, 10.0), a_sample(T0 + 120, 12.0)])
        store.append([a_sample(T0 + 180, 95.0)])
        assert raw(store, "SELECT at - 1795500000, substr(reason, 1, 5) FROM samples WHERE quality = 4") == [
            (60, "jump:"),
            (180, "jump:"),
        ]
        assert store.states_now(T0 + 180)[0].quality == "suspect"


def test_a_flag_that_the_figures_bear_is_judged_again_once_the_ledger_says_otherwise() -> None:
    with a_store(a_site("s", a_pool("p", built(50.0))), clock=Clock(T0)) as store:
        store.append([a_sample(T0, 100.0)])
        assert store.latest[1].quality == "suspect"
        corrected = built(110.0, reason="correction")
        register(store, a_site("s", a_pool("p", corrected)), now=T0 + 1)
        store.append([a_sample(T0, 100.0)])
        assert (store.latest[1].quality, store.latest[1].reason) == ("ok", "")


def test_numbers_that_were_refused_are_held_one_by_one_each_under_its_pool() -> None:
    refused = (
        Refused(pool="p", rung="used", value="nan", why="not a number"),
        Refused(pool="q", rung="online", value="-1", why="negative"),
        Refused(pool="gone", rung="busy", value="-2", why="negative"),
    )
    with a_store(SITE, clock=Clock(T0 + 3)) as store:
        told = a_sample(T0, 80.0, refused=refused)
        assert store.append([told]) == 1
        store.append([told.model_copy(update={"fetched_at": T0 + 9})])
        found = {one.pool: (one.pool_key, one.kind, one.check, one.reason) for one in held(store)}
        assert found == {
            "p": (1, "figure", "sentinel", "used nan: not a number"),
            "q": (2, "figure", "sentinel", "online -1: negative"),
            "gone": (1, "figure", "sentinel", "busy -2: negative"),
        }
        assert len(held(store)) == 3
        assert store.latest[1].online_pflops == 80.0


def test_strangers_are_told_once_for_each_pool(caplog: pytest.LogCaptureFixture) -> None:
    with a_store(SITE) as store, caplog.at_level(logging.WARNING):
        for place in range(3):
            store.append([a_sample(T0 + place, 1.0, pool="x"), a_sample(T0 + place, 1.0, site="t")])
    assert [record.message for record in caplog.records] == [
        "samples of s/x are left out: no such pool is registered",
        "samples of t/p are left out: no such pool is registered",
    ]


def test_the_count_of_what_was_held_survives_its_release_its_end_and_a_restart(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url, Clock(T0))) as store:
        register(store, SITE)
        assert store.quarantined() == {"sentinel": 0, "future": 0, "unit": 0, "closed": 0}
        store.append([a_sample(T0, ABSURD), a_sample(T0 + 60, ABSURD), a_sample(T0 + 60, 80.0)])
        store.append([a_sample(T0, ABSURD)])
        assert store.quarantined()["unit"] == 2
        store.release(1, "me")
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM quarantine")
    with closing(open_store(url, Clock(T0))) as store:
        assert store.quarantined()["unit"] == 2


# What is released


def test_a_released_sample_is_recorded_as_suspect_goes_out_and_marks_its_hours() -> None:
    clock = Clock(T0)
    with a_store(SITE, clock=clock) as store:
        store.append([a_sample(T0, ABSURD, 40.0, reason="x"), a_sample(T0 - 60, 80.0)])
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM dirty")
        clock.at = T0 + 100
        released = store.release(1, "Li")
        assert (released.quality, released.online_pflops) == ("suspect", ABSURD)
        assert released.reason.startswith("x; released by Li: unit: online 80000 PFLOPS")
        assert store.latest[1] == released
        assert raw(store, "SELECT online_pflops, quality FROM samples WHERE at = 1795500000") == [(ABSURD, 4)]
        assert [point.values[1] for point in store.after(1, 9).points] == [ABSURD]
        assert raw(store, "SELECT start FROM dirty") == [(T0 // HOUR * HOUR,)]
        (row,) = held(store, released=True)
        assert (row.released_at, row.released_by) == (T0 + 100, "Li")
        assert held(store) == []


def test_a_release_replaces_what_the_slot_has_got_since_and_a_running_service_sees_it(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url, Clock(T0))) as serving, closing(open_store(url, Clock(T0))) as other:
        register(serving, SITE)
        other.reload()
        serving.append([a_sample(T0, ABSURD)])
        serving.append([a_sample(T0, 80.0)])
        other.release(1, "Li")
        assert raw(serving, "SELECT online_pflops FROM replaced") == [(80.0,)]
        assert serving.changed_elsewhere()
        serving.reload()
        assert serving.states_now(T0)[0].online_pflops == ABSURD


def test_what_cannot_be_released_is_told() -> None:
    refused = (Refused(pool="p", rung="used", value="nan", why="not a number"),)
    with a_store(SITE, clock=Clock(T0)) as store:
        store.append([a_sample(T0, ABSURD), a_sample(T0 + 60, 80.0, refused=refused)])
        store.release(1, "Li")
        for id_, words in ((1, "already released, by Li"), (2, "no amount"), (3, "nothing is in quarantine")):
            with pytest.raises(InputError, match=words), store.writing() as connection:
                release(connection, id_, "me", T0)
        store.append([a_sample(T0 + 120, ABSURD)])
        with pytest.raises(InputError, match="name of who"):
            store.release(3, " ")


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one of each kind: 1 a sample, 2 a figure, a point that a sink refused, a finding that is open."""
    (tmp_path / "config.yaml").write_text("language: en\n")
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, SITE, a_site("t"))
        now = store.now
        refused = (Refused(pool="q", rung="used", value="nan", why="not a number"),)
        store.append([a_sample(now, ABSURD, refused=refused)])
        store.reject("one", 5, "compute,site=t,pool=p online=1 1", "400 no")
        with store.writing() as connection:
            key = store.registry[1].pools[0].key
            keep_findings(connection, [(key, Finding("t", "p", "constant", now - 9000, now, "still"))], now)
            keep_findings(connection, [(key, Finding("t", "p", "constant", 0, 9000, "old"))], now)
    return tmp_path


def listed(folder: Path, *words: str) -> list[tuple[str, str, str, str]]:
    found = suanli(folder, "quarantine", "list", "--json", *words).data["quarantine"]
    return [(row["id"], row["kind"], row["site"], row["pool"]) for row in found]


def test_the_list_shows_every_kind_and_narrows_down(folder: Path) -> None:
    everything = [
        ("2", "figure", "s", "q"),
        ("1", "sample", "s", "p"),
        ("finding-1", "finding", "t", "p"),
        ("sink-1", "sink", "t", "p"),
    ]
    assert sorted(listed(folder)) == sorted(everything)
    assert {one[0] for one in listed(folder, "--all")} == {"1", "2", "sink-1", "finding-1", "finding-2"}
    assert {one[0] for one in listed(folder, "--site", "t")} == {"sink-1", "finding-1"}
    assert {one[0] for one in listed(folder, "--check", "unit")} == {"1"}
    assert {one[0] for one in listed(folder, "--check", "sink")} == {"sink-1"}
    assert {one[0] for one in listed(folder, "--limit", "1")} == {"2", "sink-1", "finding-1"}
    assert "800 times the 100 built" in suanli(folder, "quarantine", "list").out
    assert "历史发现" in suanli(folder, "--lang", "zh", "quarantine", "list").out
    for words in (("--site", "nowhere"), ("--check", "nothing")):
        assert suanli(folder, "quarantine", "list", *words).code == 2


def test_one_is_shown_in_full_with_what_its_check_looks_for(folder: Path) -> None:
    one = suanli(folder, "quarantine", "show", "1", "--json").data
    assert one["told"]["online_pflops"] == ABSURD
    assert one["why"].startswith("Online is a thousand times")
    assert "单位" in one["why_zh"]
    assert suanli(folder, "quarantine", "show", "2", "--json").data["told"]["value"] == "nan"
    assert suanli(folder, "quarantine", "show", "sink-1", "--json").data["told"]["line"].startswith("compute,")
    assert "Used stands still" in suanli(folder, "quarantine", "show", "finding-1").out
    for unknown in ("9", "finding-9", "sink-9", "x"):
        assert suanli(folder, "quarantine", "show", unknown).code == 2


def test_a_release_is_tried_made_once_and_refused_where_there_is_nothing_to_record(folder: Path) -> None:
    before = contents(folder)
    tried = suanli(folder, "quarantine", "release", "1", "--by", "Li", "--dry-run", "--json").data
    assert (tried["released"], tried["sample"]["quality"]) == (False, "suspect")
    assert contents(folder) == before
    assert suanli(folder, "quarantine", "release", "1", "--by", "Li", "--json").data["released"]
    assert suanli(folder, "quarantine", "release", "1", "--by", "Li").code == 2
    for id_, words in (("2", "no amount"), ("finding-1", "marked as suspect"), ("sink-1", "on record")):
        ended = suanli(folder, "quarantine", "release", id_, "--by", "Li")
        assert (ended.code, words in ended.err) == (2, True)
    assert "released" in suanli(folder, "quarantine", "list", "--all").out
