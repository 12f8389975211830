"""How far second signals lie from sources, in one shape for the command line and the API."""

from __future__ import annotations

from typing import Any

from suanli.answers import iso
from suanli.store.sql import Store


def disagreement_rows(store: Store, at: int, as_of: int | None = None) -> dict[str, Any]:
    """Every rung that two signals told at `at` (UTC seconds), from what was recorded by `as_of`.

    pflops: the second signal less the source; ratio: how far apart they are, of the larger one, None where both are 0.
    """
    rows = [
        {
            "site": one.site,
            "pool": one.pool,
            "rung": one.rung,
            "source_pflops": one.source_pflops,
            "second_pflops": one.second_pflops,
            "disagreement_pflops": one.pflops,
            "disagreement_ratio": one.ratio,
        }
        for one in store.disagreements(at, as_of)
    ]
    return {"at": iso(at), "disagreements": rows}
