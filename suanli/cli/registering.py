"""`suanli site register`, `update`, `retire` and `suanli pool add`: one site from a terminal, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.asking_for import Missing
from suanli.cli.capacity_words import print_answer
from suanli.cli.context import given
from suanli.cli.desk import Desk, at_desk
from suanli.cli.groups import grouped
from suanli.cli.language import _, of
from suanli.cli.probe_words import print_probe
from suanli.cli.reading import day_or_time, made, pool_of
from suanli.cli.site_options import Access, Built, Facts, Polled, Way, said
from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.site import Site

_Id = Annotated[str, typer.Argument(metavar="SITE", help="lower-case letters, digits and hyphens; stable for ever")]
_Effective = Annotated[str | None, typer.Option("--effective", help="since when that is true; since now when left out")]

_WITH_PASSWORD = ("basic", "oauth2", "keystone", "redfish", "form", "huawei_ak_sk", "alibaba_ak_sk")
"""Kinds of access of which the secret is a password; of the others it is a token."""
_NAMED = {"header": "header", "query": "parameter", "kubeconfig": "context"}


@grouped
def register(
    context: typer.Context,
    id_: _Id,
    facts: Facts,
    access: Access,
    polled: Polled,
    *,
    pool: Annotated[str | None, typer.Option("--pool", help="the id of its first pool")] = None,
    built: Built,
    probe: Annotated[bool, typer.Option("--probe", help="ask the API first, and show what is there")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether to go on after the probe")] = False,
    way: Way,
) -> None:
    """Register a site with its first pool. What is missing is asked for at a terminal, and named elsewhere.

    With --probe its API is asked first, through the real collector: devices by pool, what looks wrong, and what the
    fleet's rates would become. More pools: `suanli pool add`; many sites at once: `suanli apply`.
    """
    missing = Missing()
    site = _facts(missing, id_, facts)
    if pool is not None or missing.at_terminal:
        site["pools"] = [_pool(missing, pool, built)]
    if access.kind is not None or polled.url is not None or missing.at_terminal:
        site["source"] = _source(missing, access, polled)
    missing.raise_any()
    wanted = _made(site)
    with at_desk(given(context)) as desk:
        if any(one["id"] == id_ for one in desk.sites()):
            raise InputError(
                Problem(Message("site {id} is registered already: `suanli site update` changes it", id=id_))
            )
        if probe:
            _probed(desk, wanted, json=way.json, ask=missing.at_terminal and not (yes or way.dry_run))
        _submit(desk, wanted, None, way)


@grouped
def update(
    context: typer.Context, id_: _Id, facts: Facts, polled: Polled, *, effective: _Effective = None, way: Way
) -> None:
    """Change what is said of a site. Facts are true from --effective on; of the time before nothing changes."""
    changed, source = said(facts), said(polled)
    if not changed and not source:
        raise InputError(
            Problem(Message("say what is to change: --name, --province, --operator, --status, --url, --interval"))
        )
    with at_desk(given(context)) as desk:
        before = desk.site(id_).model_dump(by_alias=True, exclude_none=True)
        if source and "source" not in before:
            raise InputError(
                Problem(Message("site {id} has no source yet: `suanli apply` gives it one", id=id_), key="--url")
            )
        if source:
            before["source"] |= source
        _submit(desk, _made(before | changed), effective, way)


@grouped
def retire(
    context: typer.Context,
    id_: _Id,
    effective: Annotated[str, typer.Option("--from", help="since when it is out of service: a day or a time")],
    way: Way,
) -> None:
    """A site goes out of service: from then on it is neither asked nor counted; its history stays."""
    with at_desk(given(context)) as desk:
        before = desk.site(id_)
        if before.status == "retired":
            raise SuanliError(
                Message("site {id} is retired already; `suanli site history {id}` shows since when", id=id_)
            )
        _submit(desk, before.model_copy(update={"status": "retired"}), effective, way)


@grouped
def add_pool(
    context: typer.Context,
    where: Annotated[str, typer.Argument(metavar="SITE/POOL", help="a registered site, and the new pool's id")],
    built: Built,
    way: Way,
) -> None:
    """One pool more of a registered site, with what of it is built."""
    id_, pool = pool_of(where)
    missing = Missing()
    made_pool = _pool(missing, pool, built)
    missing.raise_any()
    with at_desk(given(context)) as desk:
        before = desk.site(id_)
        if any(one.id == pool for one in before.pools):
            raise InputError(
                Problem(Message("{where} is registered already: `suanli capacity add` says what is built", where=where))
            )
        site = before.model_dump(by_alias=True, exclude_none=True)
        _submit(desk, _made(site | {"pools": [*site["pools"], made_pool]}), None, way)


def _made(values: dict[str, Any]) -> Site:
    from suanli.model.site import Site

    return made(Site, values)


def _submit(desk: Desk, site: Site, effective: str | None, way: Way) -> None:
    from suanli.model.request import SitesRequest

    since = None if effective is None else day_or_time("--effective", effective)
    request = made(SitesRequest, {"sites": (site,), "effective": since, "reason": way.reason})
    print_answer(desk.submit(request, dry_run=way.dry_run), json=way.json)


def _facts(missing: Missing, id_: str, facts: Facts) -> dict[str, Any]:
    return {
        "id": id_,
        "name": missing.text("--name", facts.name, _("name of the site")),
        "province": missing.text("--province", facts.province, of("question", "province")),
        "operator": missing.text("--operator", facts.operator, _("operator")),
        "status": facts.status or "operational",
    }


def _probed(desk: Desk, site: Site, *, json: bool, ask: bool) -> None:
    """Shows what the site's API says; whoever sits there may stop here."""
    found = desk.probe(site)
    if not json:
        print_probe(found)
    if found["result"] == "unreachable":
        raise Unavailable(Message("{site}: {reason}; nothing was registered", site=site.id, reason=found["reason"]))
    if found["result"] != "ok":
        raise SuanliError(
            Message(
                "{site}: {result}: {reason}; nothing was registered",
                site=site.id,
                result=found["result"],
                reason=found["reason"],
            )
        )
    if ask and not typer.confirm(_("register this site?"), default=True):
        raise SuanliError(_("nothing was registered"))


def _pool(missing: Missing, id_: str | None, built: Built) -> dict[str, Any]:
    entry = _capacity(built)
    name = missing.text("--model", built.model, _("model (a name in the catalogue, or words of it, such as A100 80G)"))
    made_pool: dict[str, Any] = {"id": missing.text("--pool", id_, _("id of the first pool"))}
    made_pool["model"] = missing.model(name, _("which of these")) if name else ""
    if built.match is not None:
        label, equals, value = built.match.partition("=")
        if not equals:
            raise InputError(Problem(Message("expected LABEL=VALUE, not {match!r}", match=built.match), key="--match"))
        made_pool["match"] = {"label": label, "value": value}
    return made_pool | ({"capacity": [entry]} if entry else {})


def _capacity(built: Built) -> dict[str, Any] | None:
    amount = {name: value for name in ("devices", "pflops") if (value := getattr(built, name)) is not None}
    if not amount:
        return None
    if built.since is None or built.source is None:
        raise InputError(
            Problem(Message("an amount needs --from (since when) and --source (who says so)"), key="--devices")
        )
    return {"from": day_or_time("--from", built.since), "stage": "built", "source": built.source} | amount


def _source(missing: Missing, access: Access, polled: Polled) -> dict[str, Any]:
    from collectors.registry import REGISTRY, asked_over_http

    kind = missing.text("--kind", access.kind, _("kind of management API"), sorted(REGISTRY))
    found: dict[str, Any] = {"kind": kind, "settings": dict(map(_setting_of, access.setting or ()))}
    if polled.url is not None or (asked_over_http(kind) and access.auth != "kubeconfig"):
        found["url"] = missing.text("--url", polled.url, _("its URL"))
    if access.auth is not None:
        found["auth"] = _auth(access.auth, access)
    return found | ({"interval": polled.interval} if polled.interval else {})


def _auth(kind: str, access: Access) -> dict[str, Any]:
    named = {"user": access.user, "url": access.auth_url, _NAMED.get(kind, "header"): access.auth_name}
    return {"kind": kind} | {name: text for name, text in named.items() if text} | _secret(kind, access.secret)


def _setting_of(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(Problem(Message("expected KEY=VALUE, not {text!r}", text=text), key="--setting"))
    import yaml

    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(Problem(Message("{value!r} is no YAML", value=value), key=f"--setting {key}")) from None


def _secret(auth: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    where, colon, name = text.partition(":")
    if not colon or where not in ("env", "file"):
        # The text is left out on purpose: it may be the secret.
        raise InputError(Problem(Message("expected env:NAME or file:PATH, never the secret itself"), key="--secret"))
    named = auth if auth == "kubeconfig" else "password" if auth in _WITH_PASSWORD else "token"
    return {named: {where: name}}
