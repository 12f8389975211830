"""Places held against each other: provinces ranked, and the sites that need somebody to look at them."""

from __future__ import annotations

from dashboards.boards.asking import ranked
from dashboards.boards.words import RATE, rate_name
from dashboards.parts import influxql, promql
from dashboards.parts.form import Form
from dashboards.parts.links import to_operator, to_province, to_site
from dashboards.parts.look import AGE, COUNT, SECONDS, Look
from dashboards.parts.panels import About, Panel, bargauge, of_last_hours
from dashboards.parts.table import Column, Label, Number, table
from dashboards.parts.terms import FLEET, Scope

_PLAIN = Look(COUNT, 0)


def provinces(ratio: str, id_: int, form: Form) -> Panel:
    name = rate_name(ratio, form.say)
    text = form.say(
        f"各省{name},由高到低;各省先求和再相除。未知的省份不显示。点击进入该省。",
        f"The {name} of each province from high to low, each a ratio of sums; an unknown one is absent.",
    )
    about = About(id_, form.say(f"各省{name}", f"Provinces: {name}"), text)
    return bargauge(about, [ranked(ratio, form, "province")], RATE, form, to_province(form))


def operators(ratio: str, id_: int, form: Form, scope: Scope) -> Panel:
    name = rate_name(ratio, form.say)
    text = form.say(
        f"所选范围内各运营方{name},由高到低;先求和再相除。未知者不显示。点击进入该运营方。",
        f"The {name} of each operator in scope from high to low, each a ratio of sums; an unknown one is not shown.",
    )
    about = About(id_, form.say(f"各运营方{name}", f"Operators: {name}"), text)
    return bargauge(about, [ranked(ratio, form, "operator", scope)], RATE, form, to_operator(form))


def worst(id_: int, form: Form, scope: Scope = FLEET) -> Panel:
    """A list of bounded length, however many sites there are."""
    say = form.say
    text = say(
        f"上线率最低的站点,最多 {promql.MOST} 个;站点的两率为其各资源池先求和再相除。"
        "未知的站点不在此表,见失联最久的站点。点击编号进入站点。",
        f"The sites of the lowest online-rates, {promql.MOST} at most; rates are ratios of sums over their pools. "
        "A site whose rate is unknown is not here: see who is longest silent. Click an id: the site's board.",
    )
    about = About(id_, say("上线率最低的站点", "Sites with the lowest online-rate"), text)
    online, usage = (rate_name(name, say) for name in ("online", "usage"))
    site = Label("site", say("编号", "Id"), Look(COUNT, 0, link=to_site(form)), wide=130)
    if not form.prometheus:
        shown = [site, Label("ratio", online, RATE)]
        return of_last_hours(table(about, influxql.lowest("online", scope), shown, form, sort=online))
    columns: list[Column] = [
        site,
        Label("name", say("名称", "Name"), wide=150),
        Label("province", say("省份", "Province")),
        Label("operator", say("运营方", "Operator"), wide=120),
        Number(online, RATE),
        Number(usage, RATE, promql.beside_lowest("online", "usage", scope)),
    ]
    return table(about, promql.lowest("online", scope), columns, form, sort=online)


def silent(id_: int, form: Form, scope: Scope = FLEET) -> Panel:
    """A list of bounded length, however many sites there are."""
    text = form.say(
        f"应报站点距最近一次成功轮询的秒数,失联最久者在前,最多 {promql.MOST} 个。从未成功者不在此表。"
        "点击编号进入站点。",
        f"Seconds since the last successful poll of each expected site, {promql.MOST} at most, the longest first. "
        "A site that was never heard has no age and is not here. Click an id: the site's board.",
    )
    about = About(id_, form.say("失联最久的站点", "Sites that are longest silent"), text)
    age = form.say("距今", "Age")
    site = Label("site", form.say("编号", "Id"), Look(COUNT, 0, link=to_site(form)), wide=130)
    rows = promql.longest_unheard(scope)
    return table(about, rows, [site, Number(age, Look(SECONDS, 0, AGE))], form, sort=f"-{age}")
