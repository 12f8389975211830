"""The city as the registry knows it: what `suanli apply` would read, pointing at the simulated APIs."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

from suanli.demo import program
from suanli.demo.city import CITY, Kind, PoolPlan, SitePlan
from suanli.demo.dialects.local import PROGRAM
from suanli.demo.drop import folder_of
from suanli.demo.kinds import DIALECTS
from suanli.model.site import Site
from suanli.model.units import duration_text

_PROGRAM_EVERY = 3


def write_tokens(folder: Path) -> dict[str, str]:
    """A new token for each site, made up for this run, in a file that only its owner may read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tokens = {plan.id: secrets.token_urlsafe(24) for plan in CITY}
    for site, token in tokens.items():
        file = token_file(folder, site)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(token, encoding="utf-8")
    return tokens


def token_file(folder: Path, site: str) -> Path:
    """Where a site's token is kept."""
    return folder.resolve() / f"{site}.token"


def sites(base_url: str, interval: int, tokens: Path) -> list[Site]:
    """The city's sites, polled every `interval` seconds at `base_url`, with their tokens in the folder `tokens`."""
    return [Site.model_validate(_site(plan, base_url, interval, token_file(tokens, plan.id))) for plan in CITY]


def granted(base_url: str, tokens: Path, dropped: Path) -> dict[str, Any]:
    """For config.yaml: the folders below `dropped` of sites that drop tables, and the program that one has started."""
    folders = {plan.id: str(folder_of(dropped, plan.id)) for plan in CITY if "file" in (plan.kind, plan.second)}
    (asked,) = (plan for plan in CITY if plan.second == "exec")
    command = [sys.executable, "-I", program.__file__, f"{base_url}{second_at(asked)}/api/compute"]
    secrets = {"SUANLI_PORTAL_TOKEN": {"file": str(token_file(tokens, asked.id))}}
    programs = {PROGRAM: {"command": command, "sites": [asked.id], "secrets": secrets}}
    return {"folders": {"sites": folders}, "programs": programs}


def source_at(plan: SitePlan) -> str:
    """The path at which a site's API is."""
    return f"/sites/{plan.id}"


def second_at(plan: SitePlan) -> str:
    """The path at which its second signal is."""
    return f"/seconds/{plan.id}"


def _site(plan: SitePlan, base_url: str, interval: int, token: Path) -> dict[str, Any]:
    secret = {"file": str(token)}
    return {
        "id": plan.id,
        "name": plan.name,
        "province": plan.province,
        "operator": plan.operator,
        "status": "operational",
        "source": _source(plan, plan.kind, base_url + source_at(plan), secret) | _every(interval),
        "cross_check": _cross_check(plan, base_url + second_at(plan), interval, secret),
        "pools": [_pool(plan, pool) for pool in plan.pools],
    }


def _source(plan: SitePlan, kind: Kind, url: str, secret: dict[str, str]) -> dict[str, Any]:
    dialect = DIALECTS[kind]
    return {"kind": kind, "settings": dialect.settings(plan), **dialect.reached(url, secret)}


def _cross_check(plan: SitePlan, url: str, interval: int, secret: dict[str, str]) -> dict[str, Any] | None:
    """Another API of the same devices; it knows the pools by other labels. A program is not started at every poll."""
    if plan.second is None:
        return None
    matches = {pool.id: _match(plan.second, pool) for pool in plan.pools}
    every = _every(_PROGRAM_EVERY * interval if plan.second == "exec" else interval)
    return _source(plan, plan.second, url, secret) | every | {"matches": matches}


def _every(interval: int) -> dict[str, str]:
    return {"interval": duration_text(interval)}


def _match(kind: Kind, pool: PoolPlan) -> dict[str, str]:
    return {"label": DIALECTS[kind].label, "value": DIALECTS[kind].name(pool)}


def _pool(plan: SitePlan, pool: PoolPlan) -> dict[str, Any]:
    return {"id": pool.id, "model": pool.model, "match": _match(plan.kind, pool), "capacity": _capacity(pool)}


def _capacity(pool: PoolPlan) -> list[dict[str, Any]]:
    built = [
        {"from": step.since, "stage": "built", "devices": step.nodes * pool.per_node, "source": step.source}
        for step in pool.accepted
    ]
    if pool.planned is None:
        return built
    plan = pool.planned
    return [*built, {"from": plan.since, "stage": "planned", "devices": plan.devices, "source": plan.source}]
