"""Why the rates are what they are: from each source's word and ledger entry to the sums, and to the ratios.

Nothing here computes a rate of its own: sums are taken apart into what each pool gives to them, by the same function
that adds them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from math import fsum
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from suanli.answers import KEYS, Asked, excused_states, iso
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.instant_answers import check_kept, held_sample, spans_at, under_policy
from suanli.model.metric import LEDGER_RUNGS, SAMPLE_RUNGS
from suanli.model.rates import PoolState, Rates, Terms, rates_by, rates_of, terms_of
from suanli.model.sample import Sample
from suanli.registry.timeline import Span, Timeline
from suanli.store import schema
from suanli.store.maintenance import RecordedWindow, windows
from suanli.store.registry import known_rows
from suanli.store.samples import last_samples
from suanli.store.sql import Store
from suanli.store.states import pool_states

TERMS = {
    "planned": "planned_count",
    "built": "expected_count",
    "heard": "heard_count",
    "online": "heard_count",
    "used": "told_count",
    "told_online": "told_count",
    "busy": "busy_count",
}
"""The sums, each with the count that says whether a pool gives anything to it."""

RATIOS = {
    "online_ratio": (("online",), ("built",)),
    "usage_ratio": (("used",), ("told_online",)),
    "overall_ratio": (("used",), ("built",)),
    "coverage_ratio": (("heard",), ("built",)),
    "online_ratio_low": (("online",), ("built",)),
    "online_ratio_high": (("online", "silent"), ("built",)),
}
_USAGE_ENDS = (
    (("used",), ("online", "silent")),
    (("used", "silent", "untold"), ("online", "silent")),
)
"""The silent all online and idle, and all online and used: the bounds are of these two and of the ratio itself."""
_UNKNOWN_STAYS = ("online_ratio", "usage_ratio", "overall_ratio")
"""Elsewhere a sum to which nobody gave anything counts as 0."""

Names = dict[tuple[str, str], tuple[int, Span]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is recorded of the pools at the instant, each by the pool's key."""

    spans: Names
    samples: dict[int, Sample]
    entries: dict[tuple[int, str], RowMapping]
    stops: dict[int, list[dict[str, Any]]]


def explain_answer(store: Store, asked: Asked, config: Config) -> dict[str, Any]:
    """Every pool of the basis: what it said, what it has, whether it counts; the sums with their addends; the ratios.

    Raises SuanliError for a time of which no sample is kept.
    """
    check_kept(store, asked.at)
    with store.reading() as connection:
        known = _known(connection, asked, config.zone)
        timelines = {key: Timeline(key, (span,)) for key, span in known.spans.values()}
        states = pool_states(timelines, known.samples, asked.at)
        shown = states
        if asked.maintenance == "policy":
            shown = under_policy(connection, states, known.spans, asked)
            _take_held(connection, known, asked)
    excused = excused_states(states, shown, asked.basis)
    counted = [state for state in shown if state.basis == asked.basis]
    key = KEYS[asked.by]
    return {
        "at": iso(asked.at),
        "as_of": iso(asked.as_of),
        "basis": asked.basis,
        "maintenance": asked.maintenance,
        "pools": [_pool(state, state in excused, known, asked) for state in states if state.basis == asked.basis],
        "fleet": _worked_out(counted, excused),
        "groups": [
            {asked.by: name, **_worked_out(members, [one for one in excused if key(one) == name])}
            for name, members in rates_by(counted, key).items()
        ],
    }


def _known(connection: Connection, asked: Asked, zone: ZoneInfo) -> _Known:
    spans = spans_at(connection, asked, zone)
    names = {key: name for name, (key, _) in spans.items()}
    return _Known(
        spans,
        last_samples(connection, names, asked.at, asked.known),
        _entries(connection, asked),
        _stops(connection, spans, asked, zone),
    )


def _take_held(connection: Connection, known: _Known, asked: Asked) -> None:
    """The word that counts is the one that maintenance holds."""
    for key, span in known.spans.values():
        if span.held_at is not None:
            known.samples.pop(key, None)
            if sample := held_sample(connection, key, span, asked):
                known.samples[key] = sample


def _entries(connection: Connection, asked: Asked) -> dict[tuple[int, str], RowMapping]:
    """The ledger entries that hold, by pool and stage."""
    table = schema.capacity
    holding = table.c.valid_until.is_(None) | (table.c.valid_until > asked.at)
    rows = known_rows(table, asked.known).where(table.c.valid_from <= asked.at, holding)
    return {(row["pool_key"], row["stage"]): row for row in connection.execute(rows).mappings()}


def _stops(connection: Connection, spans: Names, asked: Asked, zone: ZoneInfo) -> dict[int, list[dict[str, Any]]]:
    """The windows that reach over the instant, approved or not, by pool."""
    found = [
        (window, stretch)
        for window in windows(connection, asked.known)
        for stretch in window.stretches(asked.at, asked.at + 1, zone)
    ]
    return {
        key: [_stop(window, *stretch) for window, stretch in found if _concerns(window, key, span)]
        for key, span in spans.values()
    }


def _concerns(window: RecordedWindow, key: int, span: Span) -> bool:
    return window.site == span.site if window.pool_key is None else window.pool_key == key


def _stop(window: RecordedWindow, lo: int, hi: int) -> dict[str, Any]:
    return {
        "id": window.id,
        "policy": window.policy,
        "reason": window.reason,
        "from": iso(lo),
        "to": iso(hi),
        "approved_by": window.approved_by if window.approved_at is not None else None,
        "counts": window.counts,
    }


def _pool(state: PoolState, excused: bool, known: _Known, asked: Asked) -> dict[str, Any]:
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


def _worked_out(states: Sequence[PoolState], excused: Sequence[PoolState]) -> dict[str, Any]:
    """The sums, what bounds are made of, and the ratios; `rates` are the published ones."""
    rates, terms = rates_of(states), terms_of(states)
    parts = [(f"{state.site}/{state.pool}", terms_of([state])) for state in states]
    sums = {name: _sum(name, parts) for name in TERMS} | {"excluded": _added([_left_out(one) for one in excused])}
    values = {name: float(one["sum"] or 0.0) for name, one in sums.items()}
    rest = {"silent": _rest("built", "heard", terms.heard_count == terms.expected_count, values)}
    rest["untold"] = _rest("online", "told_online", terms.told_count == terms.heard_count, values)
    values |= {name: one["value"] for name, one in rest.items()}
    return {"sums": sums, "rest": rest, "ratios": _ratios(rates, sums, values), "rates": asdict(rates)}


def _sum(name: str, parts: Sequence[tuple[str, Terms]]) -> dict[str, Any]:
    return _added([(pool, getattr(one, name)) for pool, one in parts if getattr(one, TERMS[name])])


def _left_out(state: PoolState) -> tuple[str, float]:
    return f"{state.site}/{state.pool}", state.built_pflops or 0.0


def _added(addends: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The sum of nothing is unknown, not 0."""
    return {
        "addends": [{"pool": pool, "pflops": pflops} for pool, pflops in addends],
        "sum": fsum(pflops for _, pflops in addends) if addends else None,
    }


def _rest(whole: str, part: str, nothing: bool, values: dict[str, float]) -> dict[str, Any]:
    """What is left of a sum: nothing where the same pools make up both of them."""
    value = 0.0 if nothing else values[whole] - values[part]
    return {"whole": whole, "part": part, "value": max(0.0, value) if whole == "built" else value}


def _ratios(rates: Rates, sums: dict[str, Any], values: dict[str, float]) -> list[dict[str, Any]]:
    """A ratio's value is its numerator's by its denominator's; None where one is unknown, or nothing to divide by."""
    unknown = {name for name, one in sums.items() if one["sum"] is None}
    plain = {
        name: _quotient(above, below, values, unknown if name in _UNKNOWN_STAYS else set())
        for name, (above, below) in RATIOS.items()
    }
    ends = [*(_quotient(above, below, values, set()) for above, below in _USAGE_ENDS), plain["usage_ratio"]]
    bounds = [("usage_ratio_low", "lowest_of"), ("usage_ratio_high", "highest_of")]
    return [
        *({"name": name, "value": getattr(rates, name), **parts} for name, parts in plain.items()),
        *({"name": name, "value": getattr(rates, name), how: ends} for name, how in bounds),
    ]


def _quotient(
    above: Sequence[str], below: Sequence[str], values: dict[str, float], unknown: set[str]
) -> dict[str, Any]:
    return {"numerator": _term(above, values, unknown), "denominator": _term(below, values, unknown)}


def _term(names: Sequence[str], values: dict[str, float], unknown: set[str]) -> dict[str, Any]:
    """Sums in PFLOPS, added from left to right."""
    return {"sums": list(names), "value": None if unknown & set(names) else reduce(add, map(values.__getitem__, names))}
