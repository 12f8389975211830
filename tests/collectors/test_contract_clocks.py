"""Every kind that is asked over HTTP: an answer of another version, or of a clock that is an hour ahead, is told.

By the recorded cases: whatever in them is a time of the days around their recording becomes an hour after the poll.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from suanli.model.polled import PollOutcome
from tests.collectors.cases import Case, collector_of, name_of
from tests.collectors.contract import HTTP_KINDS, SHAPES, asked_once
from tests.collectors.mutating import Place, answers, changed, changes, places

AHEAD = 3600
NEAR = 30 * 86_400
_WRITTEN = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*(Z|[+-]\d\d:\d\d)")

TIMELESS = {
    "kubernetes": "its times are of single objects, and move when those change",
    "openstack": "its times are of single nodes, and move when those change",
    "redfish": "what is asked of a BMC holds no time",
    "pai": "its times are of single quotas, and move when those change",
    "modelarts": "its monitors' times only say which of their own points is the newest",
    "slurm/slurmdbd-22.05.8-v0.0.38": "its times are of single jobs",
    "slurm/slurm-22.05.8-v0.0.38": "no version before v0.0.40 tells when its nodes changed",
}
"""Kinds, or single cases, whose answers do not say when they were made: the time is ours, and cannot be ahead."""

NAMED: dict[str, tuple[Place, ...]] = {
    "slurm": (("meta", "plugin", "data_parser"),),
    "kubernetes": (("kind",), ("apiVersion",)),
    "redfish": (("RedfishVersion",), ("@odata.type",)),
    "prometheus": (("data", "resultType"), ("status",)),
    "runai": (("type",),),
    "modelarts": (("kind",), ("apiVersion",)),
    "ray": (("result",),),
}
"""Where an answer says what it is, or by which version's rules it is written."""

NAMELESS = {
    "openstack": "Placement and Ironic name their version in a header, as it was asked for, and refuse another (406)",
    "pai": "the version is asked for in a header, and no answer names one",
    "http_json": "the settings say what is where, and nobody knows more of it",
}


def near(case: Case) -> Any:
    def time(value: Any) -> bool:
        seconds = _seconds(value)
        return seconds is not None and abs(seconds - case.now) < NEAR

    return time


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and "T" in value:
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if value > 1e11 else value


def as_it_was(value: Any, seconds: int) -> Any:
    """This time, written as that one."""
    if isinstance(value, str):
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return seconds * 1000 if value > 1e11 else seconds


def timeless(case: Case) -> bool:
    settings = case.site.source.settings
    asks = settings.get("time") or any(one.get("time") for one in settings.get("requests", []))
    return case.kind in TIMELESS or name_of(case) in TIMELESS or (case.kind == "http_json" and not asks)


def text_ahead(body: bytes, seconds: int) -> bytes:
    return _WRITTEN.sub(as_it_was("", seconds).encode(), body)


async def polled_ahead(case: Case) -> PollOutcome:
    wanted = near(case)
    bodies = case.bodies
    for number, body in enumerate(bodies):
        if isinstance(body, bytes):
            bodies[number] = text_ahead(body, case.now + AHEAD)
        for place in set(places(body, wanted)):
            bodies[number] = changed(bodies[number], place, lambda value: as_it_was(value, case.now + AHEAD), wanted)
    outcome, _ = await asked_once(case.site, collector_of(case, case.http(dict(enumerate(bodies)))), case.now)
    return outcome


@pytest.mark.parametrize("case", [one for one in SHAPES if not timeless(one)], ids=name_of)
async def test_a_clock_that_is_an_hour_ahead_makes_all_figures_suspect(case: Case) -> None:
    outcome = await polled_ahead(case)

    assert outcome.result == "ok", outcome.reason
    for sample in outcome.samples:
        assert (sample.quality, sample.source_at) == ("suspect", case.now)
        assert f"the source's clock is {AHEAD} s ahead" in sample.reason


@pytest.mark.parametrize("case", [one for one in SHAPES if timeless(one)], ids=name_of)
async def test_where_no_time_is_told_none_is_believed(case: Case) -> None:
    outcome = await polled_ahead(case)

    assert outcome.result == "ok", outcome.reason
    assert "suspect" not in {sample.quality for sample in outcome.samples}, "it tells a time by now: no exception"


def test_of_all_kinds_but_the_exceptions_there_is_a_case_with_a_time() -> None:
    timed = {case.kind for case in SHAPES if not timeless(case)}

    assert timed | (TIMELESS.keys() & set(HTTP_KINDS)) == set(HTTP_KINDS)
    assert not timed & TIMELESS.keys()


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for kind, found in NAMED.items() for place in found])
async def test_an_answer_of_another_version_is_no_figure(kind: str, place: Place) -> None:
    found = [case for case in SHAPES if case.kind == kind and place in changes(case, names)]
    assert found

    for case in found:
        http = case.http(answers(case, place, lambda _: "v99.beta7", names))
        outcome, appended = await asked_once(case.site, collector_of(case, http), case.now)
        assert (outcome.result, appended) == ("unreadable", []), place


def names(value: Any) -> bool:
    return isinstance(value, str | bool)


def test_every_kind_names_a_version_or_is_an_exception() -> None:
    assert NAMED.keys() | NAMELESS.keys() == set(HTTP_KINDS)
    assert not NAMED.keys() & NAMELESS.keys()
