"""The kinds of source: one line each."""

from __future__ import annotations

from pydantic import ValidationError

from collectors.base import Collector, Http, Settings
from collectors.http_json.collector import HttpJsonCollector
from collectors.prometheus.collector import PrometheusCollector
from collectors.slurm.collector import SlurmCollector
from suanli.model.errors import InputError, Problem
from suanli.model.polled import PolledSite
from suanli.model.site import Site
from suanli.model.yamlfile import dotted, unknown_key

REGISTRY: dict[str, type[Collector]] = {
    "slurm": SlurmCollector,
    "prometheus": PrometheusCollector,
    "http_json": HttpJsonCollector,
}


def build(site: PolledSite, http: Http) -> Collector:
    """The collector of this site; its settings were checked when the site was registered."""
    kind = REGISTRY[site.source.kind]
    return kind(site, kind.Settings.model_validate(site.source.settings), http)


def check_source(site: Site) -> list[Problem]:
    """What is wrong with a site's source, before it is registered."""
    if site.source is None:
        return []
    kind = REGISTRY.get(site.source.kind)
    if kind is None:
        return [Problem(f"unknown kind of source; {_kinds()}", key=f"site {site.id}: source.kind: {site.source.kind}")]
    try:
        kind.Settings.model_validate(site.source.settings)
    except ValidationError as error:
        return [
            _problem(site, kind.Settings, detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()
        ]
    except InputError as error:
        return list(error.problems)
    return []


def _kinds() -> str:
    return f"known: {', '.join(sorted(REGISTRY))}"


def _problem(site: Site, settings: type[Settings], loc: tuple[int | str, ...], type_: str, message: str) -> Problem:
    key = f"site {site.id}: {dotted(('source', 'settings', *loc))}"
    if type_ == "extra_forbidden":
        return Problem(unknown_key(str(loc[-1]), sorted(settings.model_fields)), key=key)
    return Problem(message.removeprefix("Value error, "), key=key)
