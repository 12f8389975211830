"""The fleet over time."""

from __future__ import annotations

from dashboards.boards.asking import power, rate
from dashboards.boards.words import POWER, RATE, gauges, rate_gauges, rate_name, rung
from dashboards.parts import promql
from dashboards.parts.form import Form
from dashboards.parts.panels import About, Ask, Panel, named, timeseries


def rates(form: Form) -> Panel:
    text = form.say(
        "每一时刻的上线率与使用率(均为先求和再相除)。未知处留空,不补 0。",
        "Both rates at each instant, each a ratio of sums. A gap is unknown, not 0.",
    )
    if not form.prometheus:
        asks = [rate(name, rate_name(name, form.say), form) for name in ("online", "usage")]
        return timeseries(About(12, form.say("两率趋势", "Rates over time"), text), asks, RATE, form)
    text += form.say(
        "虚线为全国平均与目标,以图例为准。",
        " Dashed: the national averages and the targets, as the legend names them.",
    )
    asks = [
        Ask(promql.fleet_ratio("online", "usage"), by="__name__"),
        Ask(promql.line("national", promql.benchmark()), by="line", dashed=True),
        Ask(promql.line("target", promql.target()), by="line", dashed=True),
    ]
    made = timeseries(About(12, form.say("两率趋势", "Rates over time"), text), asks, RATE, form)
    return named(made, [*rate_gauges(form.say), *_lines(form)])


def absolutes(form: Form) -> Panel:
    text = form.say(
        "每一时刻的已建成、上线与使用算力之和,单位 P。上线下降时请先看覆盖率:站点失联也会使已知之和变小。",
        "Sums of built, online and used at each instant, in P. When online falls, look at coverage first: "
        "a silent site leaves the sum of what is known.",
    )
    about = About(13, form.say("算力趋势", "Computing power over time"), text)
    if not form.prometheus:
        terms = [power(term, rung(term, form.say), form) for term in ("built", "online", "used")]
        return timeseries(about, terms, POWER, form)
    rungs = ["built", "online", "used"]
    made = timeseries(about, [Ask(promql.fleet(*rungs), by="__name__")], POWER, form)
    return named(made, gauges(rungs, form.say))


def _lines(form: Form) -> list[tuple[str, str]]:
    return [
        (f"{line} {ratio}_ratio", form.say(f"{zh}{rate_name(ratio, form.say)}", f"{en} {rate_name(ratio, form.say)}"))
        for line, zh, en in (("national", "全国", "national"), ("target", "目标", "target"))
        for ratio in ("online", "usage")
    ]
