"""What may be asked of the rates, decided once for the command line and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suanli.answers import Asked, GroupBy, View
from suanli.config import Config
from suanli.explaining.answer import explain_answer
from suanli.instant_answers import instant_answer
from suanli.model.calendar import DAY, every_of
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message, message_of
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.period_answers import AskedPeriod, history_answer, period_answer
from suanli.store.sql import Store

DEFAULT_EVERY = "1h"


@dataclass(frozen=True, slots=True)
class Question:
    """As it was given. at, lo, hi, as_of: UTC seconds, None where nothing was said; lo and hi are `from` and `to`.

    operators: only what these operate; None: all.
    """

    at: int | None = None
    lo: int | None = None
    hi: int | None = None
    as_of: int | None = None
    by: GroupBy = "site"
    basis: Basis = CANONICAL_BASIS
    maintenance: View = "include"
    mean: bool = False
    operators: frozenset[str] | None = None


def answer_rates(store: Store, given: Question, config: Config, now: int, *, live: bool = False) -> dict[str, Any]:
    """The rates at an instant, or over a period where `from` is given.

    live: the instant now is answered from the store's memory. Raises InputError, whose keys are `at`, `from`, `to` and
    `mean`, for what does not go together.
    """
    _check_together(given)
    if given.lo is not None:
        return period_answer(store, _period(given, *passed(given.lo, given.hi, now)), config)
    known = now if given.as_of is None else given.as_of
    at = now if given.at is None else given.at
    asked = Asked(at, known, given.by, given.basis, given.maintenance, given.as_of, given.operators)
    from_memory = live and given.at is None and given.as_of is None
    return instant_answer(store, asked, config, store.states_now(now) if from_memory else None)


def answer_history(
    store: Store, given: Question, every: str, config: Config, now: int, *, fleet: bool = False
) -> dict[str, Any]:
    """The series; of the last day where `from` is left out. Raises InputError with the keys `from`, `to`, `every`."""
    try:
        width = every_of(every)
    except ValueError as error:
        raise InputError(
            Problem(Message("{every!r}: {error}", every=every, error=message_of(error)), key="every")
        ) from None
    end = now if given.hi is None else min(given.hi, now)
    lo, hi = passed(end - DAY if given.lo is None else given.lo, given.hi, now)
    return history_answer(store, _period(given, lo, hi), width, config, fleet=fleet)


def answer_explained(store: Store, given: Question, config: Config, now: int) -> dict[str, Any]:
    """Why the rates at an instant are what they are."""
    known = now if given.as_of is None else given.as_of
    at = now if given.at is None else given.at
    asked = Asked(at, known, given.by, given.basis, given.maintenance, given.as_of, given.operators)
    return explain_answer(store, asked, config)


def passed(lo: int, hi: int | None, now: int) -> tuple[int, int]:
    """What of [lo, hi) has passed: a `to` that lies ahead is cut to now, which is also what it is when left out."""
    if lo < 0:
        raise InputError(Problem(Message("expected a time after 1970"), key="from"))
    if hi is not None and hi <= lo:
        raise InputError(Problem(Message("expected a time after that of from"), key="to"))
    if lo >= now:
        raise InputError(
            Problem(Message("expected a time that has passed: nothing is known of what lies ahead"), key="from")
        )
    return lo, now if hi is None else min(hi, now)


def _check_together(given: Question) -> None:
    if given.at is not None and (given.lo, given.hi) != (None, None):
        raise InputError(Problem(Message("an instant and a period (from, to) exclude each other"), key="at"))
    if given.lo is None and given.hi is not None:
        raise InputError(Problem(Message("expected from beside it: a period begins somewhere"), key="to"))
    if given.lo is None and given.mean:
        raise InputError(Problem(Message("expected a period (from, to): an instant has no mean"), key="mean"))


def _period(given: Question, lo: int, hi: int) -> AskedPeriod:
    return AskedPeriod(lo, hi, given.by, given.basis, given.as_of, given.maintenance, given.mean, given.operators)
