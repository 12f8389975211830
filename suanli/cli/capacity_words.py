"""What `suanli capacity` prints."""

from __future__ import annotations

from typing import Any

from suanli.cli.context import say
from suanli.cli.language import _, in_words, of
from suanli.cli.output import percent, pflops, print_json, print_table, unknown


def print_answer(answer: dict[str, Any], *, json: bool) -> None:
    """What was asked for and what came of it: changes, the fleet's figures before and after, what happens next."""
    if json:
        print_json(answer | {"applied": answer["state"] in ("applied", "approved")})
        return
    if answer["changes"]:
        print("\n".join(map(in_words, answer["changes"])))
    if answer["figures"]:
        print_figures(answer["figures"])
        if len(answer["figures"]) > 1:
            late = _(
                "the entry reaches into the past: published figures of that time change "
                "(as they were published: --as-of)"
            )
            say(late)
    say(state_told(answer))


def state_told(answer: dict[str, Any]) -> str:
    """What came of a request."""
    told = {
        "applied": _("{count} changes made"),
        "tried": _("{count} changes would be made"),
        "unchanged": _("nothing to change"),
        "pending": _("submitted as {number}: it waits for a decision and counts nowhere until then"),
        "approved": _("submission {number} approved: {count} changes made"),
        "rejected": _("submission {number} rejected; nothing has changed"),
        "withdrawn": _("submission {number} withdrawn; nothing has changed"),
    }
    return told[answer["state"]].format(count=len(answer["changes"]), number=answer["submission"])


def _columns() -> dict[str, str]:
    return {
        "id": _("id "),
        "site": _("site"),
        "pool": _("pool"),
        "stage": _("stage"),
        "from": _("from"),
        "until": _("until"),
        "devices": _("devices "),
        "pflops": _("pflops "),
        "basis": _("basis"),
        "reason": _("reason"),
        "source": of("entry", "source"),
        "submission": _("submission "),
        "recorded_at": _("recorded"),
        "superseded_at": _("superseded"),
    }


def print_ledger(rows: list[dict[str, Any]], *, everything: bool) -> None:
    """everything: also from when until when each line was what we said."""
    columns = _columns()
    if not any(row["submission"] for row in rows):
        del columns["submission"]
    if not everything:
        del columns["recorded_at"], columns["superseded_at"]
    print_table(list(columns.values()), [[cell(row[name], name) for name in columns] for row in rows])


def print_submissions(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say(_("nothing waits for a decision"))
        return
    names = ["id", "action", "subject", "state", "submitted_at", "submitted_by", "decided_at", "decided_by", "why"]
    shown = names if any(row["decided_at"] for row in rows) else names[:6]
    cells = [[cell(row[name], name) for name in shown] for row in rows]
    columns = [_("number "), _("asked"), _("of"), _("state"), _("submitted"), of("submission", "by")]
    columns = [*columns, _("decided"), of("decision", "by"), _("reason")][: len(shown)]
    if any(row.get("acceptance") for row in rows):  # a server of before has none
        columns.append(_("by itself"))
        cells = [[*line, _progress(row["acceptance"])] for line, row in zip(cells, rows, strict=True)]
    print_table(columns, cells)


def _progress(acceptance: dict[str, Any] | None) -> str:
    """How far it has proved itself, and the last reason why not."""
    if acceptance is None:
        return ""
    told = _("{good} of {needed} good polls").format(good=acceptance["good"], needed=acceptance["needed"])
    return told if acceptance["why"] is None else f"{told}; {acceptance['why']}"


def print_figures(figures: list[dict[str, Any]]) -> None:
    """Before -> after, of now and of the last whole month where that is shown."""
    names = [_("now"), *(f"{one['from']} .. {one['to']}" for one in figures[1:])]
    rows = [[name, *_compared(one)] for name, one in zip(names, figures, strict=True)]
    columns = [_("fleet"), _("planned "), _("built "), _("online-rate "), _("usage-rate "), _("coverage ")]
    print_table(columns, rows)


def _compared(one: dict[str, Any]) -> list[str]:
    told = [_figures(one[side]) for side in ("before", "after")]
    return [before if before == after else f"{before} -> {after}" for before, after in zip(*told, strict=True)]


def _figures(values: dict[str, Any]) -> list[str]:
    return [(pflops if name.endswith("_pflops") else percent)(value) for name, value in values.items()]


def cell(value: object, name: str) -> str:
    if name == "pflops":
        return unknown() if value is None else f"{value:,.1f}"
    return "" if value is None else str(value)
