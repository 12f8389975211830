"""`suanli rates explain`: what is printed, added up and divided again, is what is published."""

from __future__ import annotations

from functools import reduce
from math import fsum
from operator import add
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.answers import Asked
from suanli.explaining.answer import explain_answer
from suanli.explaining.pools import whole_devices
from suanli.instant_answers import instant_answer
from suanli.model.rates import Rates
from tests.oracle.worlds import asked, worlds
from tests.suanli import recording
from tests.suanli.an_hour import H, an_hour, stop
from tests.suanli.making import Clock, a_pool, a_sample, a_site, a_store, built, config
from tests.suanli.running import suanli

AT = ("--at", "2025-03-03T00:40Z")


def again(part: dict[str, Any]) -> dict[str, float | None]:
    """The published figures, worked out from the addends and from nothing else."""
    sums = {
        name: fsum(a["pflops"] for a in one["addends"]) if one["addends"] else None
        for name, one in part["sums"].items()
    }
    assert sums == {name: one["sum"] for name, one in part["sums"].items()}
    values = {name: one or 0.0 for name, one in sums.items()}
    given = {name: {a["pool"]: a["pflops"] for a in one["addends"]} for name, one in part["sums"].items()}
    for name, (whole, less) in {"silent": ("built", "heard"), "untold": ("online", "told_online")}.items():
        left = {pool: pflops for pool, pflops in given[whole].items() if pool not in given[less]}
        values[name] = fsum(left.values())
        rest = part["rest"][name]
        assert {a["pool"]: a["pflops"] for a in rest["addends"]} == left
        assert (rest["whole"], rest["part"], rest["value"]) == (whole, less, values[name])

    def quotient(one: dict[str, Any]) -> float | None:
        above, below = one["numerator"], one["denominator"]
        for end in (above, below):
            if end["value"] is not None:
                assert end["value"] == reduce(add, [values[name] for name in end["sums"]])
        return None if above["value"] is None or not below["value"] else float(above["value"] / below["value"])

    found: dict[str, float | None] = {f"{name}_pflops": sums[name] for name in ("planned", "built", "online", "used")}
    for ratio in part["ratios"]:
        ends = ratio.get("lowest_of") or ratio.get("highest_of")
        if ends is None:
            found[ratio["name"]] = quotient(ratio)
        else:
            known = [value for value in map(quotient, ends) if value is not None]
            found[ratio["name"]] = None if not known else min(known) if "lowest_of" in ratio else max(known)
        assert found[ratio["name"]] == ratio["value"]
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_sum_and_ratio_is_exactly_the_published_one(data: st.DataObject) -> None:
    world = data.draw(worlds())
    at, _, question = data.draw(asked(world))
    by, view = data.draw(st.sampled_from(["site", "pool"])), data.draw(st.sampled_from(["include", "policy"]))
    clock = Clock()
    with a_store(clock=clock) as store:
        recording.put(store, world, clock)  # type: ignore[arg-type] # a clock that is set by hand, too
        one = Asked(at, at, by, question.basis, view, question.as_of)  # type: ignore[arg-type] # literals of ours
        explained, published = explain_answer(store, one, config()), instant_answer(store, one, config())
    assert [group[by] for group in explained["groups"]] == [group[by] for group in published["groups"]]
    parts = zip([explained["fleet"], *explained["groups"]], [published["fleet"], *published["groups"]], strict=True)
    for part, rates in parts:
        assert part["rates"] == {field: rates[field] for field in Rates.__dataclass_fields__}
        worked_out = again(part)
        assert set(worked_out) == set(part["rates"]) - {"busy_pflops", "sites_expected", "sites_heard"}
        assert worked_out == {field: rates[field] for field in worked_out}
        assert (part["sums"]["excluded"]["sum"] or 0.0) == rates.get("excluded_pflops", 0.0)
    pools = {f"{pool['site']}/{pool['pool']}": pool for pool in explained["pools"]}
    assert {name for name, pool in pools.items() if pool["expected"]} == {
        addend["pool"] for addend in explained["fleet"]["sums"]["built"]["addends"]
    }
    for addend in explained["fleet"]["sums"]["built"]["addends"]:
        assert pools[addend["pool"]]["ledger"]["built"]["pflops"] == addend["pflops"]
    for rung in ("online", "used", "busy"):
        for addend in explained["fleet"]["sums"][rung]["addends"]:
            word = pools[addend["pool"]]["word"]
            assert (word[f"{rung}_pflops"], word["silent_since"]) == (addend["pflops"], None)
    for pool in pools.values():
        assert (pool["why"] in (None, "silent", "never-heard", "online-unknown", "used-unknown")) == pool["expected"]


def test_the_chain_of_one_pool(tmp_path: Path) -> None:
    with an_hour(tmp_path):
        pass
    answer = suanli(tmp_path, "rates", "explain", *AT, "--json").data
    assert answer["fleet"]["rates"] == suanli(tmp_path, "rates", *AT, "--json").data["fleet"]
    a, b = answer["pools"]
    assert a["word"] == {
        "slot": "2025-03-03T00:30:00Z",
        "source_at": "2025-03-03T00:30:00Z",
        "fetched_at": "2025-03-03T00:30:00Z",
        "age_seconds": 600,
        "max_age": 1799,
        "silent_since": None,
        "quality": "ok",
        "reason": "",
        "online_pflops": 50.0,
        "used_pflops": 40.0,
        "busy_pflops": None,
        "online_devices": None,
        "used_devices": None,
        "busy_devices": None,
    }
    assert a["ledger"]["built"] == {
        "pflops": 100.0,
        "devices": None,
        "peak_pflops": None,
        "source": "acceptance",
        "reason": "new",
        "from": "2023-12-31T16:00:00Z",
        "until": None,
        "recorded_at": "2025-03-02T00:00:00Z",
    }
    assert (a["ledger"]["planned"], a["expected"], a["why"]) == (None, True, None)
    assert (b["word"], b["expected"], b["why"]) == (None, True, "never-heard")
    assert answer["fleet"]["sums"]["built"] == {
        "addends": [{"pool": "a/p", "pflops": 100.0}, {"pool": "b/q", "pflops": 60.0}],
        "sum": 160.0,
    }
    later = suanli(tmp_path, "rates", "explain", "--at", "2025-03-03T01:00Z", "--json").data["pools"]
    assert [(pool["why"], pool["word"]["silent_since"]) for pool in later] == [("silent", "2025-03-03T01:00:00Z")] * 2
    before = suanli(tmp_path, "rates", "explain", *AT, "--as-of", "2025-03-03T00:29Z", "--json").data["pools"]
    assert before[0]["word"]["online_pflops"] == 80.0


def test_devices_are_told_where_they_are_a_whole_number() -> None:
    assert (whole_devices(1024 * 0.312, 0.312), whole_devices(0.0, 0.312)) == (1024, 0)
    assert [whole_devices(*pair) for pair in ((100.0, 0.312), (None, 0.312), (1.0, None))] == [None] * 3


SITES = (
    a_site("a", a_pool("p", built(devices=1024))),
    a_site("b", a_pool("q", built(10.0)), status="building"),
    a_site("c", a_pool("q", built(10.0)), status="retired"),
    a_site("d", a_pool("q", {"from": built()["from"], "stage": "planned", "pflops": 5.0, "source": "plan"})),
    a_site("e", a_pool("q", built(20.0)), a_pool("r", built(30.0)), a_pool("s", built(40.0))),
)


def test_why_a_pool_does_not_count(tmp_path: Path) -> None:
    clock = Clock(H)
    with a_store(*SITES, folder=tmp_path, clock=clock) as store:
        store.append([a_sample(H, 1000 * 0.312, 500 * 0.312, site="a"), a_sample(H, None, site="e", pool="q"),
                      a_sample(H, 25.0, None, site="e", pool="r")])  # fmt: skip
        stop(store, H, H + 60, site="b", now=H)
        pools = explain_answer(store, Asked(H, H), config())["pools"]
    assert {f"{one['site']}/{one['pool']}": (one["expected"], one["why"]) for one in pools} == {
        "a/p": (True, None),
        "b/q": (False, "not-operational"),
        "c/q": (False, "retired"),
        "d/q": (False, "nothing-built"),
        "e/q": (True, "online-unknown"),
        "e/r": (True, "used-unknown"),
        "e/s": (True, "never-heard"),
    }
    assert [one["policy"] for one in pools[1]["maintenance"]] == ["exclude"]
    at = ("--at", "2025-03-03T00:00Z")
    out = suanli(tmp_path, "--lang", "en", "rates", "explain", *at).out
    for text in (
        "online 312.0 P = 1,000 devices x 0.312 P",
        "built 319.488 P = 1,024 devices x 0.312 P  (ledger: acceptance, new, from 2024-01-01 00:00:00, recorded ",
        "0 s old of 180 s, quality ok",
        "building: does not count: its site is not operational (building)",
        "retired: does not count: retired",
        "does not count: nothing is built",
        "maintenance 1: exclude, power, 2025-03-03 08:00:00 to 2025-03-03 08:01:00, approved by chief",
        "online = 312.0 (a/p) + 25.0 (e/r) = 337.0 P",
        "online_ratio = 337.0 / 409.488 = 0.8230 (82.3 %)",
    ):
        assert text in out
    out = suanli(tmp_path, "--lang", "zh", "rates", "explain", *at).out
    for text in ("1,000 台 × 0.312 P", "不计入：已退役", "计入分母，但从未报数", "上线率 = 337.0 / 409.488 = 0.8230"):
        assert text in out


def test_maintenance_as_approved_windows_say(tmp_path: Path) -> None:
    with an_hour(tmp_path) as store:
        stop(store, H, H + 3600)
        stop(store, H + 1800, H + 4000, site="a", policy="hold")
        stop(store, H, H + 3600, site="a", by=None)
    plain = suanli(tmp_path, "rates", "explain", *AT, "--json").data
    assert [(pool["expected"], pool["held_at"]) for pool in plain["pools"]] == [(True, None)] * 2
    assert [(one["policy"], one["counts"]) for one in plain["pools"][0]["maintenance"]] == [
        ("exclude", False),
        ("hold", True),
    ]
    a, b = (policy := suanli(tmp_path, "rates", "explain", *AT, "--maintenance", "policy", "--json").data)["pools"]
    assert (a["held_at"], a["word"]["online_pflops"], a["word"]["age_seconds"]) == ("2025-03-03T00:29:59Z", 80.0, 1799)
    assert (b["expected"], b["why"]) == (False, "maintenance")
    assert policy["fleet"]["sums"]["excluded"] == {"addends": [{"pool": "b/q", "pflops": 60.0}], "sum": 60.0}
    assert policy["fleet"]["rates"]["online_ratio"] == 0.8
    for language, texts in (
        ("zh", ("维护剔除 = 60.0 (b/q)", "沿用", "未批准")),
        ("en", ("holds the figures of", "not approved")),
    ):
        out = suanli(tmp_path, "--lang", language, "rates", "explain", *AT, "--maintenance", "policy").out
        assert [text for text in texts if text not in out] == []


@pytest.mark.parametrize(
    ("words", "told"), [(["--by", "planet"], "--by"), (["--at", "soon"], "--at"), (["--as-of", "x"], "--as-of")]
)
def test_what_cannot_be_asked_is_2(tmp_path: Path, words: list[str], told: str) -> None:
    ended = suanli(tmp_path, "rates", "explain", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_an_empty_registry_explains_that_nothing_is_known(tmp_path: Path) -> None:
    fleet = suanli(tmp_path, "rates", "explain", "--json").data["fleet"]
    assert {one["sum"] for one in fleet["sums"].values()} == {None}
    assert set(again(fleet).values()) == {None}
