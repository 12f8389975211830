"""slurmdbd's jobs -> devices in use at a moment. Pure.

Jobs are told by the trackable resources (TRES) that were given to them: `gres/gpu` with all of their devices, and
`gres/gpu:a100` with those of a type where AccountingStorageTRES names it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from collectors.base import Unreadable
from collectors.matching import Counts, briefly, pool_of, samples_of
from collectors.once import once
from collectors.slurm.parse import first_error
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_NOTHING_FOUND = 9003
"""22.05 says so beside an empty list of jobs; later versions warn of it."""
_NO_VALUE = 2**32 - 2
"""So Slurm writes a time that it does not have; no time is that late."""
_GOES_ON = frozenset({"RUNNING", "SUSPENDED"})


@dataclass(frozen=True, slots=True)
class Tracked:
    """A cluster and the types of which slurmdbd keeps the devices; "" where they have no name."""

    cluster: str
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Run:
    """A job with devices, by type, in [start, end); without an end it goes on. UTC seconds."""

    start: int
    end: int | None
    devices: dict[str, int]


def fault_of_pools(site: PolledSite) -> str:
    """Why slurmdbd cannot tell the pools apart; nothing where it can."""
    strange = [pool for pool in site.pools if pool.match and pool.match.label != "gres"]
    if not strange or strange[0].match is None:
        return ""
    return f"slurmdbd tells devices by their type, and pool {strange[0].id} is matched by {strange[0].match.label}"


def tracked_of(payload: object, cluster: str | None, gres: frozenset[str]) -> Tracked:
    """Of the cluster of this name, or of the only one. Where no device is kept no job has any: that is not 0."""
    found = {str(one.get("name")): one for one in _listed(payload, "clusters")}
    if cluster is None and len(found) != 1:
        names = ", ".join(briefly(sorted(found))) or "none"
        raise Unreadable(f"slurmdbd serves several clusters or none ({names}): say which in source.settings.cluster")
    name = cluster or next(iter(found))
    if name not in found:
        raise Unreadable(f"slurmdbd has no cluster {name}: check source.settings.cluster")
    types = frozenset(_types(_tres(found[name].get("tres"), gres, f"cluster {name}")))
    if not types:
        raise Unreadable(f"slurmdbd keeps no accelerators of {name}: add them to AccountingStorageTRES (gres/gpu)")
    return Tracked(name, types)


def runs_of(payload: object, tracked: Tracked, gres: frozenset[str]) -> list[Run]:
    """The cluster's jobs that have, or had, devices. A job that was put back into the queue is listed once a start."""
    runs, seen = [], set[tuple[str, int]]()
    for job in _listed(payload, "jobs"):
        if job.get("cluster") == tracked.cluster and (run := _run(job, gres)) is not None:
            once(seen, (str(job.get("job_id")), run.start), f"job {job.get('job_id')}")
            runs.append(run)
    return runs


def samples_at(moment: int, runs: Iterable[Run], tracked: Tracked, site: PolledSite) -> list[Sample]:
    """`used` at `moment`. A pool whose type is not kept has no sample."""
    totals = {type_: 0 for type_ in tracked.types if type_ or len(tracked.types) == 1}
    for run in runs:
        if run.start <= moment and (run.end is None or moment < run.end):
            for type_, count in run.devices.items():
                totals[type_] = totals.get(type_, 0) + count
    counts = Counts()
    for type_, count in totals.items():
        if pool := pool_of(site, "gres", type_):
            counts.of(pool).used = (counts.of(pool).used or 0) + count
        elif count:
            counts.strangers[type_] = count
    return samples_of(site, counts, moment)


def _listed(payload: object, key: str) -> list[dict[str, Any]]:
    found = payload.get(key) if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"the answer has no list of {key}")
    errors = payload.get("errors")
    if errors and not (not found and _nothing_found(errors)):
        raise Unreadable(f"slurmrestd says: {first_error(errors)}")
    return found


def _nothing_found(errors: object) -> bool:
    return isinstance(errors, list) and all(
        isinstance(one, dict) and one.get("error_number") == _NOTHING_FOUND for one in errors
    )


def _run(job: dict[str, Any], gres: frozenset[str]) -> Run | None:
    where = f"job {job.get('job_id')}"
    try:
        devices = _types(_tres(job["tres"]["allocated"], gres, where))
        start, end = _number(job["time"]["start"]), _number(job["time"]["end"])
        state = job["state"]["current"]
    except (KeyError, TypeError):
        raise Unreadable(f"{where[:60]} has no readable times, state or tres") from None
    goes_on = bool(_GOES_ON & set(state if isinstance(state, list) else [state]))
    return Run(start, None if goes_on or not end else end, devices) if any(devices.values()) and start else None


def _number(value: Any) -> int:
    """An int, or in some versions of the API one of `set`, `infinite` and `number`."""
    if isinstance(value, dict):
        value = value["number"] if value.get("set") else 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _NO_VALUE:
        raise TypeError
    return value


def _tres(listed: Any, gres: frozenset[str], where: str) -> dict[str, int]:
    """`gpu` or `gpu:a100` -> count, of the accelerators alone."""
    found, seen = dict[str, int](), set[str]()
    for one in listed if isinstance(listed, list) else [None]:
        if not isinstance(one, dict):
            raise Unreadable(f"{where[:60]} has no readable tres")
        name, count = one.get("name"), one.get("count")
        if one.get("type") != "gres" or not isinstance(name, str) or name.partition(":")[0] not in gres:
            continue
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise Unreadable(f"{where[:60]}: gres/{name[:60]} has no readable count")
        once(seen, name, f"{where[:60]}: gres/{name}")
        found[name] = count
    return found


def _types(tres: dict[str, int]) -> dict[str, int]:
    """By type: what is told with a type is also in the sum without one, of which the rest has no named type."""
    found: dict[str, int] = {}
    rest = {name: count for name, count in tres.items() if ":" not in name}
    for name, count in tres.items():
        kind, _, type_ = name.partition(":")
        if type_:
            found[type_] = found.get(type_, 0) + count
            rest[kind] = max(0, rest.get(kind, 0) - count)
    return found | ({"": sum(rest.values())} if any(rest.values()) else {})
