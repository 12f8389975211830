"""What `suanli maintenance` prints."""

from __future__ import annotations

from typing import Any

from suanli.cli.context import say
from suanli.cli.language import _, of
from suanli.cli.output import percent, print_json


def print_answer(answer: dict[str, Any], told: str, remarks: list[str], *, json: bool) -> None:
    """What was done; of a late change also that it judges the past anew."""
    if json:
        print_json(answer)
        return
    print(told if answer["applied"] else _("would be recorded"))
    for remark in [
        *(
            [_("this reaches into the past: targets of that time are judged anew (as they were judged: --as-of)")]
            if answer["late"]
            else []
        ),
        *remarks,
    ]:
        say(remark)


def columns(*, everything: bool) -> list[str]:
    """everything: also since when and until when each was what we said."""
    told = [
        _("id "),
        _("site/pool"),
        _("from"),
        _("until"),
        _("rule"),
        _("policy"),
        _("approved"),
        _("ended"),
        _("next"),
    ]
    told += [of("maintenance", "excluded "), of("maintenance", "reason")]
    return [*told, *([_("recorded"), _("superseded")] if everything else ())]


def row_of(one: dict[str, Any]) -> list[str]:
    approved = _("{by}, {at}").format(by=one["approved_by"], at=one["approved_at"])
    return [
        str(one["id"]),
        "/".join(filter(None, (one["site"], one["pool"]))),
        one["from"],
        one["until"],
        one["rule"] or "",
        one["policy"],
        _("no") if one["approved_at"] is None else approved,
        one["ended_at"] or "",
        one["next"][0]["from"] if one["next"] else "",
        percent(one["excluded_ratio"]),
        one["reason"],
        one["recorded_at"],
        one["superseded_at"] or "",
    ]
