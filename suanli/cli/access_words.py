"""What `suanli token` and `suanli audit` print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.cli.context import say
from suanli.cli.language import _
from suanli.cli.output import print_json, print_table


def fault(kind: str, seq: int) -> str:
    """What is wrong with the trail."""
    told = {
        "edited": _("row {seq} of the audit trail was edited"),
        "unchained": _("row {seq} of the audit trail does not follow on the row before it"),
        "missing": _("row {seq} of the audit trail is missing"),
        "disordered": _("row {seq} of the audit trail is out of order"),
        "unreadable": _("row {seq} of the audit trail cannot be read"),
        "cut": _("the audit trail was cut off: row {seq} and what followed is gone"),
        "unlike": _("row {seq} of the audit trail is not the one whose head was noted"),
    }
    return told[kind].format(seq=seq)


def print_tokens(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say(_("no token was ever given"))
        return
    print_table(
        [_("id"), _("owner"), _("scopes"), _("networks"), _("created"), _("expires"), _("last used"), _("revoked")],
        [
            [
                row["id"],
                row["owner"],
                ", ".join(row["scopes"]),
                ", ".join(row["networks"]),
                row["created_at"],
                row["expires_at"] or _("never"),
                row["last_used_at"] or "",
                row["revoked_at"] or "",
            ]
            for row in rows
        ],
    )


def print_rows(rows: list[dict[str, Any]], *, json: bool) -> None:
    """The trail, oldest first; before and after as they were."""
    if json:
        print_json({"audit": rows})
    elif rows:
        for row in rows:
            for line in _lines(row):
                print(line)
    else:
        say(_("nothing is recorded"))


def _lines(row: dict[str, Any]) -> Iterator[str]:
    """One line for what was done, and one more for each thing that is kept of it: JSON is too long for a column."""
    from suanli.model.audit import canonical

    yield "  ".join(str(row[name]) for name in ("seq", "at", "actor", "action", "subject"))
    for told, name in ((_("before: "), "before"), (_("after: "), "after"), (_("reason: "), "reason")):
        if (found := row[name]) is not None:
            yield f"    {told}{found if isinstance(found, str) else canonical(found)}"
