"""One site, further down: its ladder over time, its pools, and what is to be doubted of it."""

from __future__ import annotations

from dashboards.boards.asking import power
from dashboards.boards.words import POWER, definition, rung
from dashboards.parts import influxql, promql, signals
from dashboards.parts.form import Form
from dashboards.parts.look import ANY_IS_BAD, COUNT, PER_SECOND, PFLOPS, Look
from dashboards.parts.panels import About, Ask, Panel, bargauge, stat, timeseries
from dashboards.parts.table import Column, Label, Number, table
from dashboards.parts.terms import ONE_SITE, Term

_LADDER: tuple[Term, ...] = ("built", "online", "used", "busy")


def ladder_over_time(form: Form) -> Panel:
    text = form.say(
        "每一时刻的已建成、上线、使用与忙碌算力,单位 P;竖线为容量变更。"
        "应有 已建成 ≥ 上线 ≥ 使用 ≥ 忙碌,不成立时保留并标记。",
        "Built, online, used and busy at each instant, in P; vertical lines: changes of capacity. "
        "Built >= online >= used >= busy should hold; where it does not, the value is kept and flagged.",
    )
    asks = [power(term, rung(term, form.say), form, ONE_SITE) for term in _LADDER]
    return timeseries(About(7, form.say("阶梯趋势", "The ladder over time"), text), asks, POWER, form)


def gap(form: Form) -> Panel:
    text = form.say(
        "空占 = 使用 − 忙碌(先各自求和),只计两者皆知的资源池。站点不提供忙碌数据时未知。",
        "Idle-held = used - busy, of pools that tell both. Unknown where the site does not tell busy.",
    )
    look = Look(PFLOPS, 1, signed=True)
    asks = [Ask(promql.gap(ONE_SITE), form.say("空占", "held and idle"))]
    return timeseries(About(8, form.say("空占算力", "Allocated, and not busy"), text), asks, look, form)


def pools(form: Form) -> Panel:
    text = form.say(
        "该站点的资源池:型号、精度口径与此刻的算力(P,各按自己的口径,不同口径不相加)。",
        "The site's pools: model, precision basis, and computing power now in P, each in its own basis.",
    )
    columns: list[Column] = [
        Label("pool", form.say("资源池", "Pool"), wide=120),
        Label("model", form.say("型号", "Model"), wide=180),
        Label("basis", form.say("口径", "Basis")),
        *(Number(rung(name, form.say), POWER, promql.pool_rung(name)) for name in ("built", "online", "used")),
    ]
    about = About(9, form.say("资源池", "Pools and models"), text)
    return table(about, promql.pool_names(), columns, form, sort=columns[0].title, join="pool")


def doubts(form: Form) -> Panel:
    text = form.say(
        "该站点存疑的资源池数:有检查在发问(suanli quarantine list 说明是哪一项)。",
        "How many pools of this site are suspect: a check asks a question (suanli quarantine list says which).",
    )
    look = Look(COUNT, 0, ANY_IS_BAD)
    return stat(About(10, form.say("存疑资源池", "Suspect pools"), text), [Ask(signals.suspect_of_site())], look, form)


def disagreement(form: Form) -> Panel:
    text = form.say(
        "第二信号减去数据源,按资源池与阶梯,单位 P。没有第二信号的站点未知。",
        "The second signal less the source, by pool and rung, in P. Unknown where the site has no second signal.",
    )
    asks = [Ask(signals.disagreement_of_site(), by="rung")]
    about = About(11, form.say("两信号之差", "Two signals: the difference"), text)
    return bargauge(about, asks, Look(PFLOPS, 1, signed=True), form)


def polls(form: Form) -> Panel:
    text = form.say(
        "每秒轮询次数,按结果(ok、unreachable、refused、unreadable)。",
        "Polls a second, by result (ok, unreachable, refused, unreadable).",
    )
    asks = [Ask(signals.polls_of_site(), by="result")]
    return timeseries(About(12, form.say("轮询", "Polls"), text), asks, Look(PER_SECOND, 4), form)


def told(name: str, id_: int, form: Form) -> Panel:
    """What the sources told of single pools in the last day, from the samples themselves."""
    text = form.say(
        f"最近一天各资源池的{rung(name, form.say)}算力,取自原始样本,单位 P;未知处留空。",
        f"{name.title()} of each pool over the last day, from the samples, in P; a gap is unknown.",
    )
    about = About(
        id_,
        form.say(f"各资源池:{rung(name, form.say)}", f"Pools: {name}"),
        f"{definition(name, Form(form.language))} {text}",
    )
    return timeseries(about, [Ask(influxql.pool_rung(name), by="pool")], POWER, form, within="24h")
