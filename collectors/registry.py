"""The kinds of source: one line each."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from collectors.base import Collector, Http, Settings
from collectors.guard import text_fault
from collectors.http_json.collector import HttpJsonCollector
from collectors.kubernetes.collector import KubernetesCollector
from collectors.modelarts.collector import ModelartsCollector
from collectors.openstack.collector import OpenstackCollector
from collectors.pai.collector import PaiCollector
from collectors.prometheus.collector import PrometheusCollector
from collectors.slurm.collector import SlurmCollector
from suanli.model.errors import Problem
from suanli.model.polled import PolledSite
from suanli.model.reach import Reach
from suanli.model.site import Site, Source
from suanli.model.yamlfile import Loc, dotted, unknown_key

REGISTRY: dict[str, type[Collector]] = {
    "slurm": SlurmCollector,
    "prometheus": PrometheusCollector,
    "http_json": HttpJsonCollector,
    "kubernetes": KubernetesCollector,
    "openstack": OpenstackCollector,
    "modelarts": ModelartsCollector,
    "pai": PaiCollector,
}


def build(site: PolledSite, http: Http) -> Collector:
    """The collector of this site; its settings were checked when the site was registered."""
    kind = REGISTRY[site.source.kind]
    return kind(site, kind.Settings.model_validate(site.source.settings), http)


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
    found: list[tuple[Loc, str]] = []
    if reach is not None:
        urls = [((where, "url"), source.url), ((where, "auth", "url"), source.auth.url)]
        found += [(loc, fault) for loc, url in urls if url and (fault := text_fault(url, reach))]
    return found + _settings_faults(where, source)


def _settings_faults(where: str, source: Source) -> list[tuple[Loc, str]]:
    kind = REGISTRY.get(source.kind)
    if kind is None:
        known = ", ".join(sorted(REGISTRY))
        return [((where, "kind"), f"{source.kind}: unknown kind of source; known: {known}")]
    try:
        kind.Settings.model_validate(source.settings)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [((where, "settings", *one["loc"]), _message(kind.Settings, one)) for one in details]
    return []


def _message(settings: type[Settings], detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return unknown_key(str(detail["loc"][-1]), sorted(settings.model_fields))
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
