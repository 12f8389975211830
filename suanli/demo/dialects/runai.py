"""Run:ai's control plane: tokens for a client's secret, and telemetry by node pool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qs

from suanli.demo.dialects.base import USER, Asked, Dialect, Json, Simulated, Told, access_key, json
from suanli.demo.dialects.tokens import LIFE, Tokens
from suanli.demo.state import PoolNow

_TOKEN, _TELEMETRY = "/api/v2/token", "/api/v1/nodes/telemetry"
_IDLE = 0.4
"""Of a device's peak, below which its job passes for idle here."""


class Runai(Dialect):
    """A control plane with one cluster."""

    label: ClassVar[str] = "nodepool"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._tokens = Tokens()

    @classmethod
    def auth(cls, url: str, secret: Json) -> Json:
        return {"kind": "oauth2", "url": f"{url}{_TOKEN}", "credentials_in": "body", **access_key(secret)}

    def knows(self, asked: Asked) -> bool:
        scheme, _, given = asked.headers.get("authorization", "").partition(" ")
        return asked.path == _TOKEN or (scheme.lower() == "bearer" and self._tokens.hold(given, asked.at))

    def told(self, asked: Asked) -> Told | None:
        if asked.path == _TOKEN:
            return self._token(asked)
        if asked.path != _TELEMETRY:
            return None
        found = telemetry(self.site.pools, asked.query.get("telemetryType", ""), asked.at)
        return json({"code": 400, "message": "telemetryType is not known"}, 400) if found is None else json(found)

    def _token(self, asked: Asked) -> Told:
        """RFC 6749, section 4.4, with the client's secret in the form."""
        form = {name: values[0] for name, values in parse_qs(asked.body.decode(errors="replace")).items()}
        if form.get("client_id") != USER or not self.site.trusts(form.get("client_secret", "")):
            return json({"error": "invalid_client"}, 401)
        if asked.method != "POST" or form.get("grant_type") != "client_credentials":
            return json({"error": "unsupported_grant_type"}, 400)
        return json({"access_token": self._tokens.new(asked.at), "token_type": "Bearer", "expires_in": LIFE})


def telemetry(pools: Sequence[PoolNow], kind: str, now: float) -> Json | None:
    """One number a node pool, as text; None for a kind that is not known."""
    amounts = {"READY_GPUS": _ready, "ALLOCATED_GPUS": _allocated, "IDLE_ALLOCATED_GPUS": _idle}
    if kind not in amounts:
        return None
    values = [
        {"value": str(amounts[kind](pool)), "groups": [{"key": "Nodepool", "value": name, "name": name}]}
        for pool in pools
        for name in [pool.plan.name]
    ]
    at = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": kind, "timestamp": at, "values": values}


def _ready(pool: PoolNow) -> int:
    return pool.online


def _allocated(pool: PoolNow) -> int:
    return pool.used


def _idle(pool: PoolNow) -> int:
    """Devices of jobs that draw next to nothing."""
    return sum(node.used for node in pool.nodes if node.load < _IDLE)
