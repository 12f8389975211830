"""Pages of PAI's resource quotas -> devices online and used by pool. Pure.

Quotas form a tree, and a root's amounts hold those of all that is below it: only roots are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import Unreadable
from collectors.matching import pool_of
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

QUOTA, GPU_TYPE = "quota", "GPUType"
"""The labels of a pool's match: a root quota's id or name; a type of GPU."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota; devices are None where it does not tell them. told: whether it has details at all."""

    id: str
    name: str
    root: bool
    gpu_type: str
    told: bool
    online: float | None
    used: float | None

    @property
    def has_devices(self) -> bool:
        return bool(self.gpu_type) or not self.told or self.online not in (None, 0.0)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; total: how many quotas the whole list has."""

    quotas: list[Quota]
    total: int


def page_of(payload: object) -> Page:
    """Raises Unreadable when it is no page of a list of quotas."""
    quotas = payload.get("Quotas") if isinstance(payload, dict) else None
    total = payload.get("TotalCount") if isinstance(payload, dict) else None
    if not isinstance(quotas, list) or isinstance(total, bool) or not isinstance(total, int) or total < 0:
        raise Unreadable("the answer has no list of Quotas with a TotalCount")
    return Page([_quota(one) for one in quotas], total)


def samples(site: PolledSite, quotas: Iterable[Quota], now: int) -> list[Sample]:
    """One sample a pool that was found; Unreadable when there is none."""
    amounts = Amounts()
    for quota in quotas:
        if quota.root:
            _add(amounts, quota, site)
    return samples_of_amounts(site, amounts, "devices", now, now)


def _add(amounts: Amounts, quota: Quota, site: PolledSite) -> None:
    pool = _pool(site, quota)
    if pool is not None:
        amounts.add(pool.id, "online", quota.online)
        amounts.add(pool.id, "used", quota.used)
    elif quota.has_devices:
        said = quota.gpu_type or ("of a type that is not named" if quota.told else "without details")
        amounts.strangers.add(f"quota {quota.name or quota.id} ({said})"[:120])


def _pool(site: PolledSite, quota: Quota) -> PolledPool | None:
    """The pool that names this quota, else that of its type of GPU; a quota of processors alone belongs to none."""
    for pool in site.pools:
        if pool.match and pool.match.label == QUOTA and pool.match.value in (quota.id, quota.name):
            return pool
    return pool_of(site, GPU_TYPE, quota.gpu_type) if quota.told and quota.has_devices else None


def _quota(item: Any) -> Quota:
    id_, name, parent = (_text(item, key) for key in ("QuotaId", "QuotaName", "ParentQuotaId"))
    if not id_:
        raise Unreadable("a quota without a QuotaId is in the list")
    details = _part(item, "QuotaDetails")
    offered, given = _part(details, "ActualMinQuota"), _part(details, "AllocatedQuota")
    kind = _text(offered, "GPUType") or _text(item, "GPUType")
    return Quota(id_, name, not parent, kind, bool(offered), number_of(offered.get("GPU")), number_of(given.get("GPU")))


def _part(item: Any, key: str) -> Mapping[str, Any]:
    found = item.get(key) or {}
    if not isinstance(found, dict):
        raise Unreadable(f"a quota's {key} cannot be read")
    return found


def _text(item: Any, key: str) -> str:
    found = (item.get(key) or "") if isinstance(item, dict) else None
    if not isinstance(found, str):
        raise Unreadable(f"a quota's {key} cannot be read")
    return found
