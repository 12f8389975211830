"""A BMC's Redfish service: sessions, $expand, paging. What it says passes DMTF's own validator.

It serves the demonstration's second signal, and the tests of the collector (tests/servers/redfish.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from suanli.demo.dialects.base import USER, Asked, Json, Told, json

ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
_OPEN = frozenset({"/redfish", ROOT, f"{ROOT}/$metadata", f"{ROOT}/odata"})
_NAMES = uuid.UUID("8e5f41c5-3c1c-4a5e-9d0b-4a3d2f6f0a11")


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
    page: members of a page. most_sessions: how many are open at once; opened: so far. at: the path before /redfish.
    """

    systems: list[System]
    levels: int = 0
    offers: int | None = None
    page: int = 1000
    most_sessions: int = 4
    name: str = "bmc"
    at: str = ""
    password: str = field(kw_only=True, repr=False)
    sessions: dict[str, str] = field(default_factory=dict)
    opened: int = 0

    def resources(self) -> dict[str, Json]:
        """Everything that can be read, by its path without a slash at the end."""
        return _resources(self)

    def knows(self, asked: Asked) -> bool:
        """Whether who asks may, or asks for a session or for what is open to all."""
        path = asked.path.rstrip("/")
        is_new = asked.method == "POST" and path == SESSIONS
        has_session = asked.headers.get("x-auth-token") in self.sessions
        return is_new or path in _OPEN or has_session or asked.basic() == (USER, self.password)

    def answer(self, asked: Asked, resources: Mapping[str, Json]) -> Told:
        """What is answered to one who is known."""
        path = asked.path.rstrip("/")
        if asked.method == "POST" and path == SESSIONS:
            return self._open(asked)
        if asked.method == "DELETE":
            return self._close(path)
        if asked.method != "GET":
            return failed(405)
        if path == f"{ROOT}/$metadata":
            return Told(_METADATA.encode(), media="application/xml")
        found = self.told(path, asked.query, resources)
        return failed(found) if isinstance(found, int) else json(found, OData_Version="4.0")

    def told(self, path: str, query: Mapping[str, str], resources: Mapping[str, Json]) -> Json | int:
        """What is read at a path, or the status of an error."""
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

    def _open(self, asked: Asked) -> Told:
        if _object(asked.body) != {"UserName": USER, "Password": self.password}:
            return failed(401)
        if len(self.sessions) >= self.most_sessions:
            return failed(503, "The service has no room for another session.")
        self.opened += 1
        name, token = str(self.opened), uuid.uuid4().hex
        self.sessions[token] = name
        return json(_session(name), 201, X_Auth_Token=token, Location=f"{self.at}{SESSIONS}/{name}")

    def _close(self, path: str) -> Told:
        tokens = [token for token, name in self.sessions.items() if path == f"{SESSIONS}/{name}"]
        for token in tokens:
            del self.sessions[token]
        return Told(b"", 204) if tokens else failed(404)


def failed(status: int, told: str = "The request cannot be done.") -> Told:
    """An error as Redfish words it."""
    said = {
        "code": "Base.1.18.GeneralError",
        "message": "A general error has occurred.",
        "@Message.ExtendedInfo": [{"MessageId": "Base.1.18.GeneralError", "Message": told}],
    }
    return json({"error": said}, status)


def _object(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


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


_METADATA = '<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"/>'
