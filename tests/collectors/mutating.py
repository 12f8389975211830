"""Recorded answers with one thing in them changed, found by its look: whatever a kind answers, a new one too.

A place is the way into a body, without the numbers of lists: ("nodes", "*", "gres") is that of every node. What is
changed is changed at the whole place at once, so that a case has as many changes as its answers have keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.collectors.cases import Case

Place = tuple[str, ...]
Change = Callable[[Any], Any]


def places(body: Any, wanted: Callable[[Any], bool], at: Place = ()) -> Iterator[Place]:
    """Where in a body there is what is wanted; each place once a time that it occurs."""
    if wanted(body):
        yield at
    if isinstance(body, dict):
        for key, value in body.items():
            yield from places(value, wanted, (*at, key))
    elif isinstance(body, list):
        for value in body:
            yield from places(value, wanted, (*at, "*"))


def changed(body: Any, place: Place, change: Change, wanted: Callable[[Any], bool]) -> Any:
    """The body with what is wanted at this place changed."""
    if not place:
        return change(body) if wanted(body) else body
    key, rest = place[0], place[1:]
    if isinstance(body, list) and key == "*":
        return [changed(value, rest, change, wanted) for value in body]
    if isinstance(body, dict) and key in body:
        return {**body, key: changed(body[key], rest, change, wanted)}
    return body


def changes(case: Case, wanted: Callable[[Any], bool]) -> list[Place]:
    """Every place of what is wanted in any answer of a case, once."""
    bodies = [body for body in case.bodies if not isinstance(body, bytes)]
    return sorted({place for body in bodies for place in places(body, wanted)})


def answers(case: Case, place: Place, change: Change, wanted: Callable[[Any], bool]) -> dict[int, Any]:
    """All answers of a case, with what is wanted at this place changed in each."""
    return {
        number: changed(body, place, change, wanted)
        for number, body in enumerate(case.bodies)
        if not isinstance(body, bytes)
    }


def rows(value: Any) -> bool:
    """A list of things that have properties."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def number(value: Any) -> bool:
    """A number, or a number's text."""
    if isinstance(value, str):
        return value.replace(".", "", 1).isdigit()
    return isinstance(value, int | float) and not isinstance(value, bool)


def keyed(body: Any) -> dict[str, Any]:
    """The lists of a page's rows, by their keys."""
    return {key: value for key, value in body.items() if rows(value)} if isinstance(body, dict) else {}
