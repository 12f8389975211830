"""The traps that others fell into, each by its name. Put one in, and its test fails.

Where a trap could be sprung in several places, each place is tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from collectors.base import Unreadable
from collectors.slurm.parse import parse
from dashboards.parts.board import queries
from suanli.answers import Asked, rates_answer
from suanli.catalog.accelerators import load_accelerators
from suanli.catalog.benchmarks import Benchmark, comparable, delta
from suanli.config import Config
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.rates import rates_of
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from suanli.period_answers import AskedPeriod, period_answer
from suanli.quality.base import Known
from suanli.quality.entrance import CHECKS, examined
from suanli.quality.history import Hourly
from suanli.quality.inspections import inspected
from suanli.store.sql import Store
from tests.dashboards.boards import LANGUAGES, committed
from tests.suanli.making import T0, a_pool, a_sample, a_site, a_store, built, config

HOUR = 3600
TARGETS = config(targets=({"metric": "online_ratio", "target": 0.5, "for": "10m"},))


SLURM = PolledSite(
    "s",
    Source(kind="slurm", url="http://127.0.0.1:6820"),
    (PolledPool("a100", "a100", frozenset({"a100"}), 0.312, Match(label="gres", value="a100")),),
    interval=60,
    timeout=10.0,
    max_age=180,
)


@pytest.fixture
def big_and_small() -> Iterator[Store]:
    """1,000 P of which a tenth is online, and 10 P wholly online, both heard at T0 for an hour."""
    sites = a_site("big", a_pool("p", built(1000.0))), a_site("small", a_pool("p", built(10.0)))
    with a_store(*sites) as store:
        store.append(
            [
                a_sample(T0, 100.0, 50.0, site="big", max_age=HOUR),
                a_sample(T0, 10.0, 10.0, site="small", max_age=HOUR),
            ]
        )
        yield store


def test_mean_of_means(big_and_small: Store) -> None:
    """The mean of the sites' rates would be 0.55."""
    right = 110 / 1010
    assert rates_of(big_and_small.states(T0)).online_ratio == pytest.approx(right)
    period = period_answer(big_and_small, AskedPeriod(T0, T0 + HOUR, by="province"), config())
    assert period["fleet"]["online_ratio"] == pytest.approx(right)
    assert [one["online_ratio"] for one in period["groups"]] == [pytest.approx(right)]
    for language in LANGUAGES:
        expressions = [asked.expr for asked in queries(committed(language))]
        assert expressions
        assert not [one for one in expressions if re.search(r"\bavg\b|(sum|avg)[^(]*\([^()]*_ratio", one)]


def test_a_silent_site_leaves_the_denominator(big_and_small: Store) -> None:
    """The big site falls silent after its hour; of those that answer, all would be online."""
    big_and_small.append([a_sample(T0 + 2 * HOUR, 10.0, 10.0, site="small")])
    now = rates_of(big_and_small.states(T0 + 2 * HOUR))
    assert now.online_ratio == pytest.approx(10 / 1010)
    assert (now.built_pflops, now.sites_heard, now.sites_expected) == (1010.0, 1, 2)
    assert now.coverage_ratio == pytest.approx(10 / 1010)
    assert now.online_ratio_high == pytest.approx(1.0)
    answer = period_answer(big_and_small, AskedPeriod(T0, T0 + 2 * HOUR), config())["fleet"]
    assert answer["online_ratio"] == pytest.approx((100 + 10) / (2 * 1010), rel=1e-3)
    assert answer["coverage_ratio"] == pytest.approx(0.5, rel=1e-3)


def test_infinite_utilisation_and_minus_21_idle() -> None:
    """A total that cannot be read is an error, and a ratio over nothing is undefined."""
    nothing = a_site("s", a_pool("p", built(0.0)))
    with a_store(nothing, a_site("t", a_pool("p", built(5.0)))) as store:
        store.append([a_sample(T0, 0.0, 0.0, site="t"), a_sample(T0, 21.0, 21.0, site="s")])
        rates = rates_of(store.states(T0))
        assert (rates.online_ratio, rates.usage_ratio) == (0.0, None)
        assert rates_of(store.states(T0 - HOUR)).usage_ratio is None
        assert rates_of(state for state in store.states(T0) if state.site == "s").online_ratio is None
        answer = period_answer(store, AskedPeriod(T0, T0 + 60), config())
        assert answer["fleet"]["usage_ratio"] is None
    unreadable = {"name": "n1", "state": ["IDLE"], "gres": "gpu:a100:many", "gres_used": "gpu:a100:21"}
    with pytest.raises(Unreadable):
        parse({"nodes": [unreadable], "errors": []}, SLURM, T0, frozenset({"gpu"}))


def test_zeros_for_weeks_while_devices_were_busy() -> None:
    """One signal says nothing is used, another that all of it computes."""
    hours = tuple(T0 // HOUR * HOUR + place * HOUR for place in range(24 * 7))
    lying = Hourly("s", "p", hours, (90.0,) * len(hours), (0.0,) * len(hours), (89.0,) * len(hours))
    (finding,) = [one for one in inspected([lying], ZoneInfo("Asia/Shanghai")) if one.check == "silent-zero"]
    assert (finding.site, finding.pool) == ("s", "p")
    idle = Hourly("s", "p", hours, (90.0,) * len(hours), (0.0,) * len(hours), (0.0,) * len(hours))
    assert [one for one in inspected([idle], ZoneInfo("Asia/Shanghai")) if one.check == "silent-zero"] == []


def test_a_sentinel_is_no_figure() -> None:
    """2^63 is what programs write for "no value"; neither it nor 0 becomes a figure."""
    sample = a_sample(T0, 10.0, 5.0).model_copy(update={"online_devices": float(2**63)})
    kept, held = examined(sample, Known(now=T0, built_pflops=100.0, peak_pflops=0.312))
    assert kept is None
    assert held is not None
    assert held.check == "sentinel"
    with pytest.raises(ValueError, match="less than or equal"):
        Sample.model_validate(a_sample(T0).model_dump() | {"online_pflops": 9.2e18})


def test_used_104_percent_because_capacity_was_out_of_date() -> None:
    """Kept and flagged, never clamped; a late entry of the ledger puts it right, for the past too."""
    with a_store(a_site("s", a_pool("p", built(100.0)))) as store:
        store.append([a_sample(T0, 104.0, 104.0)])
        (state,) = store.states(T0)
        assert (state.online_pflops, state.quality) == (104.0, "suspect")
        assert rates_of([state]).online_ratio == pytest.approx(1.04)
    entries = built(100.0, until=date(2026, 1, 1)), built(130.0, date(2026, 1, 1))
    with a_store(a_site("s", a_pool("p", *entries))) as store:
        store.append([a_sample(T0, 104.0, 104.0)])
        (state,) = store.states(T0)
        assert state.quality == "ok"
        assert rates_of([state]).online_ratio == pytest.approx(0.8)


def test_a_target_is_not_met_because_data_stopped(big_and_small: Store) -> None:
    """When nobody is heard, a target is unknown: neither missed nor well."""
    later = T0 + 2 * HOUR
    answer = rates_answer(big_and_small.states(later), Asked(later, later), TARGETS)
    assert [one["state"] for one in answer["targets"]] == ["unknown"]
    at = rates_answer(big_and_small.states(T0), Asked(T0, T0), TARGETS)
    assert [one["state"] for one in at["targets"]] == ["below"]


def test_two_bases_are_not_growth() -> None:
    """90 of FP32 and 788 of FP16 are two figures: never a sum, and never a rise."""
    pools = a_pool("a", built(788.0)), a_pool("b", built(90.0), basis="fp32")
    with a_store(a_site("s", *pools)) as store:
        store.append([a_sample(T0, 788.0, 0.0, pool="a"), a_sample(T0, 90.0, 0.0, pool="b")])
        states = store.states(T0)
        for basis, figure in (("fp16", 788.0), ("fp32", 90.0)):
            asked = Asked(T0, T0, basis=basis)  # type: ignore[arg-type] # a literal of ours
            assert rates_answer(states, asked, Config())["fleet"]["built_pflops"] == figure
            period = AskedPeriod(T0, T0 + 60, basis=basis)  # type: ignore[arg-type] # as above
            assert period_answer(store, period, Config())["fleet"]["built_pflops"] == pytest.approx(figure)


def test_racks_are_not_computing_power() -> None:
    """上架率 counts racks: no difference is made of it and a rate of PFLOPS."""
    racks = Benchmark.model_validate(
        {
            "name": "racks",
            "metric": "usage_ratio",
            "value": 0.66,
            "from": date(2024, 1, 1),
            "unit": "racks",
            "source": "a",
        }
    )
    assert comparable(racks, "fp16") == "unit-differs"
    assert delta(racks, "fp16", 0.5) is None
    answer = rates_answer([], Asked(T0, T0), config(benchmarks=(racks,)))
    assert [one["delta"] for one in answer["benchmarks"] if one["name"] == "racks"] == [None]


def test_16_dies_are_8_chips() -> None:
    """The catalogue says what one device is: what MindCluster lists is a die, and two of them are one package."""
    catalogue = load_accelerators()
    die, package = catalogue.find("huawei.com/Ascend910C"), catalogue.find("910C")
    assert die is not None
    assert package is not None
    assert die.id != package.id
    assert 16 * (die.peak_pflops("fp16") or 0) == pytest.approx(8 * (package.peak_pflops("fp16") or 0))


def test_the_table_of_checks_is_not_empty() -> None:
    assert {"sentinel", "unit", "future", "ladder", "jump", "sparse", "precision"} <= {one.name for one in CHECKS}
