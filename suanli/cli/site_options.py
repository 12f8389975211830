"""The options of `suanli site` and `suanli pool add`, each declared once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

Reason = Annotated[str | None, typer.Option("--reason", help="why; it is kept in the audit trail")]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of a site."""

    name: Annotated[str | None, typer.Option("--name", help="as people call it")] = None
    province: Annotated[str | None, typer.Option("--province", help="where it stands")] = None
    operator: Annotated[str | None, typer.Option("--operator", help="who runs it")] = None
    status: Annotated[
        str | None, typer.Option("--status", help="planned, building, operational, maintenance or retired")
    ] = None


@dataclass(frozen=True, slots=True)
class Polled:
    """Where its API is, and how often it is asked."""

    url: Annotated[str | None, typer.Option("--url", help="of its management API")] = None
    interval: Annotated[str | None, typer.Option("--interval", help="how often it is asked: 60s, 5m")] = None


@dataclass(frozen=True, slots=True)
class Access:
    """How its API is asked."""

    kind: Annotated[str | None, typer.Option("--kind", help="of its management API: slurm, prometheus, http_json")] = (
        None
    )
    auth: Annotated[
        str | None,
        typer.Option(
            "--auth",
            help="none, basic, bearer, header, query, slurm, oauth2, keystone, redfish, form, huawei_ak_sk, "
            "alibaba_ak_sk, huawei_sts, alibaba_sts or kubeconfig",
        ),
    ] = None
    auth_url: Annotated[
        str | None,
        typer.Option("--auth-url", help="for oauth2 and keystone: who gives the tokens; for form: where it is posted"),
    ] = None
    auth_name: Annotated[
        str | None, typer.Option("--auth-name", help="what the header, parameter or kubeconfig's context is called")
    ] = None
    user: Annotated[
        str | None,
        typer.Option(
            "--user", help="for basic, slurm, oauth2 (client id), keystone, redfish, form; an access key's id"
        ),
    ] = None
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="env:NAME or file:PATH where it is polled from; never the secret"),
    ] = None
    setting: Annotated[
        list[str] | None, typer.Option("--setting", help="KEY=VALUE of its kind of source, as YAML; may be repeated")
    ] = None


@dataclass(frozen=True, slots=True)
class Built:
    """A pool and what of it is built."""

    model: Annotated[
        str | None, typer.Option("--model", help="a row of the catalogue, or words of its name: A100 80G")
    ] = None
    match: Annotated[
        str | None, typer.Option("--match", help="LABEL=VALUE by which the answer tells the pool's devices")
    ] = None
    devices: Annotated[int | None, typer.Option("--devices", help="built and accepted, in devices")] = None
    pflops: Annotated[float | None, typer.Option("--pflops", help="or in PFLOPS")] = None
    since: Annotated[str | None, typer.Option("--from", help="since when that is so: a day or a time")] = None
    source: Annotated[str | None, typer.Option("--source", help="who says so: the report, its number")] = None


@dataclass(frozen=True, slots=True)
class Way:
    """How it is done, why, and how it is told."""

    reason: Reason = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False
    json: Annotated[bool, typer.Option("--json", help="for a program; unknown is null")] = False


def said(options: Facts | Polled) -> dict[str, Any]:
    """Those of them that were given."""
    return {name: value for name, value in asdict(options).items() if value is not None}
