"""One pool: what its source said, what the ledger says, and whether and why it counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping

from suanli.answers import Asked, iso
from suanli.catalog.accelerators import load_accelerators
from suanli.explaining.recorded import Known
from suanli.model.metric import LEDGER_RUNGS, SAMPLE_RUNGS
from suanli.model.rates import PoolState
from suanli.model.sample import Sample


def pool_row(state: PoolState, excused: bool, known: Known, asked: Asked) -> dict[str, Any]:
    key, span = known.spans[state.site, state.pool]
    sample = known.samples.get(key)
    row = load_accelerators().find(span.model)
    peak = None if row is None else row.peak_pflops(span.basis)
    held_at = span.held_at if asked.maintenance == "policy" else None
    until = asked.at if held_at is None else held_at
    return {
        "site": state.site,
        "pool": state.pool,
        "status": span.status,
        "province": span.province,
        "operator": span.operator,
        "model": span.model,
        "peak_pflops": peak,
        "ledger": {rung.name: _entry(known.entries.get((key, rung.name))) for rung in LEDGER_RUNGS},
        "word": None if sample is None else _word(sample, until, peak),
        "second_signal": _second(known.second.get(key)),
        "maintenance": known.stops[key],
        "held_at": None if held_at is None else iso(held_at),
        "expected": state.expected and not excused,
        "why": _why(state, excused, known.entries.get((key, "built")), sample, until),
    }


def _entry(row: RowMapping | None) -> dict[str, Any] | None:
    if row is None:
        return None
    devices, pflops = row["devices"], row["pflops"]
    return {
        "pflops": pflops,
        "devices": devices,
        "peak_pflops": pflops / devices if devices and pflops is not None else None,
        "source": row["source"],
        "reason": row["reason"],
        "from": iso(row["valid_from"]),
        "until": None if row["valid_until"] is None else iso(row["valid_until"]),
        "recorded_at": iso(row["recorded_at"]),
    }


def _second(sample: Sample | None) -> dict[str, Any] | None:
    """What the site's second signal says; no figure is made of it."""
    if sample is None:
        return None
    return {"source_at": iso(sample.source_at)} | {rung.field: getattr(sample, rung.field) for rung in SAMPLE_RUNGS}


def _word(sample: Sample, until: int, peak: float | None) -> dict[str, Any]:
    """What a source said last. silent_since: the first second at which it no longer holds, None while it does."""
    age = until - sample.source_at
    rungs = {rung.name: getattr(sample, rung.field) for rung in SAMPLE_RUNGS}
    return {
        "slot": iso(sample.at),
        "source_at": iso(sample.source_at),
        "fetched_at": iso(sample.fetched_at),
        "age_seconds": age,
        "max_age": sample.max_age,
        "silent_since": iso(sample.source_at + sample.max_age + 1) if age > sample.max_age else None,
        "quality": sample.quality,
        "reason": sample.reason,
        **{f"{name}_pflops": pflops for name, pflops in rungs.items()},
        **{f"{name}_devices": whole_devices(pflops, peak) for name, pflops in rungs.items()},
    }


def whole_devices(pflops: float | None, peak: float | None) -> int | None:
    """How many devices of this peak are so many PFLOPS; None where it is unknown or no whole number."""
    if pflops is None or not peak:
        return None
    devices = round(pflops / peak)
    return devices if abs(devices * peak - pflops) <= 1e-9 * max(pflops, peak) else None


def _why(state: PoolState, excused: bool, built: RowMapping | None, sample: Sample | None, until: int) -> str | None:
    """Why a pool does not count, or counts without being heard; None where it does."""
    if state.status != "operational":
        return "retired" if state.status == "retired" else "not-operational"
    if excused:
        return "maintenance"
    if not state.expected:
        return "peak-unknown" if built is not None and built["pflops"] is None else "nothing-built"
    if sample is None:
        return "never-heard"
    if until - sample.source_at > sample.max_age:
        return "silent"
    return _untold(sample)


def _untold(sample: Sample) -> str | None:
    if sample.online_pflops is None:
        return "online-unknown"
    return "used-unknown" if sample.used_pflops is None else None
