"""The kinds of source: one line each, and those that are installed beside them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from collectors.base import Collector, Http, Refused, Settings
from collectors.exec.collector import ExecCollector
from collectors.file.collector import FileCollector
from collectors.guard import text_fault
from collectors.http_json.collector import HttpJsonCollector
from collectors.kubernetes.collector import KubernetesCollector
from collectors.modelarts.collector import ModelartsCollector
from collectors.openstack.collector import OpenstackCollector
from collectors.pai.collector import PaiCollector
from collectors.plugins import Kinds
from collectors.prometheus.collector import PrometheusCollector
from collectors.push.collector import PushCollector
from collectors.ray.collector import RayCollector
from collectors.redfish.collector import RedfishCollector
from collectors.runai.collector import RunaiCollector
from collectors.slurm.collector import SlurmCollector
from suanli.model.errors import Problem
from suanli.model.grants import Grants
from suanli.model.polled import PolledSite
from suanli.model.reach import Reach
from suanli.model.sample import Sample
from suanli.model.site import KUBECONFIG, PUSH, Auth, Site, Source, Tls
from suanli.model.yamlfile import Loc, dotted, unknown_key

REGISTRY = Kinds(
    {
        "slurm": SlurmCollector,
        "prometheus": PrometheusCollector,
        "http_json": HttpJsonCollector,
        "kubernetes": KubernetesCollector,
        "openstack": OpenstackCollector,
        "modelarts": ModelartsCollector,
        "pai": PaiCollector,
        "redfish": RedfishCollector,
        "ray": RayCollector,
        "runai": RunaiCollector,
        "file": FileCollector,
        "exec": ExecCollector,
        PUSH: PushCollector,
    }
)
NOT_ASKED = frozenset({PUSH})
"""Those that come by themselves: no poller has them in its plan."""


class _Unusable:
    """In place of a collector that cannot be made: every poll says why, and no other site notices."""

    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, why: str) -> None:
        self._why = why

    async def collect(self, _now: int) -> list[Sample]:
        raise Refused(self._why)


def build(site: PolledSite, http: Http) -> Collector:
    """The collector of this site; its settings were checked when it was registered, by the kind as it was then."""
    kind = REGISTRY.get(site.source.kind)
    if kind is None:
        return _Unusable(REGISTRY.fault(site.source.kind))
    try:
        return kind(site, kind.Settings.model_validate(site.source.settings), http)
    except Exception as error:  # of another's code, or of settings that it no longer takes
        why = str(error).splitlines()[0] if str(error) else "no reason given"
        return _Unusable(f"{site.source.kind} cannot be set up: {type(error).__name__}: {why}")


def asked_over_http(name: str) -> bool:
    """Whether this kind needs a url; one that nobody knows does."""
    kind = REGISTRY.get(name)
    return kind is None or kind.Settings.reached_by == "http"


def grant_faults(site: Site, grants: Grants) -> list[Problem]:
    """What this site would have read or started on this machine, and config.yaml does not give it."""
    found = (("source", site.source), ("cross_check", site.cross_check))
    return [
        Problem(told, key=f"site {site.id}: {where}")
        for where, source in found
        if source is not None and (told := _ungranted(site.id, source, grants))
    ]


def _ungranted(site: str, source: Source, grants: Grants) -> str:
    kind = REGISTRY.get(source.kind)
    asked = "http" if kind is None else kind.Settings.reached_by
    if asked == "folder" and grants.folder is None:
        return f"config.yaml gives this site no folder: folders: {{sites: {{{site}: /path}}}}"
    name = str(source.settings.get("program"))
    if asked == "program" and grants.program(name) is None:
        line = f"{{{name}: {{command: [...], sites: [{site}]}}}}"
        return f"config.yaml gives this site no program {name}: programs: {line}"
    return ""


def check_source(site: Site, reach: Reach | None = None) -> list[Problem]:
    """What is wrong with a site's source, before it is registered, where no file is at hand.

    reach: what the site may have asked; None leaves that to the poll, as it always does with what a name resolves to.
    """
    return [Problem(message, key=f"site {site.id}: {dotted(loc)}") for loc, message in source_faults(site, reach)]


def source_faults(site: Site, reach: Reach | None = None) -> list[tuple[Loc, str]]:
    """The same as places within the site and messages, for a file to tell with their lines."""
    return [*_faults("source", site.source, reach), *_faults("cross_check", site.cross_check, reach)]


def _faults(where: str, source: Source | None, reach: Reach | None) -> list[tuple[Loc, str]]:
    if source is None:
        return []
    kind = REGISTRY.get(source.kind)
    if kind is None:
        return [((where, "kind"), REGISTRY.fault(source.kind))]
    way = _url_faults(where, source, reach) if kind.Settings.reached_by == "http" else _local_faults(where, source)
    return way + _settings_faults(where, source, kind, reach)


def _url_faults(where: str, source: Source, reach: Reach | None) -> list[tuple[Loc, str]]:
    if source.auth.kind == KUBECONFIG:
        told = f"kind {source.kind} is not asked by a kubeconfig"
        return [] if REGISTRY[source.kind].Settings.by_kubeconfig else [((where, "auth", "kind"), told)]
    if source.url is None:
        return [((where, "url"), "expected the URL of the management API")]
    if reach is None:
        return []
    urls = [((where, "url"), source.url), ((where, "auth", "url"), source.auth.url)]
    return [(loc, fault) for loc, url in urls if url and (fault := text_fault(url, reach))]


def _local_faults(where: str, source: Source) -> list[tuple[Loc, str]]:
    given = {"url": source.url is not None, "auth": source.auth != Auth(), "tls": source.tls != Tls()}
    told = f"kind {source.kind} is not asked over HTTP: leave this out"
    return [((where, name), told) for name, here in given.items() if here]


def _settings_faults(where: str, source: Source, kind: type[Collector], reach: Reach | None) -> list[tuple[Loc, str]]:
    try:
        settings = kind.Settings.model_validate(source.settings)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [((where, "settings", *one["loc"]), _message(kind.Settings, one)) for one in details]
    return [] if reach is None else _address_faults(where, settings.addresses(source.url or ""), reach)


def _address_faults(where: str, addresses: list[tuple[Loc, str]], reach: Reach) -> list[tuple[Loc, str]]:
    """The first of each place: a range of addresses that is out of reach is told once."""
    told: dict[Loc, str] = {}
    for loc, url in addresses:
        if loc not in told and (fault := text_fault(url, reach)):
            told[loc] = fault
    return [((where, "settings", *loc), fault) for loc, fault in told.items()]


def _message(settings: type[Settings], detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return unknown_key(str(detail["loc"][-1]), sorted(settings.model_fields))
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
