"""What each kind of API answers for a site's state. Pure: state and time in, body out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from suanli.demo.metrics import Series, answer
from suanli.demo.state import Node, PoolNow

SLURM_VERSION = "v0.0.42"
SLURM_UNKNOWN = "Unable find requested URL. Please view /openapi/v3 for API reference."
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_CPUS_PER_DEVICE = 16


def slurm_nodes(pools: Sequence[PoolNow]) -> orjson.Fragment:
    """The list of nodes, encoded once for as long as nothing moves."""
    return orjson.Fragment(orjson.dumps([_slurm_node(pool, node) for pool in pools for node in pool.nodes]))


def slurm_body(nodes: orjson.Fragment, now: float) -> bytes:
    """slurmrestd's answer, in the layout that 24.11 and 26.05 share (recordings slurm24.11_v0.0.42_nodes.json)."""
    meta = {
        "plugin": {"type": "openapi/slurmctld", "data_parser": f"data_parser/{SLURM_VERSION}"},
        "slurm": {"version": {"major": "24", "micro": "5", "minor": "11"}, "release": "24.11.5", "cluster": "demo"},
    }
    body = {"nodes": nodes, "last_update": _slurm_number(int(now)), "meta": meta, "errors": [], "warnings": []}
    return orjson.dumps(body)


def prometheus_body(series: Sequence[Series], promql: str, now: float) -> bytes | None:
    """An instant vector, values as texts; None for a question that is not understood."""
    amounts = answer(series, promql)
    if amounts is None:
        return None
    at = round(now, 3)
    result = [{"metric": {"model": model}, "value": [at, f"{amount:g}"]} for model, amount in amounts.items()]
    return orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def prometheus_error(message: str) -> bytes:
    """What Prometheus says of a question that it cannot parse."""
    return orjson.dumps({"status": "error", "errorType": "bad_data", "error": message})


def portal_body(pools: Sequence[PoolNow], now: float) -> bytes:
    """A cloud portal's answer; one vendor writes its time as seconds, the other as text."""
    time: int | str = int(now)
    if len(pools) > 1:
        time = datetime.fromtimestamp(int(now), _SHANGHAI).isoformat()
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


def _slurm_number(number: int) -> dict[str, Any]:
    return {"set": True, "infinite": False, "number": number}


def _slurm_node(pool: PoolNow, node: Node) -> dict[str, Any]:
    gres, cpus = pool.plan.name, node.devices * _CPUS_PER_DEVICE
    taken = node.used * _CPUS_PER_DEVICE
    index = f"0-{node.used - 1}" if node.used > 1 else "0" if node.used else "N/A"
    return {
        "name": node.name,
        "hostname": node.name,
        "architecture": "x86_64",
        "state": _slurm_states(node),
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


def _slurm_states(node: Node) -> list[str]:
    if node.state == "down":
        return ["DOWN", "NOT_RESPONDING"]
    if node.state == "drain":
        return ["IDLE", "DRAIN"]
    if node.used == 0:
        return ["IDLE"]
    return ["ALLOCATED"] if node.used == node.devices else ["MIXED"]
