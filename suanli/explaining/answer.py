"""From each source's word and ledger entry to the sums, and to the ratios."""

from __future__ import annotations

from typing import Any

from suanli.answers import KEYS, Asked, excused_states, iso, named_operators
from suanli.config import Config
from suanli.explaining.pools import pool_row
from suanli.explaining.recorded import all_recorded, leave_foreign, take_held
from suanli.explaining.sums import worked_out
from suanli.instant_answers import check_kept, under_policy
from suanli.model.rates import rates_by
from suanli.registry.timeline import Timeline
from suanli.store.sql import Store
from suanli.store.states import pool_states


def explain_answer(store: Store, asked: Asked, config: Config) -> dict[str, Any]:
    """Every pool of the basis: what it said, what it has, whether it counts; the sums with their addends; the ratios.

    Raises SuanliError for a time of which no sample is kept.
    """
    check_kept(store, asked.at)
    with store.reading() as connection:
        known = all_recorded(connection, asked, config.zone)
        timelines = {key: Timeline(key, (span,)) for key, span in known.spans.values()}
        states = pool_states(timelines, known.samples, asked.at)
        shown = states
        if asked.maintenance == "policy":
            shown = under_policy(connection, states, known.spans, asked)
            take_held(connection, known, asked)
        leave_foreign(connection, known, asked)
    excused = excused_states(states, shown, asked.basis)
    counted = [state for state in shown if state.basis == asked.basis]
    key = KEYS[asked.by]
    return {
        "at": iso(asked.at),
        "as_of": iso(asked.as_of),
        "basis": asked.basis,
        "maintenance": asked.maintenance,
        **named_operators(asked.operators),
        "pools": [pool_row(state, state in excused, known, asked) for state in states if state.basis == asked.basis],
        "fleet": worked_out(counted, excused),
        "groups": [
            {asked.by: name, **worked_out(members, [one for one in excused if key(one) == name])}
            for name, members in rates_by(counted, key).items()
        ],
    }
