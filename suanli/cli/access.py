"""`suanli token` and `suanli audit`: who may act on the record, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.access_words import fault as fault_told
from suanli.cli.access_words import print_rows, print_tokens
from suanli.cli.context import given, say
from suanli.cli.language import _
from suanli.cli.output import print_json
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.audit import Head

token = typer.Typer(name="token", help="Tokens by which others act on this record.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only check, and show what would be recorded")]


@token.command("create")
def create(
    context: typer.Context,
    owner: Annotated[str, typer.Option("--owner", help="whose it is: a person or a program, by name")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="read, push:SITE, register:OPERATOR, approve or admin; may be repeated")
    ],
    expires: Annotated[str, typer.Option("--expires", help="its life: 90d, 1y, or never")] = "1y",
    network: Annotated[
        list[str] | None, typer.Option("--network", help="only from there: 10.1.0.0/16; may be repeated")
    ] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Give a token. It is shown this once and kept nowhere; what is kept is its Argon2id hash.

    read: everything. register:OPERATOR: read and submit for the sites of that operator, which somebody then approves.
    approve: read, submit, decide. admin: all of it, and tokens. push:SITE: hand in samples of that site.
    """
    from suanli.access import WantedToken, issue
    from suanli.answers import iso
    from suanli.cli.reading import made
    from suanli.model.audit import local_author

    values = {"owner": owner, "scope": tuple(scope), "expires": expires, "network": tuple(network or ())}
    wanted = made(WantedToken, values)
    with given(context).opened() as (_config, store):
        issued = issue(store, wanted, local_author(), dry_run=dry_run)
    found = issued.token
    text = None if dry_run else issued.text.get_secret_value()
    if json:
        end = None if found.expires_at is None else iso(found.expires_at)
        scopes = [str(one) for one in found.scopes]
        print_json({"id": found.id, "owner": found.owner, "scopes": scopes, "expires_at": end, "token": text})
    elif text is not None:
        print(text)
    created = _("token {id} is {owner}'s; it is shown this once: hand it over")
    say((_("{owner} would get a token") if dry_run else created).format(id=found.id, owner=found.owner))


@token.command("list")
def list_tokens(context: typer.Context, json: _Json = False) -> None:
    """Every token that was ever given: whose, what for, until when, when last used; never the token itself."""
    from suanli.access import token_rows

    with given(context).opened() as (_config, store):
        rows = token_rows(store)
    if json:
        print_json({"tokens": rows})
    else:
        print_tokens(rows)


@token.command("revoke")
def revoke(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="as `suanli token list` shows it")],
    reason: Annotated[str, typer.Option("--reason", help="why; it is kept in the audit trail")],
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Take a token back: the next request with it is refused. What was done with it stays."""
    from suanli.access import revoke as take_back
    from suanli.model.audit import local_author

    with given(context).opened() as (_config, store):
        found = take_back(store, id_, local_author(reason), dry_run=dry_run)
    if json:
        print_json({"id": found.id, "owner": found.owner, "revoked": not dry_run})
    told = _("token {id} of {owner} would be revoked") if dry_run else _("token {id} of {owner} is revoked")
    say(told.format(id=found.id, owner=found.owner))


def audit(
    context: typer.Context,
    since: Annotated[str | None, typer.Option("--from", help="from this day or time on")] = None,
    until: Annotated[str | None, typer.Option("--to", help="before this day or time")] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="only of this one, as listed")] = None,
    action: Annotated[str | None, typer.Option("--action", help="only this: capacity.add, or all of capacity")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="only of this SITE, SITE/POOL or token")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="the newest so many")] = 100,
    verify: Annotated[bool, typer.Option("--verify", help="check that no row was edited, removed or put in")] = False,
    head: Annotated[str | None, typer.Option("--head", help="NUMBER:HASH that an earlier --verify printed")] = None,
    json: _Json = False,
) -> None:
    """Who changed what, when and why: every change of the registry, of tokens and of decisions, in order.

    Each row is bound to the one before by a hash. --verify finds a row that was edited, removed or put in, and prints
    the head; noted elsewhere and given back as --head, it also finds rows that were cut off at the end.
    """
    from suanli.cli.moments import moment
    from suanli.model.errors import InputError, Problem
    from suanli.store.audit import audit_rows, head_of, verified

    if head is not None and not verify:
        raise InputError(Problem(Message("is compared by --verify"), key="--head"))
    noted = None if head is None else _head(head)
    with given(context).opened() as (config, store), store.reading() as connection:
        if verify:
            found, now = verified(connection, noted), head_of(connection)
        else:
            times = moment("--from", since, config.zone), moment("--to", until, config.zone)
            rows = audit_rows(connection, *times, actor, action, subject, limit)
    if not verify:
        print_rows(rows, json=json)
        return
    fault = None if found is None else {"seq": found.seq, "kind": found.kind}
    if json:
        print_json({"ok": found is None, "head": str(now), "fault": fault})
    elif found is None:
        print(
            _(
                "the audit trail is whole: {count} rows; head {head} (note it elsewhere, and give it back as --head)"
            ).format(head=now, count=now.seq)
        )
    if found is not None:
        say(f"suanli: {fault_told(found.kind, found.seq)}")
        raise SystemExit(1)


def _head(text: str) -> Head:
    from suanli.model.audit import Head
    from suanli.model.errors import InputError, Problem

    number, colon, hashed = text.partition(":")
    hashed = hashed if colon else number
    if len(hashed) != 64 or (colon and not number.isdecimal()):
        raise InputError(Problem(Message("expected NUMBER:HASH, as --verify prints it"), key="--head"))
    return Head(int(number) if colon else 0, hashed)
