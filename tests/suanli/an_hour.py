"""One hour whose every figure can be worked out in the head.

a/p has 100 P built: 80 online and 40 used for half an hour, then 50 and 40. b/q has 60 P built and is silent for three
quarters of the hour, then 60 are online, and of their use nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from suanli.model.maintenance import Window
from suanli.store.sql import Store
from suanli.store.windows import add_window
from tests.suanli.making import ZONE, Clock, a_pool, a_sample, a_site, built, database, open_store, register, utc

H = utc(2025, 3, 3, 0)
FROM, TO = "2025-03-03T00:00Z", "2025-03-03T01:00Z"
SITES = (a_site("a", a_pool("p", built(100.0))), a_site("b", a_pool("q", built(60.0)), province="江苏"))
TARGETS = """\
targets:
  - {scope: fleet, metric: online_ratio, target: 0.6}
  - {scope: fleet, metric: usage_ratio, target: 0.7}
"""


@contextmanager
def an_hour(folder: Path, clock: Clock | None = None) -> Iterator[Store]:
    """The store of that hour, in `suanli.db` of this folder."""
    clock = clock or Clock()
    clock.at = H - 86_400
    store = open_store(database(folder), clock)
    try:
        register(store, *SITES, now=H - 86_400)
        tell(store, clock, H, 80.0, 40.0, max_age=7200)
        tell(store, clock, H + 1800, 50.0, 40.0, max_age=1799)
        tell(store, clock, H + 2700, 60.0, None, site="b", pool="q", max_age=899)
        clock.at = H + 86_400
        yield store
    finally:
        store.close()


def tell(
    store: Store, clock: Clock, at: int, online: float, used: float | None, *, later: int = 5, **more: object
) -> None:
    """A sample that is recorded `later` seconds after its slot."""
    clock.at = at + later
    plain = {"site": "a", "pool": "p"} | more
    store.append([a_sample(at, online, used, **plain)])  # type: ignore[arg-type] # names and a max_age


def stop(
    store: Store, lo: int, hi: int, *, policy: str = "exclude", site: str = "b", by: str | None = "chief", now: int = H
) -> None:
    """A maintenance window of a site, approved unless nobody did."""
    ends = {"from": datetime.fromtimestamp(lo, UTC), "until": datetime.fromtimestamp(hi, UTC)}
    window = Window.model_validate({"site": site, "policy": policy, "reason": "power"} | ends)
    with store.writing() as connection:
        add_window(connection, window, ZONE, now, by)
