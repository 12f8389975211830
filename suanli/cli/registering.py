"""`suanli site register`, `update`, `retire` and `suanli pool add`: one site from a terminal, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.asking_for import Missing
from suanli.cli.capacity_words import print_answer
from suanli.cli.context import given
from suanli.cli.desk import Desk, at_desk
from suanli.cli.language import _, of
from suanli.cli.probe_words import print_probe
from suanli.cli.reading import day_or_time, made, pool_of
from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.site import Site

_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only show what would change")]
_Id = Annotated[str, typer.Argument(metavar="SITE", help="lower-case letters, digits and hyphens; stable for ever")]
_Name = Annotated[str | None, typer.Option("--name", help="as people call it")]
_Province = Annotated[str | None, typer.Option("--province", help="where it stands")]
_Operator = Annotated[str | None, typer.Option("--operator", help="who runs it")]
_Status = Annotated[str | None, typer.Option("--status", help="planned, building, operational, maintenance or retired")]
_Kind = Annotated[str | None, typer.Option("--kind", help="of its management API: slurm, prometheus, http_json")]
_Url = Annotated[str | None, typer.Option("--url", help="of its management API")]
_Auth = Annotated[str | None, typer.Option("--auth", help="none, basic, bearer, header or slurm")]
_User = Annotated[str | None, typer.Option("--user", help="for basic and slurm")]
_Token = Annotated[
    str | None,
    typer.Option("--secret", help="env:NAME or file:PATH where it is polled from; never the secret"),
]
_Setting = Annotated[
    list[str] | None, typer.Option("--setting", help="KEY=VALUE of its kind of source, as YAML; may be repeated")
]
_Interval = Annotated[str | None, typer.Option("--interval", help="how often it is asked: 60s, 5m")]
_Model = Annotated[str | None, typer.Option("--model", help="a row of the catalogue, or words of its name: A100 80G")]
_Match = Annotated[str | None, typer.Option("--match", help="LABEL=VALUE by which the answer tells the pool's devices")]
_Devices = Annotated[int | None, typer.Option("--devices", help="built and accepted, in devices")]
_Pflops = Annotated[float | None, typer.Option("--pflops", help="or in PFLOPS")]
_From = Annotated[str | None, typer.Option("--from", help="since when that is so: a day or a time")]
_Source = Annotated[str | None, typer.Option("--source", help="who says so: the report, its number")]
_Effective = Annotated[str | None, typer.Option("--effective", help="since when that is true; since now when left out")]


def register(
    context: typer.Context,
    id_: _Id,
    name: _Name = None,
    province: _Province = None,
    operator: _Operator = None,
    status: _Status = None,
    kind: _Kind = None,
    url: _Url = None,
    auth: _Auth = None,
    user: _User = None,
    secret: _Token = None,
    setting: _Setting = None,
    interval: _Interval = None,
    pool: Annotated[str | None, typer.Option("--pool", help="the id of its first pool")] = None,
    model: _Model = None,
    match: _Match = None,
    devices: _Devices = None,
    pflops: _Pflops = None,
    since: _From = None,
    source: _Source = None,
    probe: Annotated[bool, typer.Option("--probe", help="ask the API first, and show what is there")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether to go on after the probe")] = False,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Register a site with its first pool. What is missing is asked for at a terminal, and named elsewhere.

    With --probe its API is asked first, through the real collector: devices by pool, what looks wrong, and what the
    fleet's rates would become. More pools: `suanli pool add`; many sites at once: `suanli apply`.
    """
    missing = Missing()
    site = {
        "id": id_,
        "name": missing.text("--name", name, _("name of the site")),
        "province": missing.text("--province", province, of("question", "province")),
        "operator": missing.text("--operator", operator, _("operator")),
        "status": status or "operational",
    }
    if pool is not None or missing.at_terminal:
        entry = _capacity(devices, pflops, since, source)
        site["pools"] = [_pool(missing, pool, model, match, entry)]  # type: ignore[assignment] # read by the model
    if kind is not None or url is not None or missing.at_terminal:
        site["source"] = _source(missing, kind, url, auth, user, secret, setting, interval)  # type: ignore[assignment]
    missing.raise_any()
    wanted = _made(site)
    with at_desk(given(context)) as desk:
        if any(one["id"] == id_ for one in desk.sites()):
            raise InputError(
                Problem(Message("site {id} is registered already: `suanli site update` changes it", id=id_))
            )
        if probe:
            _probed(desk, wanted, json=json, ask=missing.at_terminal and not (yes or dry_run))
        _submit(desk, wanted, None, dry_run=dry_run, json=json)


def update(
    context: typer.Context,
    id_: _Id,
    name: _Name = None,
    province: _Province = None,
    operator: _Operator = None,
    status: _Status = None,
    url: _Url = None,
    interval: _Interval = None,
    effective: _Effective = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Change what is said of a site. Facts are true from --effective on; of the time before nothing changes."""
    facts = {"name": name, "province": province, "operator": operator, "status": status}
    changed = {key: value for key, value in facts.items() if value is not None}
    polled = {key: value for key, value in {"url": url, "interval": interval}.items() if value is not None}
    if not changed and not polled:
        raise InputError(
            Problem(Message("say what is to change: --name, --province, --operator, --status, --url, --interval"))
        )
    with at_desk(given(context)) as desk:
        before = desk.site(id_).model_dump(by_alias=True, exclude_none=True)
        if polled and "source" not in before:
            raise InputError(
                Problem(Message("site {id} has no source yet: `suanli apply` gives it one", id=id_), key="--url")
            )
        if polled:
            before["source"] |= polled
        _submit(desk, _made(before | changed), effective, dry_run=dry_run, json=json)


def retire(
    context: typer.Context,
    id_: _Id,
    effective: Annotated[str, typer.Option("--from", help="since when it is out of service: a day or a time")],
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """A site goes out of service: from then on it is neither asked nor counted; its history stays."""
    with at_desk(given(context)) as desk:
        before = desk.site(id_)
        if before.status == "retired":
            raise SuanliError(
                Message("site {id} is retired already; `suanli site history {id}` shows since when", id=id_)
            )
        site = before.model_copy(update={"status": "retired"})
        _submit(desk, site, effective, dry_run=dry_run, json=json)


def add_pool(
    context: typer.Context,
    where: Annotated[str, typer.Argument(metavar="SITE/POOL", help="a registered site, and the new pool's id")],
    model: _Model = None,
    match: _Match = None,
    devices: _Devices = None,
    pflops: _Pflops = None,
    since: _From = None,
    source: _Source = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """One pool more of a registered site, with what of it is built."""
    id_, pool = pool_of(where)
    missing = Missing()
    made_pool = _pool(missing, pool, model, match, _capacity(devices, pflops, since, source))
    missing.raise_any()
    with at_desk(given(context)) as desk:
        before = desk.site(id_)
        if any(one.id == pool for one in before.pools):
            raise InputError(
                Problem(Message("{where} is registered already: `suanli capacity add` says what is built", where=where))
            )
        site = before.model_dump(by_alias=True, exclude_none=True)
        _submit(desk, _made(site | {"pools": [*site["pools"], made_pool]}), None, dry_run=dry_run, json=json)


def _made(values: dict[str, Any]) -> Site:
    from suanli.model.site import Site

    return made(Site, values)


def _submit(desk: Desk, site: Site, effective: str | None, *, dry_run: bool, json: bool) -> None:
    from suanli.model.request import SitesRequest

    since = None if effective is None else day_or_time("--effective", effective)
    answer = desk.submit(SitesRequest(sites=(site,), effective=since), dry_run=dry_run)
    print_answer(answer, json=json)


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


def _pool(
    missing: Missing,
    id_: str | None,
    model: str | None,
    match: str | None,
    entry: dict[str, Any] | None,
) -> dict[str, Any]:
    name = missing.text("--model", model, _("model (a name in the catalogue, or words of it, such as A100 80G)"))
    made_pool: dict[str, Any] = {"id": missing.text("--pool", id_, _("id of the first pool"))}
    made_pool["model"] = missing.model(name, _("which of these")) if name else ""
    if match is not None:
        label, equals, value = match.partition("=")
        if not equals:
            raise InputError(Problem(Message("expected LABEL=VALUE, not {match!r}", match=match), key="--match"))
        made_pool["match"] = {"label": label, "value": value}
    return made_pool | ({"capacity": [entry]} if entry else {})


def _capacity(
    devices: int | None, pflops: float | None, since: str | None, source: str | None
) -> dict[str, Any] | None:
    if devices is None and pflops is None:
        return None
    if since is None or source is None:
        raise InputError(
            Problem(Message("an amount needs --from (since when) and --source (who says so)"), key="--devices")
        )
    amount = {"devices": devices, "pflops": pflops}
    return {"from": day_or_time("--from", since), "stage": "built", "source": source} | {
        key: value for key, value in amount.items() if value is not None
    }


def _source(
    missing: Missing,
    kind: str | None,
    url: str | None,
    auth: str | None,
    user: str | None,
    secret: str | None,
    settings: list[str] | None,
    interval: str | None,
) -> dict[str, Any]:
    from collectors.registry import REGISTRY

    found: dict[str, Any] = {
        "kind": missing.text("--kind", kind, _("kind of management API"), sorted(REGISTRY)),
        "url": missing.text("--url", url, _("its URL")),
        "settings": dict(map(_setting_of, settings or ())),
    }
    if auth is not None:
        found["auth"] = {"kind": auth} | ({"user": user} if user else {}) | _secret(auth, secret)
    return found | ({"interval": interval} if interval else {})


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
    return {"password" if auth == "basic" else "token": {where: name}}
