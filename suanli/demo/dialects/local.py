"""What is not asked over HTTP: a program that asks a portal in our place, and tables that a centre drops."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from suanli.demo.city import SitePlan
from suanli.demo.dialects.base import Dialect, Json
from suanli.demo.dialects.portal import SHANGHAI, Portal
from suanli.demo.state import PoolNow

PROGRAM = "portal-count"
_COLUMNS = {"pool": "型号", "at": "统计时间", "online_devices": "可用卡数", "used_devices": "已用卡数"}


class Program(Portal):
    """The portal that the program asks."""

    @classmethod
    def reached(cls, _url: str, _secret: Json) -> Json:
        """A Python takes its time to start where the machine is busy."""
        return {"timeout": "15s"}

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        return {"program": PROGRAM}


class Tables(Dialect):
    """A table now and then (suanli/demo/drop.py)."""

    label: ClassVar[str] = "pool"
    served: ClassVar[bool] = False

    @classmethod
    def reached(cls, _url: str, _secret: Json) -> Json:
        return {"max_age": "15m"}

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        return {"columns": _COLUMNS, "quiet": "1s"}


def table(pools: Sequence[PoolNow], now: float) -> str:
    """As a person exports it."""
    text = io.StringIO()
    at = datetime.fromtimestamp(int(now), SHANGHAI).isoformat()
    rows = [(pool.plan.name, at, pool.online, pool.used) for pool in pools]
    csv.writer(text).writerows([_COLUMNS.values(), *rows])
    return text.getvalue()
