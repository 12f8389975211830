"""From a registered site to what the poller asks: defaults filled in, peaks looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from suanli.catalog.accelerators import Accelerators
from suanli.model.grants import Grants, nothing
from suanli.model.polled import UTC, PolledPool, PolledSite
from suanli.model.site import PUSH, Pool, Site


@dataclass(frozen=True, slots=True)
class PollDefaults:
    """Seconds, for sites that do not say otherwise; max_age None: three intervals.

    zone: of times that do not say theirs; grants: what a site (by id) may have read or started here.
    """

    interval: int = 60
    timeout: int = 10
    max_age: int | None = None
    zone: ZoneInfo = UTC
    grants: Callable[[str], Grants] = nothing

    def of_max_age(self, interval: int) -> int:
        return max(self.max_age or 0, 3 * interval)


def is_polled(site: Site) -> bool:
    """Whether it is to be heard: it has a source, and it is running."""
    return site.source is not None and site.status in ("operational", "maintenance")


def is_pushed(site: Site) -> bool:
    """Whether nobody is to ask its source: what it says is brought to us."""
    return site.source is not None and site.source.kind == PUSH


def polled_site(site: Site, defaults: PollDefaults, catalogue: Accelerators) -> PolledSite | None:
    """None where a site is not to be asked: it has no source, or it is not running."""
    source = site.source
    if source is None or not is_polled(site):
        return None
    interval = source.interval or defaults.interval
    return PolledSite(
        id=site.id,
        source=source,
        pools=tuple(_pool(pool, catalogue) for pool in site.pools),
        interval=interval,
        timeout=float(min(source.timeout or defaults.timeout, interval)),
        max_age=max_age_of(site, defaults),
        zone=defaults.zone,
        grants=defaults.grants(site.id),
    )


def polled_cross_check(site: Site, defaults: PollDefaults, catalogue: Accelerators) -> PolledSite | None:
    """The same for the site's second signal; None where it has none."""
    check = site.cross_check
    if check is None:
        return None
    pools = tuple(pool.model_copy(update={"match": check.matches.get(pool.id, pool.match)}) for pool in site.pools)
    return polled_site(site.model_copy(update={"source": check, "pools": pools}), defaults, catalogue)


def max_age_of(site: Site, defaults: PollDefaults) -> int:
    """Seconds after which this site's last word is unknown: its own, else the default, and never under its interval."""
    if site.source is None:
        return defaults.of_max_age(defaults.interval)
    return site.source.max_age or defaults.of_max_age(site.source.interval or defaults.interval)


def _pool(pool: Pool, catalogue: Accelerators) -> PolledPool:
    row = catalogue.find(pool.model)
    return PolledPool(
        id=pool.id,
        model=pool.model,
        aliases=row.aliases if row else frozenset(),
        peak_pflops=row.peak_pflops(pool.basis) if row else None,
        match=pool.match,
    )
