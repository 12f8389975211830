"""A cloud portal's own JSON; one vendor writes its time as seconds, the other as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import orjson

from suanli.demo.city import SitePlan
from suanli.demo.dialects.base import Asked, Dialect, Json, Told
from suanli.demo.state import PoolNow

_PATH = "/api/compute"
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Portal(Dialect):
    """For `http_json`."""

    label: ClassVar[str] = "pool"

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        return {
            "path": _PATH,
            "unit": "devices",
            "pools": "data.pools",
            "fields": {"pool": "name", "online": "deviceUp", "used": "deviceBusy"},
            "time": "data.time",
        }

    def told(self, asked: Asked) -> Told | None:
        return Told(body(self.site.pools, asked.at)) if asked.path == _PATH else None


def body(pools: Sequence[PoolNow], now: float) -> bytes:
    """The whole answer."""
    time: int | str = int(now)
    if len(pools) > 1:
        time = datetime.fromtimestamp(int(now), SHANGHAI).isoformat()
    rows = [
        {
            "name": pool.plan.name,
            "deviceTotal": pool.plan.devices,
            "deviceUp": pool.online,
            "deviceBusy": pool.used,
            "nodeTotal": pool.plan.nodes,
        }
        for pool in pools
    ]
    return orjson.dumps({"code": 0, "message": "success", "data": {"time": time, "pools": rows}})
