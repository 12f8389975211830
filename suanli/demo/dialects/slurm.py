"""Slurm's slurmrestd, in the layout that 24.11 and 26.05 share (recordings slurm24.11_v0.0.42_nodes.json)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import orjson

from suanli.demo.dialects.base import USER, Asked, Dialect, Json, Simulated, Told
from suanli.demo.state import Node, PoolNow

VERSION = "v0.0.42"
_UNKNOWN = Told(b"Unable find requested URL. Please view /openapi/v3 for API reference.", 404, "text/plain")
_CPUS_PER_DEVICE = 16


class Slurm(Dialect):
    """A cluster whose REST service speaks one version."""

    label: ClassVar[str] = "gres"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._nodes = site.kept(nodes)

    @classmethod
    def auth(cls, _url: str, secret: Json) -> Json:
        return {"kind": "slurm", "user": USER, "token": secret}

    def knows(self, asked: Asked) -> bool:
        given = asked.headers.get("x-slurm-user-token", "")
        return asked.headers.get("x-slurm-user-name") == USER and self.site.trusts(given)

    def told(self, asked: Asked) -> Told:
        if asked.path.removesuffix("/") != f"/slurm/{VERSION}/nodes":
            return _UNKNOWN
        return Told(body(self._nodes(), asked.at))


def nodes(pools: Sequence[PoolNow]) -> orjson.Fragment:
    """The list of nodes, encoded once for as long as nothing moves."""
    return orjson.Fragment(orjson.dumps([_node(pool, node) for pool in pools for node in pool.nodes]))


def body(nodes: orjson.Fragment, now: float) -> bytes:
    """slurmrestd's whole answer."""
    meta = {
        "plugin": {"type": "openapi/slurmctld", "data_parser": f"data_parser/{VERSION}"},
        "slurm": {"version": {"major": "24", "micro": "5", "minor": "11"}, "release": "24.11.5", "cluster": "demo"},
    }
    told = {"nodes": nodes, "last_update": _number(int(now)), "meta": meta, "errors": [], "warnings": []}
    return orjson.dumps(told)


def _number(number: int) -> Json:
    return {"set": True, "infinite": False, "number": number}


def _node(pool: PoolNow, node: Node) -> Json:
    gres, cpus = pool.plan.name, node.devices * _CPUS_PER_DEVICE
    taken = node.used * _CPUS_PER_DEVICE
    index = f"0-{node.used - 1}" if node.used > 1 else "0" if node.used else "N/A"
    return {
        "name": node.name,
        "hostname": node.name,
        "architecture": "x86_64",
        "state": _states(node),
        "reason": {"up": "", "drain": "maintenance", "down": "Not responding"}[node.state],
        "gres": f"gpu:{gres}:{node.devices}",
        "gres_used": f"gpu:{gres}:{node.used}(IDX:{index})",
        "gres_drained": "N/A",
        "partitions": [pool.plan.id],
        "cpus": cpus,
        "alloc_cpus": taken,
        "alloc_idle_cpus": cpus - taken,
        "real_memory": 1031000,
        "tres": f"cpu={cpus},mem=1031000M,billing={cpus}",
        "tres_used": f"cpu={taken}" if taken else "",
        "version": "24.11.5",
    }


def _states(node: Node) -> list[str]:
    if node.state == "down":
        return ["DOWN", "NOT_RESPONDING"]
    if node.state == "drain":
        return ["IDLE", "DRAIN"]
    if node.used == 0:
        return ["IDLE"]
    return ["ALLOCATED"] if node.used == node.devices else ["MIXED"]
