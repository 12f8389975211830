"""The words of `suanli grafana`."""

from __future__ import annotations

from exporter.grafana.differences import panels
from exporter.grafana.plan import BoardPlan, Plan, RulesPlan
from exporter.grafana.rules import changes
from suanli.cli.language import _, in_words, of
from suanli.cli.output import print_table


def print_plan(plan: Plan) -> None:
    """A line for each board and data source, and what is to happen to it."""
    words = _states()
    rows = [[_("board"), one.uid, words[one.state], in_words(one.why) or _summary(one)] for one in plan.boards]
    rows += [[_("data source"), one.source.uid, words[one.state], ""] for one in plan.sources]
    if plan.rules is not None:
        rows.append(
            [_("alert rules"), plan.rules.name, words[plan.rules.state], in_words(plan.rules.why) or _rules(plan.rules)]
        )
    print_table([_("kind"), "uid", _("state"), _("note")], rows)


def _states() -> dict[str, str]:
    return {
        "new": _("to be made"),
        "changed": _("to be updated"),
        "same": of("a board in Grafana", "the same"),
        "edited": _("changed by hand"),
        "moved": _("moved by hand"),
        "hidden": of("alert rules in Grafana", "hidden"),
        "there": of("a data source in Grafana", "there"),
        "missing": of("a data source in Grafana", "missing"),
    }


def _summary(plan: BoardPlan) -> str:
    if plan.state == "same":
        return ""
    counts = {key: len(titles) for key, titles in panels(plan.found, plan.wanted).items()}
    return _("panels: {added} added, {changed} changed, {removed} removed").format(**counts)


def _rules(plan: RulesPlan) -> str:
    if plan.state == "same":
        return ""
    counts = {key: len(titles) for key, titles in changes(plan.found, plan.wanted).items()}
    return _("rules: {added} added, {changed} changed, {removed} removed").format(**counts)
