"""A BMC that serves Redfish, as no product shows accelerators without having them: sessions, $expand, paging.

What it says passes DMTF's own validator (tests/servers/test_redfish.py). It answers on the loop that starts it.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

USER, PASSWORD = "suanli", "suanli-test-password"
ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
_OPEN = frozenset({"/redfish", ROOT, f"{ROOT}/$metadata", f"{ROOT}/odata"})
_NAMES = uuid.UUID("8e5f41c5-3c1c-4a5e-9d0b-4a3d2f6f0a11")
Json = dict[str, Any]


@dataclass(frozen=True)
class Processor:
    """One processor. percent: how busy it is; None: it has no metrics."""

    name: str
    model: str
    kind: str = "GPU"
    manufacturer: str = "NVIDIA"
    state: str = "Enabled"
    health: str | None = "OK"
    percent: float | None = None
    uuid: str | None = None
    serial: str | None = None
    part: str | None = None


@dataclass
class System:
    """One computer. power: None says nothing of it."""

    name: str
    processors: list[Processor]
    power: str | None = "On"


@dataclass
class Bmc:
    """What one BMC has, and how it behaves.

    levels: how deep $expand goes; 0 where it is not offered. offers: what is said of it, if not the truth.
    page: members of a page. most_sessions: how many are open at once; opened: so far. faults: path -> status.
    asked: paths with queries, in order.
    """

    systems: list[System]
    levels: int = 0
    offers: int | None = None
    page: int = 1000
    most_sessions: int = 4
    password: str = PASSWORD
    name: str = "bmc"
    faults: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    opened: int = 0

    def resources(self) -> dict[str, Json]:
        """Everything that can be read, by its path without a slash at the end."""
        return _resources(self)

    def told(self, path: str, query: Mapping[str, str], resources: Mapping[str, Json]) -> Json | int:
        """What is answered to whoever may ask, or the status of an error."""
        expand = query.get("$expand", "")
        found = resources.get(path)
        if found is None:
            return 404
        if "Members" in found:
            found = _page(found, int(query.get("$skip", 0)), self.page, expand)
        if not expand:
            return found
        if not self.levels:
            return 501
        wanted = int(expand.partition("=")[2].rstrip(")") or 1)
        whole: Json = _expanded(found, resources, min(wanted, self.levels))
        return whole


@asynccontextmanager
async def redfish_bmc(bmc: Bmc, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves it; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _Handler(bmc).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class _Handler:
    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.rstrip("/")
        self._bmc.asked.append(f"{request.method} {request.path_qs}" if request.method != "GET" else request.path_qs)
        if status := self._bmc.faults.get(path):
            return _error(status)
        if request.method == "POST" and path == SESSIONS:
            return await self._open(request)
        if path not in _OPEN and not self._known(request.headers):
            return _error(401)
        if request.method == "DELETE":
            return self._close(path)
        return self._read(path, request) if request.method == "GET" else _error(405)

    async def _open(self, request: web.Request) -> web.Response:
        sent = await request.json()
        if sent != {"UserName": USER, "Password": self._bmc.password}:
            return _error(401)
        if len(self._bmc.sessions) >= self._bmc.most_sessions:
            return _error(503, "The service has no room for another session.")
        self._bmc.opened += 1
        name, token = str(self._bmc.opened), uuid.uuid4().hex
        self._bmc.sessions[token] = name
        place = f"{SESSIONS}/{name}"
        found = _session(name)
        return web.json_response(found, status=201, headers={"X-Auth-Token": token, "Location": place})

    def _known(self, headers: Mapping[str, str]) -> bool:
        pair = base64.b64encode(f"{USER}:{self._bmc.password}".encode()).decode()
        return headers.get("X-Auth-Token") in self._bmc.sessions or headers.get("Authorization") == f"Basic {pair}"

    def _close(self, path: str) -> web.Response:
        tokens = [token for token, name in self._bmc.sessions.items() if path == f"{SESSIONS}/{name}"]
        for token in tokens:
            del self._bmc.sessions[token]
        return web.Response(status=204) if tokens else _error(404)

    def _read(self, path: str, request: web.Request) -> web.Response:
        if path == f"{ROOT}/$metadata":
            return web.Response(text=_metadata(), content_type="application/xml")
        found = self._bmc.told(path, request.query, self._bmc.resources())
        if isinstance(found, int):
            return _error(found)
        return web.json_response(found, headers={"OData-Version": "4.0"})


def _page(whole: Json, skip: int, size: int, expand: str) -> Json:
    members = whole["Members"][skip : skip + size]
    found = {**whole, "Members": members}
    if skip + size < len(whole["Members"]):
        more = f"&$expand={expand}" if expand else ""
        found["Members@odata.nextLink"] = f"{whole['@odata.id']}?$skip={skip + size}{more}"
    return found


def _expanded(value: Any, told: Mapping[str, Json], levels: int) -> Any:
    """Links below it replaced by what they lead to, so many levels deep; those under `Links` stay links."""
    if isinstance(value, list):
        return [_expanded(one, told, levels) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"@odata.id"}:
        found = told.get(value["@odata.id"].rstrip("/"))
        return value if found is None or not levels else _expanded(found, told, levels - 1)
    return {key: one if key == "Links" else _expanded(one, told, levels) for key, one in value.items()}


def _resources(bmc: Bmc) -> dict[str, Json]:
    found: dict[str, Json] = {"/redfish": {"v1": f"{ROOT}/"}, ROOT: _root(bmc), **_session_service(bmc)}
    systems = f"{ROOT}/Systems"
    places = [f"{systems}/{system.name}" for system in bmc.systems]
    found[systems] = _collection(systems, "ComputerSystem", "Systems", places)
    for system, place in zip(bmc.systems, places, strict=True):
        found |= _system(bmc, system, place)
    return found


def _root(bmc: Bmc) -> Json:
    deep = bmc.levels if bmc.offers is None else bmc.offers
    expand: Json = {"ExpandAll": False, "Levels": deep > 0, "Links": False, "NoLinks": deep > 0}
    if deep:
        expand["MaxLevels"] = deep
    return {
        "@odata.id": f"{ROOT}/",
        "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.20.0",
        "UUID": str(uuid.uuid5(_NAMES, bmc.name)),
        "ProtocolFeaturesSupported": {"ExpandQuery": expand, "FilterQuery": False, "SelectQuery": False},
        "Systems": {"@odata.id": f"{ROOT}/Systems"},
        "SessionService": {"@odata.id": f"{ROOT}/SessionService"},
        "Links": {"Sessions": {"@odata.id": SESSIONS}},
    }


def _session_service(bmc: Bmc) -> dict[str, Json]:
    service = f"{ROOT}/SessionService"
    found = {
        service: {
            "@odata.id": service,
            "@odata.type": "#SessionService.v1_1_9.SessionService",
            "Id": "SessionService",
            "Name": "Session Service",
            "ServiceEnabled": True,
            "SessionTimeout": 1800,
            "Sessions": {"@odata.id": SESSIONS},
        },
        SESSIONS: _collection(SESSIONS, "Session", "Sessions", [f"{SESSIONS}/{one}" for one in bmc.sessions.values()]),
    }
    return found | {f"{SESSIONS}/{one}": _session(one) for one in bmc.sessions.values()}


def _session(name: str) -> Json:
    return {
        "@odata.id": f"{SESSIONS}/{name}",
        "@odata.type": "#Session.v1_7_0.Session",
        "Id": name,
        "Name": "User Session",
        "UserName": USER,
    }


def _collection(place: str, kind: str, name: str, members: list[str]) -> Json:
    return {
        "@odata.id": place,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{name} Collection",
        "Members@odata.count": len(members),
        "Members": [{"@odata.id": one} for one in members],
    }


def _system(bmc: Bmc, system: System, place: str) -> dict[str, Json]:
    inside = f"{place}/Processors"
    found: dict[str, Json] = {
        place: {
            "@odata.id": place,
            "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
            "Id": system.name,
            "Name": f"{bmc.name} {system.name}",
            "SystemType": "Physical",
            "Status": {"State": "Enabled", "Health": "OK"},
            "Processors": {"@odata.id": inside},
        },
        inside: _collection(inside, "Processor", "Processors", [f"{inside}/{one.name}" for one in system.processors]),
    }
    if system.power is not None:
        found[place]["PowerState"] = system.power
    for one in system.processors:
        found |= _processor(one, f"{inside}/{one.name}")
    return found


def _processor(one: Processor, place: str) -> dict[str, Json]:
    status = {"State": one.state} | ({"Health": one.health} if one.health else {})
    body: Json = {
        "@odata.id": place,
        "@odata.type": "#Processor.v1_20_0.Processor",
        "Id": one.name,
        "Name": one.name,
        "ProcessorType": one.kind,
        "Manufacturer": one.manufacturer,
        "Model": one.model,
        "Status": status,
    }
    named = {"UUID": one.uuid, "SerialNumber": one.serial, "PartNumber": one.part}
    body |= {key: value for key, value in named.items() if value is not None}
    if one.percent is None:
        return {place: body}
    metrics = f"{place}/ProcessorMetrics"
    return {
        place: body | {"Metrics": {"@odata.id": metrics}},
        metrics: {
            "@odata.id": metrics,
            "@odata.type": "#ProcessorMetrics.v1_6_1.ProcessorMetrics",
            "Id": "ProcessorMetrics",
            "Name": f"Metrics of {one.name}",
            "BandwidthPercent": one.percent,
        },
    }


def _metadata() -> str:
    return '<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"/>'


def _error(status: int, told: str = "The request cannot be done.") -> web.Response:
    said = {
        "code": "Base.1.18.GeneralError",
        "message": "A general error has occurred.",
        "@Message.ExtendedInfo": [{"MessageId": "Base.1.18.GeneralError", "Message": told}],
    }
    return web.json_response({"error": said}, status=status)


def machine(name: str, gpus: int = 8, model: str = "NVIDIA H100 80GB HBM3", **more: Any) -> Bmc:
    """A host of two CPUs, and its baseboard of so many devices, as HGX machines show themselves."""
    host = System("System_0", [Processor(f"CPU_{one}", "Xeon", "CPU", "Intel") for one in range(2)])
    devices = [
        Processor(f"GPU_SXM_{one + 1}", model, uuid=str(uuid.uuid5(_NAMES, f"{name} {one}")), percent=12.5 * one)
        for one in range(gpus)
    ]
    return Bmc([host, System("HGX_Baseboard_0", devices)], name=name, **more)


def changed(bmc: Bmc, system: int, processor: int, **what: Any) -> None:
    """Gives one processor other values."""
    found = bmc.systems[system].processors
    found[processor] = replace(found[processor], **what)
