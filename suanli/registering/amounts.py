"""What a plan says anew of amounts: a line of the ledger that only ends elsewhere says the same until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.store.plan import Change

Line = dict[str, Any]
_Place = tuple[str, str, int]


def said_anew(changes: list[Change]) -> Iterator[tuple[str, Line]]:
    """The lines with an amount that the ledger does not have from their beginning on, each with its SITE/POOL."""
    gone, new = _lines(changes)
    for place, line in new.items():
        if place not in gone or not _alike(gone[place], line):
            yield place[0], line


def reaching(changes: list[Change]) -> Iterator[int]:
    """From when on the ledger says something else, UTC seconds."""
    gone, new = _lines(changes)
    for place in gone.keys() | new.keys():
        if place in gone and place in new and _alike(gone[place], new[place]):
            yield from (min(ends) for ends in [_ends(gone[place], new[place])] if ends)
        else:
            yield place[-1]


def _lines(changes: list[Change]) -> tuple[dict[_Place, Line], dict[_Place, Line]]:
    """What is taken back and what is said, by SITE/POOL, stage and beginning."""
    told = [change.entry for change in changes if change.entry.action.startswith("capacity.")]
    gone = {_place(entry.subject, entry.before): entry.before for entry in told if entry.before}
    return gone, {_place(entry.subject, entry.after): entry.after for entry in told if entry.after}


def _place(subject: str, line: Line) -> _Place:
    return subject, line["stage"], line["valid_from"]


def _alike(one: Line, other: Line) -> bool:
    return all(one[name] == other[name] for name in ("devices", "pflops", "basis"))


def _ends(*lines: Line) -> list[int]:
    return [line["valid_until"] for line in lines if line["valid_until"] is not None]
