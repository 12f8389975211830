"""How the configured targets stand, each in its own scope and basis, less what maintenance excuses: rule 13."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from suanli.answers import iso, target_row
from suanli.comparing.pace import Paced, Place, pace_row, paced, place_name, place_of, shortfall_row
from suanli.comparing.sums import so_far, sums_by
from suanli.config import Config
from suanli.model.compare import shortfall
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.rates import Rates, Terms, rates_from, total
from suanli.model.target import Target
from suanli.model.units import Basis
from suanli.period_answers import AskedPeriod
from suanli.store.sql import Store

Why = Literal["nobody", "maintenance", "silent", "undefined"]
"""Why a target cannot be judged: no pool of its scope and basis is expected, maintenance excuses all of them, nobody
told, or nothing is online that could be used."""


def targets_answer(store: Store, config: Config, lo: int, hi: int) -> dict[str, Any]:
    """Every configured target over [lo, hi), UTC seconds; an instant is one second. Raises InputError for an empty one,
    SuanliError for one of which too little is kept.

    What is still to come of a period that runs is not judged: `judged_to` says where that ended.
    """
    if lo >= hi:
        raise InputError(Problem(Message("expected a time after that of from"), key="to"))
    end = so_far(store, lo, hi)
    bases = sorted({target.basis for target in config.targets})
    found = {basis: _sums(store, config, basis, lo, end) for basis in bases}
    pools = {basis: paced(store, config, basis, end - 1, "policy") for basis in bases}
    return {
        "from": iso(lo),
        "to": iso(hi),
        "judged_to": iso(end),
        "maintenance": "policy",
        "targets": [_row(one, found[one.basis], pools[one.basis], end - lo) for one in config.targets],
    }


def asked_stretch(at: int | None, lo: int | None, hi: int | None, now: int) -> tuple[int, int]:
    """What targets are asked for: an instant (now where nothing is said), or a period, up to now where it has no end.

    Raises InputError, whose keys are `at`, `from` and `to`, for what does not go together.
    """
    if at is not None and (lo, hi) != (None, None):
        raise InputError(Problem(Message("an instant and a period (from, to) exclude each other"), key="at"))
    if lo is None and hi is not None:
        raise InputError(Problem(Message("expected from beside it: a period begins somewhere"), key="to"))
    if lo is not None and lo >= now:
        raise InputError(
            Problem(Message("expected a time that has passed: nothing is known of what lies ahead"), key="from")
        )
    if lo is not None:
        return lo, now if hi is None else hi
    at = now if at is None else at
    return at, at + 1


def _sums(store: Store, config: Config, basis: Basis, lo: int, hi: int) -> dict[Place, Terms]:
    asked = AskedPeriod(lo, hi, basis=basis, maintenance="policy")
    return {place_of(name, basis): terms for name, terms in sums_by(store, config, asked, place_name).items()}


def _row(target: Target, found: Mapping[Place, Terms], pools: Paced, seconds: int) -> dict[str, Any]:
    terms = total([one for place, one in found.items() if target.covers(place)] or [Terms()])
    pace = pools.pace(target.covers)
    rates = rates_from(terms, 0, 0, seconds)
    row = target_row(target, rates)
    return row | {
        "ours": getattr(rates, target.metric),
        "why": _why(terms) if row["state"] == "unknown" else None,
        **_bounds(target, rates, terms),
        **shortfall_row(shortfall(terms, target.metric, target.target), target.metric, pace, seconds),
        "coverage_ratio": rates.coverage_ratio,
        "excluded_ratio": _share(terms.excluded, terms.built + terms.excluded),
        "pace": pace_row(pace),
    }


def _why(terms: Terms) -> Why:
    if not terms.expected_count:
        return "maintenance" if terms.excluded_count else "nobody"
    return "undefined" if terms.told_count else "silent"


def _bounds(target: Target, rates: Rates, terms: Terms) -> dict[str, Any]:
    """The rate if every silent pool were at 0, and if it were full. certain: either way the state would be the same."""
    low, high = _ends(target, rates, terms)
    if getattr(rates, target.metric) is None or low is None or high is None:
        return {"low": low, "high": high, "certain": False}
    return {"low": low, "high": high, "certain": low >= target.target or high < target.target}


def _ends(target: Target, rates: Rates, terms: Terms) -> tuple[float | None, float | None]:
    if target.metric == "overall_ratio":
        silent = max(0.0, terms.built - terms.heard) if terms.heard_count < terms.expected_count else 0.0
        untold = terms.online - terms.told_online if terms.told_count < terms.heard_count else 0.0
        return _share(terms.used, terms.built), _share(terms.used + silent + untold, terms.built)
    return getattr(rates, f"{target.metric}_low"), getattr(rates, f"{target.metric}_high")


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
