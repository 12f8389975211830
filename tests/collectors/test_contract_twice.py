"""Every kind that is asked over HTTP: what an answer lists twice counts once or not at all, and is told.

By the recorded cases: each list in them is doubled, and each page gets a row of another page of its list.
"""

from __future__ import annotations

import pytest

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PollOutcome
from tests.collectors.cases import Case, collector_of, name_of
from tests.collectors.contract import HTTP_KINDS, SHAPES, asked_once
from tests.collectors.mutating import Place, answers, changes, keyed, rows

ADD_UP = {
    ("http_json", "*"): "which of an unknown API's fields names a row, nobody said: rows of one pool add up on purpose",
    ("kubernetes", "containers"): "an API server refuses a pod with two containers of one name",
}
"""Lists whose rows may count again, by kind and the list's key ("*": any), with the reason."""

every_shape = pytest.mark.parametrize("case", SHAPES, ids=name_of)


def excused(kind: str, place: Place) -> bool:
    return (kind, "*") in ADD_UP or (kind, place[-1] if place else "") in ADD_UP


async def polled_so(case: Case, instead: dict[int, object]) -> PollOutcome:
    outcome, _ = await asked_once(case.site, collector_of(case, case.http(instead)), case.now)
    return outcome


def more_than_there_is(case: Case, outcome: PollOutcome) -> list[str]:
    """Figures that are higher than those of the answer as it was recorded."""
    golden = {row["pool"]: row for row in case.expected}
    return [
        f"{sample.pool}.{rung.field}"
        for sample in outcome.samples
        for rung in SAMPLE_RUNGS
        if (getattr(sample, rung.field) or 0) > (golden[sample.pool][rung.field] or 0) + 1e-9
    ]


@every_shape
async def test_a_list_that_says_all_twice_makes_no_figure_higher(case: Case) -> None:
    found = changes(case, rows)
    for place in found:
        outcome = await polled_so(case, answers(case, place, lambda value: value + value, rows))

        assert excused(case.kind, place) or more_than_there_is(case, outcome) == [], place
        assert outcome.result in {"ok", "unreadable"}, (place, outcome.reason)


@every_shape
async def test_a_row_that_comes_again_on_another_page_makes_no_figure_higher(case: Case) -> None:
    """Pages are what is answered at one path. Nodes of two resource pools may well have one name."""
    pages = [(path, keyed(body)) for path, body in zip(case.paths, case.bodies, strict=True)]
    for number, (path, lists) in enumerate(pages):
        for theirs in (found for other, (their, found) in enumerate(pages) if other != number and their == path):
            for key in lists.keys() & theirs.keys():
                repeated = {**case.bodies[number], key: [*lists[key], theirs[key][0]]}
                outcome = await polled_so(case, {number: repeated})
                assert excused(case.kind, (key,)) or more_than_there_is(case, outcome) == [], (number, key)


@pytest.mark.parametrize("kind", [kind for kind in HTTP_KINDS if (kind, "*") not in ADD_UP])
async def test_what_a_figure_is_made_of_is_refused_by_its_name(kind: str) -> None:
    """In each kind there is a list that cannot be read when it names something twice, and that says what."""
    told = []
    for case in (one for one in SHAPES if one.kind == kind):
        for place in changes(case, rows):
            outcome = await polled_so(case, answers(case, place, lambda value: value + value, rows))
            told += [outcome.reason] if outcome.result == "unreadable" else []

    assert [reason for reason in told if "twice" in reason], told


async def test_each_exception_is_one() -> None:
    """A list that is refused by now needs no excuse."""
    needed = set()
    for case in SHAPES:
        for place in (one for one in changes(case, rows) if excused(case.kind, one)):
            outcome = await polled_so(case, answers(case, place, lambda value: value + value, rows))
            if more_than_there_is(case, outcome):
                needed.add((case.kind, "*") if (case.kind, "*") in ADD_UP else (case.kind, place[-1]))

    assert needed == ADD_UP.keys()
