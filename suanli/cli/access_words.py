"""What `suanli token` and `suanli audit` print."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from suanli.cli.context import say
from suanli.cli.language import _
from suanli.cli.output import print_json, print_table

if TYPE_CHECKING:
    from suanli.model.audit import Row


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


def print_rows(rows: list[Row], *, json: bool) -> None:
    """The trail, oldest first; before and after as they were."""
    from suanli.listing.times import iso_or_none

    told = [
        {
            "seq": row.seq,
            "at": iso_or_none(row.at),
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "before": row.before and json_text.loads(row.before),
            "after": row.after and json_text.loads(row.after),
            "reason": row.reason,
            "request_id": row.request_id,
            "hash": row.hash,
        }
        for row in rows
    ]
    if json:
        print_json({"audit": told})
    elif told:
        for row in rows:
            for line in _lines(row, iso_or_none(row.at) or ""):
                print(line)
    else:
        say(_("nothing is recorded"))


def _lines(row: Row, at: str) -> Iterator[str]:
    """One line for what was done, and one more for each thing that is kept of it: JSON is too long for a column."""
    yield f"{row.seq}  {at}  {row.actor}  {row.action}  {row.subject}"
    for told, text in ((_("before: "), row.before), (_("after: "), row.after), (_("reason: "), row.reason)):
        if text is not None:
            yield f"    {told}{text}"
