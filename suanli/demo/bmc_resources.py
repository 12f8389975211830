"""What a BMC's Redfish service has to tell, resource by resource. Pure; it passes DMTF's own validator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from suanli.demo.dialects.base import USER, Json

ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
_NAMES = UUID("8e5f41c5-3c1c-4a5e-9d0b-4a3d2f6f0a11")


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


def resources_of(name: str, levels: int, systems: Sequence[System], sessions: Iterable[str]) -> dict[str, Json]:
    """Everything that can be read, by its path without a slash at the end. levels: of $expand, as it is said."""
    found: dict[str, Json] = {"/redfish": {"v1": f"{ROOT}/"}, ROOT: _root(name, levels)}
    found |= _session_service(list(sessions))
    inside = f"{ROOT}/Systems"
    places = [f"{inside}/{system.name}" for system in systems]
    found[inside] = _collection(inside, "ComputerSystem", "Systems", places)
    for system, place in zip(systems, places, strict=True):
        found |= _system(name, system, place)
    return found


def _root(name: str, deep: int) -> Json:
    expand: Json = {"ExpandAll": False, "Levels": deep > 0, "Links": False, "NoLinks": deep > 0}
    if deep:
        expand["MaxLevels"] = deep
    return {
        "@odata.id": f"{ROOT}/",
        "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.20.0",
        "UUID": str(uuid5(_NAMES, name)),
        "ProtocolFeaturesSupported": {"ExpandQuery": expand, "FilterQuery": False, "SelectQuery": False},
        "Systems": {"@odata.id": f"{ROOT}/Systems"},
        "SessionService": {"@odata.id": f"{ROOT}/SessionService"},
        "Links": {"Sessions": {"@odata.id": SESSIONS}},
    }


def _session_service(sessions: list[str]) -> dict[str, Json]:
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
        SESSIONS: _collection(SESSIONS, "Session", "Sessions", [f"{SESSIONS}/{one}" for one in sessions]),
    }
    return found | {f"{SESSIONS}/{one}": session_of(one) for one in sessions}


def session_of(name: str) -> Json:
    """One session."""
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


def _system(bmc: str, system: System, place: str) -> dict[str, Json]:
    inside = f"{place}/Processors"
    found: dict[str, Json] = {
        place: {
            "@odata.id": place,
            "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
            "Id": system.name,
            "Name": f"{bmc} {system.name}",
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
