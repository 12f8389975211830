"""Alibaba Cloud's PAI: a root quota of Lingjun resources a pool, and within it one that a workspace has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from suanli.demo.city import SitePlan
from suanli.demo.dialects.base import Asked, Dialect, Json, Told, access_key, json
from suanli.demo.dialects.signed import alibaba_signed
from suanli.demo.state import PoolNow

_PATH, _KIND = "/api/v1/quotas/", "Lingjun"


class Pai(Dialect):
    """One account in one region. Each request is signed, and the signature is checked."""

    label: ClassVar[str] = "GPUType"

    @classmethod
    def auth(cls, _url: str, secret: Json) -> Json:
        return {"kind": "alibaba_ak_sk", **access_key(secret)}

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        return {"resource_types": [_KIND]}

    def knows(self, asked: Asked) -> bool:
        return alibaba_signed(asked, self.site.secret)

    def told(self, asked: Asked) -> Told | None:
        if asked.path != _PATH or asked.headers.get("x-acs-action") != "ListQuotas":
            return None
        found = quotas(self.site.pools) if asked.query.get("ResourceType") == _KIND else []
        if "ParentQuotaId" in asked.query:
            found = [quota for quota in found if quota["ParentQuotaId"] == asked.query["ParentQuotaId"]]
        size = int(asked.query.get("PageSize") or 10)
        start = (int(asked.query.get("PageNumber") or 1) - 1) * size
        return json({"RequestId": "demo", "TotalCount": len(found), "Quotas": found[start : start + size]})


def quotas(pools: Sequence[PoolNow]) -> list[Json]:
    """Roots and what is below them; a root's amounts hold those of what is below it."""
    return [quota for pool in pools for quota in (_quota(pool, "root"), _quota(pool, "child"))]


def _quota(pool: PoolNow, place: str) -> Json:
    offered, given = _amount(pool, pool.online), _amount(pool, pool.used)
    details = {"ActualMinQuota": offered, "AllocatableQuota": offered, "AllocatedQuota": given, "UsedQuota": given}
    return {
        "QuotaId": f"quota-{place}-{pool.plan.id}",
        "QuotaName": f"{pool.plan.id}-{place}",
        "ParentQuotaId": "" if place == "root" else f"quota-root-{pool.plan.id}",
        "ResourceType": _KIND,
        "Status": "Ready",
        "QuotaDetails": details,
    }


def _amount(pool: PoolNow, devices: int) -> Json:
    return {"CPU": str(16 * devices), "Memory": f"{200 * devices}Gi", "GPU": str(devices), "GPUType": pool.plan.name}
