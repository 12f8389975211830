"""An OpenStack cloud: Keystone, which gives tokens, and Placement with a provider of resources a node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from uuid import NAMESPACE_DNS, uuid5

import orjson

from suanli.demo.dialects.base import USER, Asked, Dialect, Json, Simulated, Told, access_key, json
from suanli.demo.dialects.tokens import LIFE, Tokens
from suanli.demo.state import Node, PoolNow

_IDENTITY = "/identity/v3"
_TOKEN, _PROVIDERS = f"{_IDENTITY}/auth/tokens", "/resource_providers"
_DISABLED = "COMPUTE_STATUS_DISABLED"


class Openstack(Dialect):
    """One region of one cloud."""

    label: ClassVar[str] = "class"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._tokens = Tokens()
        self._found = site.kept(self._look)
        self._seen: dict[str, tuple[int, int]] = {}

    @classmethod
    def auth(cls, url: str, secret: Json) -> Json:
        """An application credential."""
        return {"kind": "keystone", "url": f"{url}{_IDENTITY}", **access_key(secret)}

    def knows(self, asked: Asked) -> bool:
        return asked.path == _TOKEN or self._tokens.hold(asked.headers.get("x-auth-token", ""), asked.at)

    def told(self, asked: Asked) -> Told | None:
        if asked.path == _TOKEN:
            return self._token(asked)
        if asked.path == _PROVIDERS:
            required = asked.query.get("required")
            found = [one for _, node, one in self._found().values() if required is None or _has(node, required)]
            return json({"resource_providers": found})
        _, _, rest = asked.path.partition(f"{_PROVIDERS}/")
        uuid, _, what = rest.partition("/")
        return self._of(uuid, what) if uuid in self._found() else None

    def _token(self, asked: Asked) -> Told:
        try:
            credential = orjson.loads(asked.body)["auth"]["identity"]["application_credential"]
            known = credential["id"] == USER and self.site.trusts(str(credential["secret"]))
        except (ValueError, KeyError, TypeError):
            return _failed(400, "Bad Request")
        if asked.method != "POST" or not known:
            return _failed(401, "Unauthorized")
        times = {"issued_at": _iso(asked.at), "expires_at": _iso(asked.at + LIFE)}
        token = {"methods": ["application_credential"], **times}
        return json({"token": token}, 201, X_Subject_Token=self._tokens.new(asked.at))

    def _of(self, uuid: str, what: str) -> Told | None:
        pool, node, provider = self._found()[uuid]
        generation = {"resource_provider_generation": provider["generation"]}
        if what == "inventories":
            return json({**generation, "inventories": inventories(pool, node)})
        return json({**generation, "usages": usages(pool, node)}) if what == "usages" else None

    def _look(self, pools: Sequence[PoolNow]) -> dict[str, tuple[PoolNow, Node, Json]]:
        """Pool, node and provider by uuid; a provider's generation grows with each change of its inventory."""
        return {one["uuid"]: (pool, node, one) for pool, node, one in self._each(pools)}

    def _each(self, pools: Sequence[PoolNow]) -> Iterator[tuple[PoolNow, Node, Json]]:
        for pool in pools:
            for node in pool.nodes:
                reserved, generation = self._seen.get(node.name, (_reserved(node), 1))
                if reserved != _reserved(node):
                    generation += 1
                self._seen[node.name] = _reserved(node), generation
                yield pool, node, provider_of(node, generation)


def provider_of(node: Node, generation: int) -> Json:
    """One member of the list."""
    uuid = str(uuid5(NAMESPACE_DNS, node.name))
    links = [{"rel": rel, "href": f"{_PROVIDERS}/{uuid}/{rel}"} for rel in ("inventories", "usages")]
    told: Json = {"uuid": uuid, "name": node.name, "generation": generation, "links": links}
    return {**told, "parent_provider_uuid": None, "root_provider_uuid": uuid}


def inventories(pool: PoolNow, node: Node) -> Json:
    """What a node has; the devices of one that is down are reserved, so that nobody is given them."""
    each = {"min_unit": 1, "step_size": 1, "allocation_ratio": 1.0}
    amounts = {"VCPU": (128, 0), pool.plan.name: (node.devices, _reserved(node))}
    return {
        name: {"total": total, "reserved": held, "max_unit": total, **each} for name, (total, held) in amounts.items()
    }


def usages(pool: PoolNow, node: Node) -> Json:
    """What is given of it."""
    return {"VCPU": 16 * node.used, pool.plan.name: node.used}


def _reserved(node: Node) -> int:
    return node.devices if node.state == "down" else 0


def _has(node: Node, trait: str) -> bool:
    """Of a drained node its operator has disabled the compute service."""
    return trait == _DISABLED and node.state == "drain"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _failed(code: int, title: str) -> Told:
    return json({"error": {"code": code, "title": title, "message": "The request could not be fulfilled."}}, code)
