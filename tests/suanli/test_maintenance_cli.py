"""`suanli maintenance`: windows recorded, approved, ended; what they do to figures, and what was known when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from suanli.listing import window_rows
from suanli.model.errors import InputError, SuanliError
from suanli.model.maintenance import Window
from suanli.model.rates import Terms
from suanli.registering.moves import planned_move
from suanli.store.levels import Period
from suanli.store.maintenance import under_maintenance
from suanli.store.periods import sums
from suanli.store.registry import read_record
from suanli.store.sql import Store
from suanli.store.trial import trying
from suanli.store.windows import add_window, approve_window, end_window, windows
from tests.suanli.making import (
    SITES_YAML,
    ZONE,
    Clock,
    a_pool,
    a_sample,
    a_site,
    a_store,
    built,
    config,
    database,
    register,
)
from tests.suanli.running import Ended, contents, suanli

pytestmark = pytest.mark.usefixtures("both_databases")

START = int(datetime(2026, 11, 20, 2, tzinfo=UTC).timestamp())
END = START + 1000
LO, HI = START - 500, END + 500
TWO = a_site("s", a_pool("p", built(100.0)), a_pool("q", built(20.0)))


def window(policy: str = "exclude", pool: str | None = "p", rule: str | None = None, start: int = START) -> Window:
    ends = [datetime.fromtimestamp(at, UTC) for at in (start, start + END - START)]
    values = {"site": "s", "pool": pool, "from": ends[0], "until": ends[1], "rule": rule, "policy": policy}
    return Window.model_validate(values | {"reason": "works"})


def terms(store: Store, as_of: int | None = None, lo: int = LO, hi: int = HI) -> Terms:
    """Of the fleet, as targets are judged."""
    with store.reading() as connection:
        timelines = list(read_record(connection, hi, as_of).timelines.values())
        timelines = under_maintenance(connection, timelines, lo, hi, ZONE, as_of)
        return sums(connection, timelines, Period([lo, hi], ZONE, "fp16", as_of), lambda _: ())[0, ()]


def do(store: Store, what: Callable[[Connection], Any]) -> Any:
    with store.writing() as connection:
        done = what(connection)
    store.reload()
    return done


# ---------------------------------------------------------------- figures


def test_a_window_counts_from_its_approval_on_and_as_of_finds_each_state_of_it() -> None:
    """By hand: 2,000 s of 120 P; the window takes 1,000 s of 100 P out, and 400 s of it after it is cut short."""
    whole, without, cut = 2000 * 120.0, 2000 * 120.0 - 1000 * 100.0, 2000 * 120.0 - 400 * 100.0
    recorded, approved, ended = HI + 10, HI + 20, HI + 30
    with a_store() as store:
        register(store, TWO, now=LO)
        number = do(store, lambda connection: add_window(connection, window(), ZONE, recorded))
        assert terms(store).built == whole
        do(store, lambda connection: approve_window(connection, number, "wang", approved))
        assert (terms(store).built, terms(store).excluded) == (without, 100_000.0)
        do(store, lambda connection: end_window(connection, number, START + 400, ended))
        known = {
            None: cut, ended: cut, ended - 1: without, approved: without, approved - 1: whole, recorded: whole,
            recorded - 1: whole,
        }  # fmt: skip
        assert {as_of: terms(store, as_of).built for as_of in known} == known
        assert {as_of: terms(store, as_of).excluded for as_of in known} == {
            as_of: whole - figure for as_of, figure in known.items()
        }


def test_each_policy_does_what_it_says() -> None:
    """By hand: p told 80 used 40 just before, and 10 used 10 during the works; q is not heard."""
    clock = Clock(HI)
    found = {}
    for policy in ("exclude", "hold", "include"):
        with a_store(TWO, clock=clock) as store:
            store.append([a_sample(at, online, used, max_age=5000) for at, online, used in
                          ((LO - 60, 80.0, 40.0), (START, 10.0, 10.0), (END, 90.0, 45.0))])  # fmt: skip
            do(store, lambda connection: add_window(connection, window(policy), ZONE, HI, "wang"))  # noqa: B023 - done now
            one = terms(store)
            found[policy] = (one.built, one.excluded, one.online, one.used)
    assert found == {
        "exclude": (2000 * 20.0 + 1000 * 100.0, 1000 * 100.0, 500 * 80.0 + 500 * 90.0, 500 * 40.0 + 500 * 45.0),
        "hold": (2000 * 120.0, 0.0, 1500 * 80.0 + 500 * 90.0, 1500 * 40.0 + 500 * 45.0),
        "include": (2000 * 120.0, 0.0, 500 * 80.0 + 1000 * 10.0 + 500 * 90.0, 500 * 40 + 1000 * 10.0 + 500 * 45.0),
    }


def test_a_window_of_a_site_takes_all_its_pools_and_a_rule_repeats_it() -> None:
    day = 86400
    with a_store(TWO, a_site("t", a_pool("p", built(1.0)))) as store:
        weekly = window(pool=None, rule="FREQ=DAILY;COUNT=3")
        do(store, lambda connection: add_window(connection, weekly, ZONE, HI, "wang"))
        one = terms(store, lo=START - day, hi=START + 10 * day)
        assert (one.excluded, one.built) == (3 * 1000 * 120.0, 11 * day * 121.0 - 3 * 1000 * 120.0)


def test_a_window_goes_with_its_pool_and_is_listed_where_the_pool_is() -> None:
    with a_store(TWO, a_site("t", a_pool("r", built(1.0))), clock=Clock(HI)) as store:
        do(store, lambda connection: add_window(connection, window(), ZONE, LO, "wang"))
        store.apply(planned_move(store, "s", "p", "t", "x", START + 100, config()), HI)
        assert terms(store).excluded == 1000 * 100.0
        (row,) = window_rows(store, ZONE, LO, HI)
        assert (row["site"], row["pool"]) == ("t", "x")


def test_a_window_of_a_name_is_of_the_pool_that_bore_it_then() -> None:
    with a_store(TWO, a_site("t"), clock=Clock(HI)) as store:
        store.apply(planned_move(store, "s", "p", "t", "x", END, config()), HI)
        register(store, a_site("s", a_pool("p", built(7.0)), a_pool("q", built(20.0))), now=HI)
        do(store, lambda connection: add_window(connection, window(), ZONE, HI, "wang"))
        do(store, lambda connection: add_window(connection, window(start=END), ZONE, HI, "wang"))
        assert (terms(store, lo=START, hi=END).excluded, terms(store, lo=END, hi=END + 1000).excluded) == (1e5, 7e3)


# ---------------------------------------------------------------- what is on record


def test_a_window_keeps_its_number_whatever_is_said_of_it_and_everything_is_kept() -> None:
    with a_store(TWO) as store:
        numbers = [do(store, lambda connection: add_window(connection, window(), ZONE, 1000)) for _ in range(2)]
        do(store, lambda connection: approve_window(connection, numbers[1], "li", 2000))
        do(store, lambda connection: end_window(connection, numbers[1], START + 9, 2000))
        do(store, lambda connection: approve_window(connection, numbers[0], "wang", 3000))
        with store.reading() as connection:
            now = [(one.id, one.approved_by, one.cut_at) for one in windows(connection)]
            then = [(one.id, one.approved_by, one.cut_at) for one in windows(connection, 2999)]
            first = [(one.id, one.approved_by) for one in windows(connection, 1999)]
            everything = windows(connection, everything=True)
        assert sorted(now) == [(numbers[0], "wang", None), (numbers[1], "li", START + 9)]
        assert sorted(then, key=str) == [(numbers[0], None, None), (numbers[1], "li", START + 9)]
        assert sorted(first) == [(number, None) for number in numbers]
        assert len(everything) == 5
        assert sorted(one.id for one in everything) == [numbers[0]] * 2 + [numbers[1]] * 3


def test_of_two_who_approve_one_is_told_and_an_end_is_not_taken_back() -> None:
    with a_store(TWO) as store:
        number = do(store, lambda connection: add_window(connection, window(), ZONE, 1000))
        do(store, lambda connection: approve_window(connection, number, "li", 2000))
        with pytest.raises(SuanliError, match=f"window {number} has already been approved by li"):
            do(store, lambda connection: approve_window(connection, number, "wang", 2000))
        with pytest.raises(SuanliError, match="ends by itself before"):
            do(store, lambda connection: end_window(connection, number, END, 2000))
        do(store, lambda connection: end_window(connection, number, END - 1, 2000))
        with pytest.raises(SuanliError, match="already been ended"):
            do(store, lambda connection: end_window(connection, number, END - 1, 2000))
        do(store, lambda connection: end_window(connection, number, START, 2000))
        assert terms(store).excluded == 0.0


def test_running_instances_are_told_of_every_change_and_a_try_leaves_nothing() -> None:
    with a_store(TWO) as store:
        with trying(store) as connection:
            add_window(connection, window(), ZONE, 1000, "li")
        with store.reading() as connection:
            assert windows(connection) == []
        assert not store.changed_elsewhere()
        with store.writing() as connection:
            number = add_window(connection, window(), ZONE, 1000)
        assert store.changed_elsewhere()
        store.reload()
        changes: list[Callable[[Connection], None]] = [
            lambda connection: approve_window(connection, number, "li", 2000),
            lambda connection: end_window(connection, number, START, 2000),
        ]
        for change in changes:
            with store.writing() as connection:
                change(connection)
            assert store.changed_elsewhere()
            store.reload()


@pytest.mark.parametrize(
    ("site", "pool", "told"), [("s", "z", "s/z is not registered"), ("z", None, "z is not registered")]
)
def test_a_window_of_nothing_is_refused(site: str, pool: str | None, told: str) -> None:
    wanted = window(pool=pool).model_copy(update={"site": site})
    with a_store(TWO) as store, pytest.raises(InputError, match=told):
        do(store, lambda connection: add_window(connection, wanted, ZONE, 1000))


# ---------------------------------------------------------------- the commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database(tmp_path)
    (tmp_path / "config.yaml").write_text("language: en\n", encoding="utf-8")
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    return tmp_path


def add(folder: Path, *words: str, place: str = "wh-1/a100", reason: str = "巡检") -> Ended:
    return suanli(folder, "maintenance", "add", place, "--reason", reason, *words)


PAST = ("--from", "2025-03-02T02:00", "--until", "2025-03-02T14:00")
AHEAD = ("--from", "2060-03-02T02:00", "--until", "2060-03-02T14:00")


def listed(folder: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = suanli(folder, "maintenance", "list", "--json", *words).data["windows"]
    return found


def test_add_approve_end_list(folder: Path) -> None:
    rule = "FREQ=WEEKLY;BYDAY=SU"
    added = add(folder, *PAST, "--rule", rule)
    assert (added.code, added.out) == (0, "window 1 recorded\n")
    assert added.err == "it has no effect until it is approved: suanli maintenance approve 1\n"
    (row,) = listed(folder, "--from", "2025-03-01", "--to", "2025-03-31")
    assert (row["site"], row["pool"], row["policy"], row["rule"], row["reason"]) == (
        "wh-1",
        "a100",
        "exclude",
        rule,
        "巡检",
    )
    assert (row["from"], row["until"], row["approved_at"]) == ("2025-03-01T18:00:00Z", "2025-03-02T06:00:00Z", None)
    assert (row["excluded_ratio"], len(row["next"])) == (0.0, 3)
    approved = suanli(folder, "maintenance", "approve", "1", "--by", "王工")
    assert (approved.code, approved.out) == (0, "window 1 approved by 王工\n")
    assert "targets of that time are judged anew" in approved.err
    (row,) = listed(folder, "--from", "2025-03-01", "--to", "2025-03-31")
    assert row["excluded_ratio"] == pytest.approx(5 * 12 / (30 * 24)), "2, 9, 16, 23 and 30 March"
    twice = suanli(folder, "maintenance", "approve", "1", "--by", "李工")
    assert (twice.code, twice.out) == (1, "")
    assert "already been approved by 王工" in twice.err
    ended = suanli(folder, "maintenance", "end", "1", "--at", "2025-03-16T08:00", "--json")
    assert (ended.code, ended.data) == (
        0,
        {"id": 1, "ended_at": "2025-03-16T00:00:00Z", "applied": True, "late": True},
    )
    (row,) = listed(folder, "--from", "2025-03-01", "--to", "2025-03-31")
    assert (row["excluded_ratio"], row["next"]) == (pytest.approx((12 + 12 + 6) / (30 * 24)), [])
    assert [one["id"] for one in listed(folder, "--all")] == [1, 1, 1]
    assert listed(folder, "--from", "2025-04-01", "--to", "2025-05-01") == []
    for language, words in (("en", ("王工", "excluded", "superseded")), ("zh", ("剔除时间", "被取代于"))):
        table = suanli(folder, "--lang", language, "maintenance", "list", "--all").out
        assert all(word in table for word in words)


def test_approved_at_once_and_late_is_told_and_one_ahead_is_not_late(folder: Path) -> None:
    late = add(folder, *PAST, "--approve", "--by", "王工")
    assert "targets of that time are judged anew" in late.err
    ahead = add(folder, *AHEAD, "--approve", "--by", "王工", "--json")
    assert ahead.data == {"id": 2, "approved": True, "applied": True, "late": False}
    economic = add(folder, *PAST, "--approve", "--by", "王工", "--policy", "include", "--json")
    assert economic.data["late"] is False
    assert [one["approved_by"] for one in listed(folder)] == ["王工"] * 3
    assert "回溯到过去" in suanli(
        folder, "--lang", "zh", "maintenance", "add", "wh-2", "--reason", "x", *PAST, "--approve", "--by", "王工"
    ).err  # fmt: skip


def test_a_dry_run_changes_nothing(folder: Path) -> None:
    assert add(folder, *PAST).code == 0
    before = contents(folder)
    for words in (
        ["add", "wh-1", "--reason", "x", *PAST],
        ["approve", "1", "--by", "x"],
        ["end", "1", "--at", "2025-03-02T04:00"],
    ):
        assert (suanli(folder, "maintenance", *words, "--dry-run").out) == "would be recorded\n"
        assert suanli(folder, "maintenance", *words, "--dry-run", "--json").data["applied"] is False
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["wh-1", *PAST, "--by", "x"], "--by: is who approves: give --approve too"),
        (["wh-1", *PAST, "--policy", "ignore"], "--policy: should be 'exclude', 'include' or 'hold'"),
        (["wh-1", *PAST, "--rule", "FREQ=MINUTELY"], "--rule: expected FREQ to be one of"),
        (["wh-1", *PAST, "--rule", "FREQ=WEEKLY;BYDAY=MO"], "window: expected from to be the first time"),
        (["wh-1", "--from", "2025-03-02", "--until", "2025-03-01"], "until must come after from"),
        (["wh-1", "--from", "tomorrow", "--until", "2025-03-01"], "--from: 'tomorrow' is no date or time"),
        (["wh-9", *PAST], "wh-9 is not registered"),
        (["wh-1/b200", *PAST], "wh-1/b200 is not registered"),
        (["wh-1/", *PAST], "expected SITE or SITE/POOL"),
    ],
)
def test_a_bad_window_is_2_and_nothing_is_changed(folder: Path, words: list[str], told: str) -> None:
    before = contents(folder)
    ended = add(folder, *words[1:], place=words[0])
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert contents(folder) == before


@pytest.mark.parametrize("words", [["approve", "7", "--by", "x"], ["end", "7"]])
def test_a_window_that_is_not_there_is_2(folder: Path, words: list[str]) -> None:
    ended = suanli(folder, "maintenance", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "no maintenance window 7" in ended.err


def test_a_range_that_ends_before_it_begins_is_2(folder: Path) -> None:
    ended = suanli(folder, "maintenance", "list", "--from", "2025-02-01", "--to", "2025-01-01")
    assert (ended.code, "--to: the range ends before it begins" in ended.err) == (2, True)
