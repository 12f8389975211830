"""What one round looks at: the record, the configuration and the polls as they are at one second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suanli.alerts.jumps import jumps
from suanli.alerts.maintained import judged_states, maintained_sites, windows_on
from suanli.config import Config
from suanli.model.rates import PoolState
from suanli.store.alerts import quarantined_since
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedSite
from suanli.store.space import free_bytes
from suanli.store.sql import Store

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Seen:
    """judged: the states as maintenance leaves them; maintained: sites that are worked on. jumps: by site.

    lags: seconds by sink; shut: sinks that do not let us in; quarantined: within the last hour; free: bytes, None where
    nobody knows.
    """

    registry: Sequence[RecordedSite]
    states: Sequence[PoolState]
    judged: Sequence[PoolState]
    maintained: frozenset[str]
    outcomes: Outcomes
    jumps: dict[str, float | None]
    lags: dict[str, float]
    shut: frozenset[str]
    quarantined: int
    free: int | None


def look(store: Store, config: Config, outcomes: Outcomes, now: int, shut: Iterable[str] = ()) -> Seen:
    """Everything as it is now; Unavailable when the store cannot be read."""
    states = store.states_now(now)
    with store.reading() as connection:
        on = windows_on(connection, config.zone, now)
        return Seen(
            registry=store.registry,
            states=states,
            judged=judged_states(connection, store.timelines.values(), states, on, now, config.zone),
            maintained=maintained_sites(states, on),
            outcomes=outcomes,
            jumps=jumps(connection, store.timelines, states, now),
            lags={sink.name: lag_of(store, sink.name, now) for sink in config.sinks},
            shut=frozenset(shut),
            quarantined=quarantined_since(connection, now - _HOUR),
            free=free_bytes(store.engine),
        )


def lag_of(store: Store, sink: str, now: float) -> float:
    """The age in seconds of the oldest sample that this sink has not got; 0 where it has everything."""
    oldest = store.pending(sink)[1]
    return 0.0 if oldest is None else max(0.0, now - oldest)
