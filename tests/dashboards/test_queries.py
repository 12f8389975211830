"""The boards' PromQL: real names, real syntax, ratios of sums, and the same rates as `suanli.model.rates`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dashboards.parts import query
from dashboards.parts.board import queries
from suanli.model.metric import RATIOS, RUNGS
from suanli.model.rates import PoolState, rates_by, rates_of
from tests.dashboards.boards import LANGUAGES, committed, promtool

OWN = {
    "suanli_site_info",
    "suanli_pool_info",
    "suanli_site_up",
    "suanli_site_last_success_timestamp_seconds",
    "suanli_site_polls_total",
    "suanli_fleet_online_ratio_low",
    "suanli_fleet_online_ratio_high",
    "suanli_fleet_usage_ratio_low",
    "suanli_fleet_usage_ratio_high",
    "suanli_benchmark_ratio",
    "suanli_target_ratio",
    "suanli_alert_firing",
}
"""Copied from the contract (interfaces, "Prometheus"), not from the code."""

TABLE = {
    *(rung.site_gauge for rung in RUNGS),
    *(rung.fleet_gauge for rung in RUNGS),
    *(ratio.fleet_gauge for ratio in RATIOS),
}

EXPRESSIONS = sorted({asked.expr for language in LANGUAGES for asked in queries(committed(language))})


def test_the_boards_ask_something() -> None:
    assert len(EXPRESSIONS) >= 20


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_metric_exists(expr: str) -> None:
    names = set(re.findall(r"\bsuanli_\w+", expr))
    assert names
    assert names <= TABLE | OWN


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_no_mean_of_ratios(expr: str) -> None:
    """No mean and no sum of a ratio; what is divided is a sum on both sides."""
    assert not re.search(r"\bavg|quantile|stddev", expr)
    assert not re.search(r"(sum|_over_time|count)\s*(by \([^)]*\) )?\([^)]*_ratio", expr)
    for above, below in re.findall(r"(\w+ by \(site\)) .* / \((\w+ by \(site\))", expr):
        assert (above, below) == ("sum by (site)", "sum by (site)")
    assert ("/" in expr) == (" / (sum by (site) (" in expr)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mean_in_a_reducer(language: str) -> None:
    """A legend or a stat that shows the mean of a rate over time would be another number than its name says."""
    assert not re.search(r"['\"](mean|avg)", str(committed(language)), re.IGNORECASE)


def test_promtool_reads_every_expression(tmp_path: Path) -> None:
    rules = [{"record": f"board:query_{i}:check", "expr": expr} for i, expr in enumerate(EXPRESSIONS)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}))
    done = promtool(["check", "rules", file], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout


def test_promtool_would_refuse_a_bad_expression(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "bad", "rules": [{"record": "a:b", "expr": "sum(("}]}]}))
    assert promtool(["check", "rules", file], tmp_path).returncode != 0


@pytest.mark.parametrize("ratio", ["coverage", "overall"])
def test_a_ratio_without_bounds_has_none(ratio: str) -> None:
    with pytest.raises(ValueError, match=ratio):
        query.fleet_ratio(ratio, "low")


def _pool(site: str, pool: str, *ladder: float | None, basis: str = "fp16", status: str = "operational") -> PoolState:
    built, online, used = ladder
    named = {"province": "安徽", "operator": "o", "model": "m", "basis": basis, "status": status}
    return PoolState(site, pool, **named, built_pflops=built, online_pflops=online, used_pflops=used)  # type: ignore[arg-type] # the literals


POOLS = [
    _pool("two", "large", 64, 32, 8),
    _pool("two", "small", 64, 64, 64),
    _pool("half-silent", "told", 16, 12, 6),
    _pool("half-silent", "silent", 16, None, None),
    _pool("use-unknown", "told", 32, 32, 16),
    _pool("use-unknown", "untold", 32, 32, None),
    _pool("silent", "all", 128, None, None),
    _pool("off", "all", 128, 0, 0),
    _pool("mixed", "half", 8, 4, 2),
    _pool("mixed", "double", 4096, 4096, 4096, basis="fp64"),
    _pool("repair", "all", 8, 0, 0, status="maintenance"),
    _pool("empty", "all", 0, 0, 0),
]


def test_site_rates_are_those_of_the_model(tmp_path: Path) -> None:
    """Silent pools, unknown use, another basis, maintenance, nothing built, all off; two instances expose the same."""
    fp16 = rates_by((state for state in POOLS if state.basis == "fp16"), key=lambda state: state.site)
    online = {site: rates_of(states).online_ratio for site, states in fp16.items()}
    usage = {site: rates_of(states).usage_ratio for site, states in fp16.items()}
    assert online["two"] == 0.75
    assert online["half-silent"] == 0.375
    assert usage["use-unknown"] == 0.5
    assert {online["silent"], online["repair"], online["empty"], usage["off"]} == {None}
    assert online["off"] == 0.0
    _evaluate(tmp_path, {query.site_ratio("online"): online, query.site_ratio("usage"): usage})


def test_site_sums_leave_the_unknown_out(tmp_path: Path) -> None:
    built = {
        "two": 128,
        "half-silent": 32,
        "use-unknown": 64,
        "silent": 128,
        "off": 128,
        "mixed": 8,
        "repair": 8,
        "empty": 0,
    }
    used: dict[str, float | None] = {
        "two": 72,
        "half-silent": 6,
        "use-unknown": 16,
        "off": 0,
        "mixed": 2,
        "repair": 0,
        "empty": 0,
    }
    _evaluate(tmp_path, {query.site_sum("built"): dict(built), query.site_sum("used"): used})


def test_sites_up_of_expected(tmp_path: Path) -> None:
    """The site in repair answers, and is not expected; the empty one neither."""
    whole = rates_of(state for state in POOLS if state.basis == "fp16")
    assert (whole.sites_heard, whole.sites_expected) == (5, 6)
    _evaluate(tmp_path, {query.sites_expected(): {"": 6}, query.sites_up(): {"": 5}})


def test_zero_sites_up_is_zero_and_not_unknown(tmp_path: Path) -> None:
    _evaluate(tmp_path, {query.sites_up(): {"": 0}}, up=False)


def test_points_above_the_benchmark(tmp_path: Path) -> None:
    _evaluate(tmp_path, {query.points_above_benchmark("online"): {"": 25}})


def _evaluate(folder: Path, expected: dict[str, dict[str, float | None]], *, up: bool = True) -> None:
    """Asks promtool what the expressions give for POOLS, exposed by two instances; `{site: None}` is absent."""
    tests = [
        {
            "expr": expr,
            "eval_time": "0m",
            "exp_samples": [_sample(site, v) for site, v in answers.items() if v is not None],
        }
        for expr, answers in expected.items()
    ]
    series = [{"series": name, "values": str(value)} for instance in "ab" for name, value in _exposed(instance, up)]
    series += [{"series": name, "values": str(value)} for name, value in FLEET]
    file = folder / "tests.yml"
    file.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}))
    done = promtool(["test", "rules", file], folder)
    assert done.returncode == 0, done.stdout + done.stderr


FLEET = [
    ('suanli_fleet_online_ratio{basis="fp16"}', 0.75),
    ('suanli_benchmark_ratio{benchmark="national-2024",metric="online_ratio"}', 0.5),
    ('suanli_benchmark_ratio{benchmark="national-2024",metric="usage_ratio"}', 0.25),
]


def _exposed(instance: str, up: bool) -> list[tuple[str, float]]:
    """The exposition of POOLS: what is unknown is absent."""
    here = f'instance="{instance}"'
    heard = {state.site for state in POOLS if up and state.online_pflops is not None}
    status = {state.site: state.status for state in POOLS}
    made: list[tuple[str, float]] = [(f'suanli_site_up{{site="{site}",{here}}}', site in heard) for site in status]
    made += [(f'suanli_site_info{{site="{site}",status="{word}",{here}}}', 1) for site, word in status.items()]
    for state in POOLS:
        labels = f'site="{state.site}",pool="{state.pool}",{here}'
        rungs = {"built": state.built_pflops, "online": state.online_pflops, "used": state.used_pflops}
        made.append((f'suanli_pool_info{{{labels},basis="{state.basis}"}}', 1))
        made += [
            (f"suanli_site_{rung}_pflops{{{labels}}}", value) for rung, value in rungs.items() if value is not None
        ]
    return [(name, float(value)) for name, value in made]


def _sample(site: str, value: float) -> dict[str, object]:
    labels = f'{{site="{site}"}}' if site else "{}"
    return {"labels": labels, "value": value}
