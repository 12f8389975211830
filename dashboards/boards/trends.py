"""The fleet over time."""

from __future__ import annotations

from dashboards.parts import query
from dashboards.parts.language import Say
from dashboards.parts.look import PFLOPS, RATIO, Look
from dashboards.parts.panels import About, Ask, Panel, timeseries


def rates(say: Say) -> Panel:
    text = say(
        "每一时刻的上线率与使用率(均为先求和再相除),虚线为全国平均。未知处留空,不补 0。",
        "Both rates at each instant, each a ratio of sums; dashed: the national averages. A gap is unknown, not 0.",
    )
    asks = [
        Ask(query.fleet_ratio("online"), say("上线率", "online-rate")),
        Ask(query.fleet_ratio("usage"), say("使用率", "usage-rate")),
        Ask(query.benchmark("online"), say("全国上线率", "national online-rate"), dashed=True),
        Ask(query.benchmark("usage"), say("全国使用率", "national usage-rate"), dashed=True),
    ]
    return timeseries(About(12, say("两率趋势", "Rates over time"), text), asks, Look(RATIO, 1), say)


def absolutes(say: Say) -> Panel:
    text = say(
        "每一时刻的已建成、上线与使用算力之和,单位 P。上线下降时请先看覆盖率:站点失联也会使已知之和变小。",
        "Sums of built, online and used at each instant, in P. When online falls, look at coverage first: "
        "a silent site leaves the sum of what is known.",
    )
    asks = [
        Ask(query.fleet("built"), say("已建成", "built")),
        Ask(query.fleet("online"), say("上线", "online")),
        Ask(query.fleet("used"), say("使用", "used")),
    ]
    return timeseries(About(13, say("算力趋势", "Computing power over time"), text), asks, Look(PFLOPS, 1), say)
