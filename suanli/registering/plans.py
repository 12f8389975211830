"""What registering sites would change, checked against the kinds of source that exist."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from collectors.registry import check_source, grant_faults
from suanli.catalog.accelerators import load_accelerators, unlisted_text
from suanli.config import Config
from suanli.model.capacity import instant, written
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.site import Site
from suanli.model.yamlfile import Loc
from suanli.registry.file import opened
from suanli.store.ledger_plan import Located, by_name
from suanli.store.plan import Change, plan
from suanli.store.sql import Store

_ADVICE = Message(
    "list it where it is (suanli export shows that); a new pool of this name can only have entries from then on"
)


def planned(
    store: Store, sites: list[Site], config: Config, effective: int | None = None, located: Located = by_name
) -> list[Change]:
    """The changes; an InputError lists sources and capacity that cannot be. effective, located: as `plan` has them."""
    problems = [problem for site in sites for problem in check_source(site, config.reach.of(site.id))]
    problems += [problem for site in sites for problem in grant_faults(site, config.grants(site.id))]
    problems += _unlisted(store, sites, located)
    problems += _moved(store, sites, config, located)
    if problems:
        raise InputError(problems)
    return plan(store.registry, sites, config.zone, load_accelerators(), effective, located)


def _unlisted(store: Store, sites: list[Site], located: Located) -> Iterator[Problem]:
    """Models that are not in the catalogue; one that is recorded already may have been there once."""
    recorded = {(item.site.id, pool.pool.id, pool.pool.model) for item in store.registry for pool in item.pools}
    for site in sites:
        for pool in site.pools:
            if (site.id, pool.id, pool.model) not in recorded and load_accelerators().find(pool.model) is None:
                yield located(site.id, pool.id, None, unlisted_text(pool.model, load_accelerators()))


def _moved(store: Store, sites: list[Site], config: Config, located: Located) -> Iterator[Problem]:
    """Pools that are listed where they no longer are, or not yet: they would be counted twice."""
    here = {(item.site.id, pool.pool.id) for item in store.registry for pool in item.pools}
    stays = _stays(store)
    for site in sites:
        for pool in site.pools:
            starts = [instant(entry.since, config.zone) for entry in pool.capacity]
            for lo, hi in stays[site.id, pool.id] if (site.id, pool.id) not in here else ():
                if lo > store.now:
                    day = written(lo, config.zone)
                    told = Message("a pool moves here under this name on {day}: apply it then", day=day)
                    yield located(site.id, pool.id, None, told)
                elif any(start < hi for start in starts):
                    day = written(hi, config.zone)
                    yield located(
                        site.id,
                        pool.id,
                        None,
                        Message("this pool moved away on {day} with its history: {advice}", day=day, advice=_ADVICE),
                    )


def _stays(store: Store) -> defaultdict[tuple[str, str], list[tuple[int, int]]]:
    """From when until when each site and name was, is or will be that of a pool: one pair a pool."""
    found: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for timeline in store.timelines.values():
        names = dict.fromkeys((span.site, span.pool) for span in timeline.spans)
        for name in names:
            spans = [span for span in timeline.spans if (span.site, span.pool) == name]
            found[name].append((spans[0].lo, spans[-1].hi))
    return found


def located_in(paths: Iterable[Path]) -> Located:
    """Where these files of sites, YAML or spreadsheets, speak of a pool; only a mistake reads them again."""
    files = list(paths)
    read = cache(partial(opened, catalogue=load_accelerators()))

    def located(site: str, pool: str, entry: int | None, message: str) -> Problem:
        plain = by_name(site, pool, entry, message)
        for file in map(read, files):
            loc = _loc(file.data, site, pool)
            if loc is not None:
                part = () if entry is None else (entry,)
                return file.problem((*loc, "capacity", *part), plain.message)
        return plain

    return located


def _loc(data: Any, site: str, pool: str) -> Loc | None:
    for place, one in enumerate(data["sites"]):
        for number, other in enumerate(one.get("pools") or ()):
            if (one["id"], other["id"]) == (site, pool):
                return ("sites", place, "pools", number)
    return None
