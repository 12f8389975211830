"""Every kind that is asked over HTTP: a number that is none makes nothing of a figure, or is told.

By the recorded cases: every number in them becomes each mark that products write for "no value". A figure that is not
what it was before must be unknown, or of a sample that says that it is not whole.
"""

from __future__ import annotations

from typing import Any

import pytest

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PollOutcome
from tests.collectors.cases import Case, collector_of, name_of
from tests.collectors.contract import SHAPES, asked_once
from tests.collectors.mutating import Place, answers, changes, number

MARKS: tuple[Any, ...] = (-1, 4294967294, 2**63 - 1, float("nan"), "-1", "4294967294", "NaN", "N/A")

MEANT = {
    ("modelarts", "controlMode"): "bits: with all of them set, the pool is frozen",
    ("modelarts", "os.modelarts/billing.status"): "a word: a node in any state but 0 is kept out",
}
"""Numbers that are no amounts, by kind and key, with the reason why another one may change the figures."""


def silently_wrong(case: Case, outcome: PollOutcome) -> list[str]:
    """Figures that differ from the recorded ones, are told as known, and of which nothing is said."""
    golden = {row["pool"]: row for row in case.expected}
    return [
        f"{sample.pool}.{rung.field}={value}"
        for sample in outcome.samples
        for rung in SAMPLE_RUNGS
        if (value := getattr(sample, rung.field)) is not None
        and value != pytest.approx(golden[sample.pool][rung.field] or 0.0)
        and sample.quality in ("ok", "estimated")
    ]


def excused(kind: str, place: Place) -> bool:
    return (kind, next((key for key in reversed(place) if key != "*"), "")) in MEANT


async def marked(case: Case, place: Place, mark: Any) -> PollOutcome:
    http = case.http(answers(case, place, lambda _: mark, number))
    return (await asked_once(case.site, collector_of(case, http), case.now))[0]


@pytest.mark.parametrize("case", SHAPES, ids=name_of)
async def test_a_mark_for_no_value_is_no_figure(case: Case) -> None:
    for place in changes(case, number):
        for mark in MARKS:
            outcome = await marked(case, place, mark)

            assert outcome.result in {"ok", "unreadable", "notfound"}, (place, mark, outcome.reason)
            assert excused(case.kind, place) or silently_wrong(case, outcome) == [], (place, mark)


async def test_each_exception_is_one() -> None:
    needed = set()
    for case in SHAPES:
        for place in (one for one in changes(case, number) if excused(case.kind, one)):
            for mark in MARKS:
                if silently_wrong(case, await marked(case, place, mark)):
                    needed.add((case.kind, place[-1]))

    assert needed == MEANT.keys()
