"""The fleet's two rates, each beside what it is compared with, and how much of the fleet they are known from."""

from __future__ import annotations

from dashboards.boards.asking import rate_now
from dashboards.boards.words import RATE, definition, rate_name
from dashboards.parts import promql
from dashboards.parts.form import Form
from dashboards.parts.look import AGE, CHANGE, COVERAGE, RATIO, REFERENCE, SECONDS, Look
from dashboards.parts.panels import About, Ask, Panel, gauge, named, stat


def online_rate(form: Form) -> Panel:
    about = About(5, form.say("上线率", "Online-rate"), definition("online-rate", form))
    return gauge(about, rate_now("online", form), RATE, form)


def online_compared(form: Form) -> Panel:
    return _compared(6, "online", form)


def usage_rate(form: Form) -> Panel:
    about = About(7, form.say("使用率", "Usage-rate"), definition("usage-rate", form))
    return gauge(about, rate_now("usage", form), RATE, form)


def usage_compared(form: Form) -> Panel:
    return _compared(8, "usage", form)


def coverage(form: Form) -> Panel:
    look = Look(RATIO, 1, COVERAGE)
    about = About(9, form.say("覆盖率", "Coverage"), definition("coverage", form))
    return stat(about, [rate_now("coverage", form)], look, form)


def online_bounds(form: Form) -> Panel:
    text = form.say(
        "上线率的下限与上限:若失联站点全部为 0,若失联站点全部满额。",
        "The online-rate if every silent site were at 0, and if every silent site were full.",
    )
    return _bounds(About(10, form.say("上线率上下限", "Online-rate: bounds"), text), "online", form)


def usage_bounds(form: Form) -> Panel:
    text = form.say(
        "使用率的下限与上限:若失联站点全部上线而无使用,若全部上线且全部使用。",
        "The usage-rate if every silent site were online and idle, and if every silent site were online and all used.",
    )
    return _bounds(About(11, form.say("使用率上下限", "Usage-rate: bounds"), text), "usage", form)


def freshness(form: Form) -> Panel:
    text = form.say(
        "应报站点中,失联最久者距最近一次成功轮询的秒数。超过 180 秒(默认 max_age)的站点视为未知。",
        "Seconds since the last successful poll of the expected site that is longest silent. "
        "A site older than its max_age (180 s by default) is unknown.",
    )
    about = About(15, form.say("数据新鲜度", "Freshness: the oldest"), text)
    return stat(about, [Ask(promql.oldest())], Look(SECONDS, 0, AGE), form)


def _compared(id_: int, ratio: str, form: Form) -> Panel:
    say, name = form.say, rate_name(ratio, form.say)
    text = say(
        f"{name}的对照:全国平均(2024 年,市数据局公布)、目标(config.yaml)、较 7 天前变化的百分点。",
        f"The {name} beside the national average (2024, published), its target (config.yaml), "
        "and its change against 7 days ago in percentage points.",
    )
    points = Look(say("suffix:个百分点", "suffix:points"), 1, CHANGE, signed=True)
    asks = [
        Ask(promql.benchmark(ratio), say("全国平均", "national")),
        Ask(promql.target(ratio), say("目标", "target")),
        Ask(promql.points_changed(ratio), say("较 7 天前", "against 7 days ago"), points),
    ]
    return stat(About(id_, say(f"{name}对照", f"{name} compared"), text), asks, Look(RATIO, 1, REFERENCE), form)


def _bounds(about: About, ratio: str, form: Form) -> Panel:
    made = stat(about, [Ask(promql.fleet_bounds(ratio), by="__name__")], RATE, form)
    gauge = f"suanli_fleet_{ratio}_ratio"
    return named(made, [(f"{gauge}_low", form.say("下限", "low")), (f"{gauge}_high", form.say("上限", "high"))])
