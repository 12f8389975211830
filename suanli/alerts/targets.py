"""How every target stands at this instant, in one pass over the pools: for /metrics and for alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suanli.model.compare import part_of, shortfall
from suanli.model.rates import PoolState, Terms, terms_of
from suanli.model.target import Placed, Target
from suanli.model.units import Basis

_Scope = tuple[Basis, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """A target now. ratio: the rate as it is judged, less approved maintenance. missing: PFLOPS that it lacks.

    Both are None where nothing is known. excused: maintenance leaves out all that is expected of its scope.
    """

    target: Target
    ratio: float | None
    missing: float | None
    excused: bool


def standings(targets: Sequence[Target], states: Sequence[PoolState], judged: Sequence[PoolState]) -> list[Standing]:
    """One for each target, in their order. judged: the same pools in the same order, as maintenance leaves them."""
    wanted = {(one.basis, one.scope) for one in targets}
    members: defaultdict[_Scope, list[PoolState]] = defaultdict(list)
    for state in judged:
        for scope in _scopes(state, wanted):
            members[scope].append(state)
    terms = {scope: terms_of(found) for scope, found in members.items()}
    excused = _excused(states, judged, wanted)
    return [_standing(one, terms.get((one.basis, one.scope), Terms()), excused) for one in targets]


def _standing(target: Target, terms: Terms, excused: set[_Scope]) -> Standing:
    ratio = _ratio(terms, target)
    missing = None if ratio is None else 0.0
    if ratio is not None and ratio < target.target and (lack := shortfall(terms, target.metric, target.target)):
        missing = lack.missing
    nobody_left = not terms.expected_count and (target.basis, target.scope) in excused
    return Standing(target, ratio, missing, nobody_left)


def _ratio(terms: Terms, target: Target) -> float | None:
    """As `model.rates` makes it: None for an unknown term or a zero denominator."""
    part = part_of(terms, target.metric)
    return None if part.numerator is None or not part.denominator else part.numerator / part.denominator


def _excused(states: Sequence[PoolState], judged: Sequence[PoolState], wanted: set[_Scope]) -> set[_Scope]:
    """The scopes of which maintenance leaves out a pool that is expected."""
    if judged is states:
        return set()
    pairs = zip(states, judged, strict=True)
    return {scope for one, left in pairs if one.expected and not left.expected for scope in _scopes(one, wanted)}


def _scopes(place: Placed, wanted: set[_Scope]) -> Iterable[_Scope]:
    """Those of the wanted scopes in which this pool is: what `Target.covers` says, without asking every target."""
    basis, province, operator, site = place.basis, place.province, place.operator, place.site
    every = (basis, "fleet"), (basis, f"province:{province}"), (basis, f"operator:{operator}"), (basis, f"site:{site}")
    return wanted.intersection(every)
