"""slurmdbd's jobs: which devices were in use when, and what must not pass for none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from collectors.base import NotFound, Unreadable
from collectors.slurm.accounting import runs_of, samples_at, tracked_of
from collectors.slurm.collector import SlurmCollector, SlurmSettings
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW, FakeHttp

_IDS = itertools.count(1)
GRES = frozenset({"gpu", "npu"})
A100, H100 = {"gpu": 8, "gpu:a100": 8}, {"gpu": 4, "gpu:h100": 4}
NOTHING = {"jobs": [], "errors": [{"error_number": 9003, "error": "Nothing found with query"}]}
"""As 22.05 says that there was no job."""


def site(*pools: str, label: str = "gres") -> PolledSite:
    found = tuple(PolledPool(one, one, frozenset(), 2.0, Match(label=label, value=one)) for one in pools or ("a100",))
    return PolledSite("s", Source(kind="slurm", url="http://127.0.0.1:6820"), found, 60, 10.0, 180)


def tres(**counts: int) -> list[dict[str, Any]]:
    return [{"type": "cpu", "name": None, "id": 1, "count": 64}] + [
        {"type": "gres", "name": name, "id": 1001, "count": count} for name, count in counts.items()
    ]


def job(
    start: Any = NOW - 60, end: Any = 0, state: Any = "RUNNING", cluster: Any = "c", **devices: int
) -> dict[str, Any]:
    times = {"start": start, "end": end}
    told = {"allocated": tres(**(devices or A100))}
    return {"job_id": next(_IDS), "cluster": cluster, "state": {"current": state}, "time": times, "tres": told}


def clusters(*names: str, **counts: int) -> dict[str, Any]:
    return {"clusters": [{"name": name, "tres": tres(**(counts or A100))} for name in names or ("c",)]}


def used(
    *jobs: dict[str, Any], of: dict[str, Any] | None = None, at: PolledSite | None = None
) -> dict[str, float | None]:
    tracked = tracked_of(of or clusters(), "c", GRES)
    found = samples_at(NOW, runs_of({"jobs": list(jobs)}, tracked, GRES), tracked, at or site())
    assert all(one.online_devices is None for one in found)
    return {one.pool: one.used_devices for one in found}


@pytest.mark.parametrize(
    ("one", "count"),
    [
        (job(), 8),
        (job(end=NOW + 1, state="COMPLETED"), 8),
        (job(end=NOW, state="COMPLETED"), 0),  # half-open: another job may have them from this second on
        (job(start=NOW), 8),
        (job(start=NOW + 1), 0),
        (job(start=0, state="PENDING"), 0),
        (job(end=NOW - 1, state="RUNNING"), 8),  # without a window 22.05 tells "now" as the end of what goes on
        (job(end=NOW - 1, state=["SUSPENDED"]), 8),
        (job(start={"set": True, "number": NOW - 9}, end={"set": False, "number": 0}, state=["RUNNING"]), 8),
        (job(cluster="elsewhere"), 0),
        (job(cpu_only=1), 0),
    ],
)
def test_a_job_holds_its_devices_from_its_start_until_its_end(one: dict[str, Any], count: int) -> None:
    assert used(one) == {"a100": count}


def test_types_are_in_the_sum_without_one_too() -> None:
    both = {"gpu": 12, "gpu:a100": 8, "gpu:h100": 4}

    assert used(job(), job(**H100), of=clusters(**both), at=site("a100", "h100")) == {"a100": 8, "h100": 4}
    assert used(job(**both), of=clusters(**both), at=site("a100", "h100")) == {"a100": 8, "h100": 4}
    assert used(job(), of=clusters(**both), at=site("a100", "h100")) == {"a100": 8, "h100": 0}


def test_a_type_that_is_not_kept_is_unknown_and_its_devices_are_told() -> None:
    tracked = tracked_of(clusters(**{"gpu": 12, "gpu:a100": 8}), None, GRES)
    (one,) = samples_at(NOW, runs_of({"jobs": [job(), job(gpu=4)]}, tracked, GRES), tracked, site("a100", "h100"))

    assert (one.pool, one.used_devices, one.quality) == ("a100", 8, "partial")
    assert one.reason == "4 devices of no named type match no pool"


def test_devices_without_types_are_those_of_the_only_pool() -> None:
    single = PolledPool("all", "a100", frozenset(), 2.0)
    at = PolledSite("s", Source(kind="slurm", url="http://127.0.0.1:6820"), (single,), 60, 10.0, 180)

    assert used(job(gpu=3), job(gpu=2), of=clusters(gpu=8), at=at) == {"all": 5}
    assert used(of=clusters(gpu=8), at=at) == {"all": 0}
    with pytest.raises(Unreadable, match="none of the pools"):
        used(of=clusters(gpu=8))  # they may be of another type


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (clusters("a", "b"), r"several clusters or none \(a, b\): say which in source.settings.cluster"),
        (clusters(cpu_only=3), "keeps no accelerators of c: add them to AccountingStorageTRES"),
        ({"clusters": []}, "none"),
        (
            {"clusters": [], "errors": [{"error_number": 7000, "error": "Unable to connect to database"}]},
            "Unable to connect",
        ),
        ({"clusters": [{"name": "c", "tres": None}]}, "cluster c has no readable tres"),
        ({"clusters": None}, "no list of clusters"),
        ([], "no list of clusters"),
    ],
)
def test_what_is_not_kept_is_not_0(payload: JsonValue, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        tracked_of(payload, None, GRES)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {"jobs": [7]},
        {"jobs": [], "errors": [{"error_number": 7000, "error": "Unable to connect to database"}]},
        {"jobs": [job()], "errors": NOTHING["errors"]},
        {"jobs": [job(gpu=-1)]},
        {"jobs": [job(gpu=True)]},
        {"jobs": [job(start=None)]},
        {"jobs": [job(start=-1)]},
        {"jobs": [job() | {"tres": {"allocated": None}}]},
        {"jobs": [job() | {"tres": {}}]},
        {"jobs": [job() | {"state": "RUNNING"}]},
    ],
)
def test_jobs_that_cannot_be_read_are_an_error(payload: Any) -> None:
    with pytest.raises(Unreadable):
        runs_of(payload, tracked_of(clusters(), None, GRES), GRES)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30), st.integers(1, 8)), max_size=12))
def test_each_moment_holds_what_its_jobs_held(jobs: list[tuple[int, int, int]]) -> None:
    """Counted second by second: a job of `lasts` seconds, 0: it goes on."""
    seconds = [0] * 40
    for start, lasts, count in jobs:
        for second in range(start, start + lasts if lasts else 40):
            if second < 40:
                seconds[second] += count
    told = [job(one, one + lasts if lasts else 0, "COMPLETED", **{"gpu": n, "gpu:a100": n}) for one, lasts, n in jobs]
    tracked = tracked_of(clusters(), None, GRES)
    runs = runs_of({"jobs": told}, tracked, GRES)

    assert [samples_at(at, runs, tracked, site())[0].used_devices for at in range(40)] == seconds


class Slurmdbd:
    """A fake of one that has these jobs and answers about a span of time; serves v0.0.38 alone."""

    def __init__(self, *jobs: dict[str, Any]) -> None:
        self.jobs = jobs
        self.spans: list[tuple[int, int]] = []

    def __call__(self, path: str, params: Mapping[str, str] | None) -> Any:
        if path == "/slurmdb/v0.0.38/clusters":
            return clusters()
        if path != "/slurmdb/v0.0.38/jobs" or params is None:
            raise NotFound("Unable find requested URL.")
        first, end = (int(params[key].removeprefix("uts")) for key in ("start_time", "end_time"))
        self.spans.append((first, end))
        found = [one for one in self.jobs if one["time"]["start"] < end and (one["time"]["end"] or end) >= first]
        return {"jobs": list(found), "errors": []} if found else NOTHING

    async def history(self, moments: range) -> list[Sample]:
        return await SlurmCollector(site(), SlurmSettings(), FakeHttp(self)).history(moments)


async def test_history_begins_with_the_first_job_that_is_kept() -> None:
    server = Slurmdbd(job(NOW + 120, NOW + 240, "COMPLETED"))

    samples = await server.history(range(NOW, NOW + 300, 60))

    assert {one.at: one.used_devices for one in samples} == {NOW + 120: 8, NOW + 180: 8, NOW + 240: 0}
    assert len(server.spans) == 4  # an hour, a day and thirty days before were asked for an earlier one


@pytest.mark.parametrize(("ago", "questions"), [(1800, 2), (7200, 3), (20 * 86_400, 4)])
async def test_an_idle_time_after_a_job_that_is_kept_is_0(ago: int, questions: int) -> None:
    server = Slurmdbd(job(NOW - ago - 60, NOW - ago, "COMPLETED"))

    assert [one.used_devices for one in await server.history(range(NOW, NOW + 120, 60))] == [0, 0]
    assert len(server.spans) == questions


async def test_a_job_that_runs_at_the_first_moment_needs_no_further_question() -> None:
    server = Slurmdbd(job(NOW - 9_000_000))

    assert len(await server.history(range(NOW, NOW + 120, 60))) == 2
    assert server.spans == [(NOW, NOW + 61)]


async def test_an_idle_time_without_any_job_is_unknown() -> None:
    assert await Slurmdbd().history(range(NOW, NOW + 120, 60)) == []
    assert await Slurmdbd(job(NOW - 90 * 86_400, NOW - 89 * 86_400)).history(range(NOW, NOW + 60, 60)) == []


@pytest.mark.parametrize("label", ["partition", "feature"])
async def test_pools_of_whole_nodes_have_no_second_word(label: str) -> None:
    collector = SlurmCollector(site(label=label), SlurmSettings(asks="accounting"), FakeHttp(Slurmdbd()))

    assert collector.history_fault() == f"slurmdbd tells devices by their type, and pool a100 is matched by {label}"
    with pytest.raises(Unreadable, match=f"matched by {label}"):
        await collector.collect(NOW)
    assert SlurmCollector(site(), SlurmSettings(), FakeHttp(Slurmdbd())).history_fault() == ""
