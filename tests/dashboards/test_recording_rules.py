"""The recorded sums and ratios of sums, evaluated by promtool, are those of `suanli.model.rates`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.alerts.grafana import grafana_rules
from dashboards.alerts.prometheus import prometheus_rules
from dashboards.alerts.recording import LEVELS, recording_rules
from dashboards.build import boards
from suanli.model.metric import RATIOS
from suanli.model.rates import rates_by, rates_of
from tests.dashboards.alerting import PLAN, Values, judge, story
from tests.dashboards.test_queries import POOLS

PLACES = {"two": ("安徽", "甲"), "half-silent": ("安徽", "乙"), "use-unknown": ("江苏", "甲"), "mixed": ("江苏", "乙")}
STATES = [
    replace(one, province=PLACES.get(one.site, ("宁夏", "丙"))[0], operator=PLACES.get(one.site, ("宁夏", "丙"))[1])
    for one in POOLS
]
"""Silent pools, unknown use, two bases in one site, maintenance, nothing built, all off."""
DIVIDED = [ratio for ratio in RATIOS if ratio.name != "coverage"]


def exposed() -> dict[str, Values]:
    """As two instances expose them."""
    lines: dict[str, Values] = {}
    for state in STATES:
        pool = f'pool="{state.pool}",site="{state.site}"'
        where = f'operator="{state.operator}",province="{state.province}",site="{state.site}",status="{state.status}"'
        known = {"built": state.built_pflops, "online": state.online_pflops, "used": state.used_pflops}
        for instance in "ij":
            here = f'instance="{instance}"'
            lines |= {
                f"suanli_site_info{{{where},{here}}}": [1.0],
                f'suanli_pool_info{{basis="{state.basis}",{pool},{here}}}': [1.0],
            }
            lines |= {
                f"suanli_site_{rung}_pflops{{{pool},{here}}}": [value]
                for rung, value in known.items()
                if value is not None
            }
    return lines


def expected(level: str, field: str) -> list[tuple[dict[str, str], float]]:
    """Of each group and basis in which the figure is known."""
    rows = []
    for basis in ("fp16", "fp64"):
        found = rates_by((one for one in STATES if one.basis == basis), key=lambda one: getattr(one, level))
        for name, states in found.items():
            value = getattr(rates_of(states), field)
            if value is not None:
                named = next(one for one in STATES if getattr(one, level) == name)
                more = {"province": named.province, "operator": named.operator} if level == "site" else {}
                rows.append(({"basis": basis, level: name, **more}, value))
    return rows


def _named(name: str, labels: dict[str, str]) -> str:
    inside = ", ".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{inside}}}"


def recorded(name: str, rows: list[tuple[dict[str, str], float]]) -> dict[str, Any]:
    samples = [{"labels": _named(name, labels), "value": value} for labels, value in rows]
    return {"expr": name, "eval_time": "0m", "exp_samples": samples}


@pytest.mark.parametrize("level", LEVELS)
def test_the_recorded_ratios_are_those_of_the_model(tmp_path: Path, level: str) -> None:
    tests = []
    for ratio in DIVIDED:
        rows = expected(level, ratio.field)
        assert len(rows) >= 2
        tests.append(recorded(f"{level}:suanli_{ratio.field}:ratio_of_sums", rows))
    assert judge(tmp_path, [story(level, exposed(), tests)], PLAN) == ""


def test_the_recorded_sums_are_those_of_the_expected_pools(tmp_path: Path) -> None:
    """By hand: 安徽 has two (64 + 64 built) and half-silent (16 + 16); nothing in maintenance counts."""
    rows = {
        "province:suanli_built_pflops:sum": {("fp16", "安徽"): 160, ("fp16", "江苏"): 72, ("fp64", "江苏"): 4096},
        "province:suanli_online_pflops:sum": {("fp16", "安徽"): 108, ("fp16", "江苏"): 68, ("fp64", "江苏"): 4096},
        "province:suanli_used_pflops:sum": {("fp16", "安徽"): 78, ("fp16", "江苏"): 18, ("fp64", "江苏"): 4096},
    }
    there = {"province:suanli_built_pflops:sum": 256, "province:suanli_online_pflops:sum": 0}
    tests = []
    for name, found in rows.items():
        known = found | {("fp16", "宁夏"): there.get(name, 0)}
        tests.append(
            recorded(name, [({"basis": basis, "province": where}, value) for (basis, where), value in known.items()])
        )
    assert judge(tmp_path, [story("sums", exposed(), tests)], PLAN) == ""


def test_names_say_level_metric_and_operation() -> None:
    names = [rule["record"] for rule in recording_rules()]
    assert len(set(names)) == len(names) == 1 + len(LEVELS) * (4 + len(DIVIDED))
    assert [name for name in names if not re.fullmatch(r"[a-z]+:suanli_[a-z_]+:[a-z_]+", name)] == []


def test_nothing_of_ours_reads_them() -> None:
    """Boards and alerts have to work where these rules are not loaded."""
    names = [rule["record"] for rule in recording_rules()]
    readers = str([boards(), grafana_rules(PLAN), prometheus_rules(PLAN)["groups"][0]])
    assert [name for name in names if name in readers] == []
