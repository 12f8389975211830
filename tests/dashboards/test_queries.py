"""The boards' PromQL: real names, real syntax, ratios of sums, and the same rates as `suanli.model.rates`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dashboards.parts import promql
from dashboards.parts.terms import FLEET, RATIO_TERMS
from suanli.model.rates import PoolState, rates_by, rates_of
from tests.dashboards.boards import UIDS, expressions, filled, names_read, promtool, read
from tests.dashboards.world import World

EXPRESSIONS = expressions()


def test_the_boards_ask_something() -> None:
    assert len(EXPRESSIONS) >= 60


def labels_of(world: World) -> dict[str, set[str]]:
    """Of each metric in the scrapes of the world, which are the exposition itself."""
    labels: dict[str, set[str]] = {}
    for name, inside in re.findall(r"^(\w+)\{(.*?)\} \S+ \d+$", world.file.read_text(encoding="utf-8"), re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(?:^|,)(\w+)="', inside))
    return labels


def test_rules_and_boards_read_what_is_exposed(world: World) -> None:
    """Nothing that is promised, and nothing else; tests/test_alerts_travel.py asks a whole process for the same."""
    names = names_read()
    assert len(names) >= 50
    assert sorted(names - set(labels_of(world)) - {"suanli_poll_duration_seconds"}) == []


def test_every_metric_and_label_exists(world: World) -> None:
    labels = labels_of(world)
    everything = set().union(*labels.values()) | {"le", "line", "__name__"}
    for expr in EXPRESSIONS:
        for name, inside in re.findall(r"\b((?:suanli|process)_\w+)(?:\{([^}]*)\})?", expr):
            assert name in labels, f"{name} in {expr}"
            assert set(re.findall(r"(\w+)=", inside)) <= labels[name], expr
        grouped = re.findall(r"(?:by|on|group_left) \(([^)]*)\)", expr)
        assert {label for group in grouped for label in re.split(r", ?", group) if label} <= everything, expr


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_no_mean_of_ratios(expr: str) -> None:
    """No mean and no sum of a ratio; what is divided is a sum on both sides."""
    assert not re.search(r"\bavg|\bquantile|stddev", expr)
    assert not re.search(r"\b(sum|avg|count|\w+_over_time)\s*(by \([^)]*\) )?\([^)]*_ratio", expr)
    for above, below in re.findall(r"(.*?) / (.*)", expr):
        assert re.match(r"\(*(topk\(40, |bottomk\(20, )?\(*sum\b", above), expr
        assert re.match(r"\(*sum\b", below), expr


@pytest.mark.parametrize("uid", UIDS)
def test_no_mean_in_a_reducer(uid: str) -> None:
    """A legend or a stat that shows the mean of a rate over time would be another number than its name says."""
    options = [panel["options"] for panel in read(uid)["panels"]]
    assert not re.search(r"['\"](mean|avg)", str(options), re.IGNORECASE)


def test_promtool_reads_every_expression(tmp_path: Path) -> None:
    rules = [{"record": f"board:query_{i}:check", "expr": filled(expr)} for i, expr in enumerate(EXPRESSIONS)]
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
        promql.fleet_bounds(ratio)


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
    rates = {site: rates_of(states) for site, states in fp16.items()}
    wanted = {
        promql.ratio(name, by="site"): {site: getattr(one, f"{name}_ratio") for site, one in rates.items()}
        for name in RATIO_TERMS
    }
    online, usage = wanted[promql.ratio("online", by="site")], wanted[promql.ratio("usage", by="site")]
    assert online["two"] == 0.75
    assert online["half-silent"] == 0.375
    assert usage["use-unknown"] == 0.5
    assert {online["silent"], online["repair"], online["empty"], usage["off"]} == {None}
    assert online["off"] == 0.0
    sums = {
        promql.total(name, by="site"): {site: getattr(one, f"{name}_pflops") for site, one in rates.items()}
        for name in ("built", "online", "used")
    }
    _evaluate(tmp_path, wanted | sums)


def test_bounds_when_nobody_is_heard(tmp_path: Path) -> None:
    whole = rates_of(state for state in POOLS if state.basis == "fp16")
    heard: dict[str, dict[str, float | None]] = {
        promql.bound("low", FLEET): {"": whole.online_ratio_low},
        promql.bound("high", FLEET): {"": whole.online_ratio_high},
    }
    _evaluate(tmp_path, heard)
    silent = rates_of(replace(state, online_pflops=None, used_pflops=None) for state in POOLS if state.basis == "fp16")
    assert (silent.online_ratio_low, silent.online_ratio_high, silent.coverage_ratio) == (0.0, 1.0, 0.0)
    nobody: dict[str, dict[str, float | None]] = {
        promql.bound("low", FLEET): {"": 0.0},
        promql.bound("high", FLEET): {"": 1.0},
    }
    _evaluate(tmp_path, nobody | {promql.ratio("coverage"): {"": 0.0}, promql.ratio("online"): {"": None}}, up=False)


def test_sites_up_of_expected(tmp_path: Path) -> None:
    """The site in repair answers, and is not expected; the empty one neither."""
    whole = rates_of(state for state in POOLS if state.basis == "fp16")
    assert (whole.sites_heard, whole.sites_expected) == (5, 6)
    _evaluate(tmp_path, {promql.sites_expected(): {"": 6}, promql.sites_up(): {"": 5}})


def test_zero_sites_up_is_zero_and_not_unknown(tmp_path: Path) -> None:
    _evaluate(tmp_path, {promql.sites_up(): {"": 0}}, up=False)


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
    file = folder / "tests.yml"
    file.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}))
    done = promtool(["test", "rules", file], folder)
    assert done.returncode == 0, done.stdout + done.stderr


def _exposed(instance: str, up: bool) -> list[tuple[str, float]]:
    """The exposition of POOLS: what is unknown is absent."""
    here = f'instance="{instance}"'
    heard = {state.site for state in POOLS if up and state.online_pflops is not None}
    status = {state.site: state.status for state in POOLS}
    made: list[tuple[str, float]] = [(f'suanli_site_up{{site="{site}",{here}}}', site in heard) for site in status]
    made += [(f'suanli_site_info{{site="{site}",status="{word}",{here}}}', 1) for site, word in status.items()]
    for state in POOLS:
        told = up or None
        labels = f'site="{state.site}",pool="{state.pool}",{here}'
        rungs = {
            "built": state.built_pflops,
            "online": told and state.online_pflops,
            "used": told and state.used_pflops,
        }
        made.append((f'suanli_pool_info{{{labels},basis="{state.basis}"}}', 1))
        made += [
            (f"suanli_site_{rung}_pflops{{{labels}}}", value) for rung, value in rungs.items() if value is not None
        ]
    return [(name, float(value)) for name, value in made]


def _sample(site: str, value: float) -> dict[str, object]:
    labels = f'{{site="{site}"}}' if site else "{}"
    return {"labels": labels, "value": value}
