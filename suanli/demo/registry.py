"""The city as the registry knows it: what `suanli apply` would read, pointing at the simulated APIs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from suanli.demo.city import CITY, PoolPlan, SitePlan
from suanli.demo.metrics import questions
from suanli.model.site import Site
from suanli.model.units import duration_text

SLURM_USER = "suanli"
_PORTAL = {
    "path": "/api/compute",
    "unit": "devices",
    "pools": "data.pools",
    "fields": {"pool": "name", "online": "deviceUp", "used": "deviceBusy"},
    "time": "data.time",
}
_MATCHED_BY = {"slurm": "gres", "prometheus": "model", "http_json": "pool"}


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


def _site(plan: SitePlan, base_url: str, interval: int, token: Path) -> dict[str, Any]:
    auth = {"kind": "slurm", "user": SLURM_USER} if plan.kind == "slurm" else {"kind": "bearer"}
    where = {
        "url": f"{base_url}/sites/{plan.id}",
        "auth": auth | {"token": {"file": str(token)}},
        "interval": duration_text(interval),
    }
    return {
        "id": plan.id,
        "name": plan.name,
        "province": plan.province,
        "operator": plan.operator,
        "status": "operational",
        "source": {"kind": plan.kind, "settings": _settings(plan)} | where,
        "cross_check": _cross_check(plan, where) if plan.kind == "prometheus" else None,
        "pools": [_pool(plan, pool) for pool in plan.pools],
    }


def _settings(plan: SitePlan) -> dict[str, Any]:
    if plan.kind == "slurm":
        return {}
    if plan.kind == "prometheus":
        asked = {rung: question.promql for rung, question in questions(plan.pools[0].vendor).items()}
        return {"unit": "devices", "pool_label": "model", "queries": asked}
    return _PORTAL


def _cross_check(plan: SitePlan, where: dict[str, Any]) -> dict[str, Any]:
    """The portal of a site that is asked by PromQL; it knows the pools by other labels."""
    matches = {pool.id: {"label": "pool", "value": pool.name} for pool in plan.pools}
    return {"kind": "http_json", "settings": _PORTAL, "matches": matches} | where


def _pool(plan: SitePlan, pool: PoolPlan) -> dict[str, Any]:
    return {
        "id": pool.id,
        "model": pool.model,
        "match": {"label": _MATCHED_BY[plan.kind], "value": pool.name},
        "capacity": _capacity(pool),
    }


def _capacity(pool: PoolPlan) -> list[dict[str, Any]]:
    built = [
        {"from": step.since, "stage": "built", "devices": step.nodes * pool.per_node, "source": step.source}
        for step in pool.accepted
    ]
    if pool.planned is None:
        return built
    plan = pool.planned
    return [*built, {"from": plan.since, "stage": "planned", "devices": plan.devices, "source": plan.source}]
