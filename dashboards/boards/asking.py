"""One question, in the words of the form's data source: how a panel is described once and made in both."""

from __future__ import annotations

from dashboards.parts import influxql, promql
from dashboards.parts.form import Form
from dashboards.parts.panels import Ask
from dashboards.parts.terms import FLEET, Group, Scope, Term


def rate_now(name: str, form: Form, scope: Scope = FLEET) -> Ask:
    """A rate at present; of the whole fleet it is our own gauge. In InfluxQL: of the last closed hour."""
    if not form.prometheus:
        return Ask(influxql.ratio(name, scope, rollup=influxql.HOURLY))
    return Ask(promql.fleet_ratio(name) if scope is FLEET else promql.ratio(name, scope))


def ranked(name: str, form: Form, by: Group, scope: Scope = FLEET) -> Ask:
    """A rate of each group at present, from high to low where the source can sort."""
    if not form.prometheus:
        return Ask(influxql.ratio(name, scope, by, influxql.HOURLY), by=by)
    return Ask(promql.ranked(promql.ratio(name, scope, by)), by=by)


def rate(name: str, legend: str, form: Form, scope: Scope = FLEET) -> Ask:
    """A rate over time."""
    if not form.prometheus:
        return Ask(influxql.ratio(name, scope), legend)
    return Ask(promql.fleet_ratio(name) if scope is FLEET else promql.ratio(name, scope), legend)


def power_now(term: Term, legend: str, form: Form, scope: Scope = FLEET) -> Ask:
    """A sum in PFLOPS at present. In InfluxQL: of the last closed hour."""
    if not form.prometheus:
        return Ask(influxql.total(term, scope, rollup=influxql.HOURLY), legend)
    return Ask(promql.fleet(term) if scope is FLEET else promql.total(term, scope), legend)


def power(term: Term, legend: str, form: Form, scope: Scope = FLEET) -> Ask:
    """A sum in PFLOPS over time."""
    if not form.prometheus:
        return Ask(influxql.total(term, scope), legend)
    return Ask(promql.fleet(term) if scope is FLEET else promql.total(term, scope), legend)
