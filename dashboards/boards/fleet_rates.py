"""The fleet's two rates, each beside its national benchmark, and how much of the fleet they are known from."""

from __future__ import annotations

from dashboards.parts import query
from dashboards.parts.language import Say
from dashboards.parts.look import ABOVE_BENCHMARK, COVERAGE, RATIO, REFERENCE, Look
from dashboards.parts.panels import About, Ask, Panel, gauge, stat

_RATE = Look(RATIO, 1)


def online_rate(say: Say) -> Panel:
    text = say(
        "上线率 = 上线算力之和 ÷ 已建成算力之和(先求和再相除)。分母为全部应报站点,包括失联站点。",
        "Online-rate = sum of online / sum of built. The denominator is every expected site, also a silent one.",
    )
    return gauge(About(5, say("上线率", "Online-rate"), text), Ask(query.fleet_ratio("online")), _RATE, say)


def online_benchmark(say: Say) -> Panel:
    text = say(
        "全国平均上线率(2024 年,市数据局公布),以及本地上线率高出的百分点。",
        "The national average online-rate (2024, published), and by how many percentage points ours is above it.",
    )
    return _benchmark(About(6, say("上线率对比全国", "Online-rate against national"), text), "online", say)


def usage_rate(say: Say) -> Panel:
    text = say(
        "使用率 = 使用算力之和 ÷ 上线算力之和(先求和再相除,分配口径)。",
        "Usage-rate = sum of used / sum of online, as allocated.",
    )
    return gauge(About(7, say("使用率", "Usage-rate"), text), Ask(query.fleet_ratio("usage")), _RATE, say)


def usage_benchmark(say: Say) -> Panel:
    text = say(
        "全国平均使用率(2024 年,市数据局公布),以及本地使用率高出的百分点。",
        "The national average usage-rate (2024, published), and by how many percentage points ours is above it.",
    )
    return _benchmark(About(8, say("使用率对比全国", "Usage-rate against national"), text), "usage", say)


def coverage(say: Say) -> Panel:
    text = say(
        "覆盖率 = 有数据站点的已建成算力 ÷ 应报站点的已建成算力。低于 100% 时,请看上下限。",
        "Coverage = built of the sites heard / built of the sites expected. Below 100%, read the bounds.",
    )
    look = Look(RATIO, 1, COVERAGE)
    return stat(About(9, say("覆盖率", "Coverage"), text), [Ask(query.fleet_ratio("coverage"))], look, say)


def online_bounds(say: Say) -> Panel:
    text = say(
        "上线率的下限与上限:若失联站点全部为 0,若失联站点全部满额。",
        "The online-rate if every silent site were at 0, and if every silent site were full.",
    )
    return _bounds(About(10, say("上线率上下限", "Online-rate: bounds"), text), "online", say)


def usage_bounds(say: Say) -> Panel:
    text = say(
        "使用率的下限与上限:若失联站点全部上线而无使用,若全部上线且全部使用。",
        "The usage-rate if every silent site were online and idle, and if every silent site were online and all used.",
    )
    return _bounds(About(11, say("使用率上下限", "Usage-rate: bounds"), text), "usage", say)


AGAINST_BENCHMARK = (online_rate, online_benchmark, usage_rate, usage_benchmark)
COVERAGE_AND_BOUNDS = (coverage, online_bounds, usage_bounds)


def _benchmark(about: About, ratio: str, say: Say) -> Panel:
    points = Look(say("suffix:个百分点", "suffix:points"), 1, ABOVE_BENCHMARK)
    asks = [
        Ask(query.benchmark(ratio), say("全国平均", "national")),
        Ask(query.points_above_benchmark(ratio), say("高于全国", "above it by"), points),
    ]
    return stat(about, asks, Look(RATIO, 1, REFERENCE), say)


def _bounds(about: About, ratio: str, say: Say) -> Panel:
    asks = [
        Ask(query.fleet_ratio(ratio, "low"), say("下限", "low")),
        Ask(query.fleet_ratio(ratio, "high"), say("上限", "high")),
    ]
    return stat(about, asks, _RATE, say)
