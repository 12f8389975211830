"""What registering sites would change, checked against the kinds of source that exist."""

from __future__ import annotations

from collectors.registry import check_source
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.errors import InputError
from suanli.model.site import Site
from suanli.store.plan import Change, plan
from suanli.store.sql import Store


def planned(store: Store, sites: list[Site], config: Config) -> list[Change]:
    """The changes; an InputError lists sources and capacity that cannot be."""
    problems = [problem for site in sites for problem in check_source(site)]
    if problems:
        raise InputError(problems)
    return plan(store.registry, sites, config.zone, load_accelerators())
