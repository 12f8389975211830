"""What is recorded of the pools at an instant: spans, last words, ledger entries, maintenance windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from suanli.answers import Asked, iso
from suanli.instant_answers import held_sample, spans_at
from suanli.model.sample import Sample
from suanli.registry.timeline import Span
from suanli.store import schema
from suanli.store.maintenance import RecordedWindow, windows
from suanli.store.registry import known_rows, read_record
from suanli.store.samples import last_samples
from suanli.store.second import second_words

Names = dict[tuple[str, str], tuple[int, Span]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded of the pools at the instant, each by the pool's key."""

    spans: Names
    samples: dict[int, Sample]
    second: dict[int, Sample]
    entries: dict[tuple[int, str], RowMapping]
    stops: dict[int, list[dict[str, Any]]]


def all_recorded(connection: Connection, asked: Asked, zone: ZoneInfo) -> Known:
    """All of it."""
    spans = spans_at(connection, asked, zone)
    names = {key: name for name, (key, _) in spans.items()}
    return Known(
        spans,
        last_samples(connection, names, asked.at, asked.known),
        second_words(connection, names, asked.at, asked.known),
        _entries(connection, asked),
        _stops(connection, spans, asked, zone),
    )


def take_held(connection: Connection, known: Known, asked: Asked) -> None:
    """The word that counts is the one that maintenance holds."""
    for key, span in known.spans.values():
        if span.held_at is not None:
            known.samples.pop(key, None)
            if sample := held_sample(connection, key, span, asked):
                known.samples[key] = sample


def leave_foreign(connection: Connection, known: Known, asked: Asked) -> None:
    """Leave out words that hold no more and were told while another operated the pool: they count nowhere here."""
    if asked.operators is None:
        return
    timelines = read_record(connection, asked.at, asked.known).timelines
    for key, span in known.spans.values():
        sample = known.samples.get(key)
        if sample is None or _counts(sample, span, asked):
            continue
        told = timelines[key].at(sample.source_at)
        if told is None or told.operator not in asked.operators:
            del known.samples[key]


def _counts(sample: Sample, span: Span, asked: Asked) -> bool:
    held = asked.maintenance == "policy" and span.held_at is not None
    return sample.source_at + sample.max_age >= ((span.held_at or 0) if held else asked.at)


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
