"""`suanli alerts test` and `suanli alerts notifications`: whether a channel works, and what became of its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _, of
from suanli.cli.output import print_json, print_table
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.config import ChannelConfig, Config
    from suanli.model.delivery import Delivery

_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_COLUMNS = ("id", "channel", "purpose", "made_at", "state", "tries", "title", "error")


def send_test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="of a channel under notify in config.yaml")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be sent")] = False,
    json: _Json = False,
) -> None:
    """Send one test message to a channel now, past queue and quiet hours; exit 3 when the channel does not take it."""
    import socket
    import time

    from exporter.notify.composing import a_test
    from suanli.model.errors import Unavailable

    options = given(context)
    options.refuse_server()
    config = options.loaded()
    channel = _channel(config, name)
    letter = a_test(channel, channel.language or config.language, config.zone, int(time.time()), socket.gethostname())
    told = {"channel": name, "title": letter.title, "text": letter.text}
    if dry_run:
        would = _("would send to the channel {name}:").format(name=name)
        _print(told | {"sent": False}, f"{would}\n{letter.title}\n{letter.text}", json=json)
        return
    import asyncio

    outcome = asyncio.run(_sent(channel, letter))
    if not outcome.delivered:
        raise Unavailable(
            Message(
                "the channel {name} did not take the test message: {words}; look at the secret that its url names, "
                "and at the network",
                name=name,
                words=outcome.words,
            )
        )
    _print(told | {"sent": True}, _("the channel {name} took the test message").format(name=name), json=json)


def list_notifications(
    context: typer.Context,
    channel: Annotated[str | None, typer.Option(help="only of this channel")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 100,
    json: _Json = False,
) -> None:
    """The messages to the channels: those that wait, and of the last 30 days those delivered and given up, and why."""
    from suanli.answers import iso
    from suanli.store.notifications import listed

    with given(context).opened() as (config, store):
        if channel is not None and all(one.name != channel for one in config.notify):
            _channel(config, channel)
        with store.reading() as connection:
            found = listed(connection, channel, limit)
    rows = [_row(row, iso) for row in found]
    if json:
        print_json({"notifications": rows})
    else:
        _print_rows(rows, limit)


async def _sent(channel: ChannelConfig, letter: Any) -> Delivery:
    import uuid

    from exporter.notify.sending import sent

    return await sent(channel.url, uuid.uuid4().hex, letter)


def _channel(config: Config, name: str) -> ChannelConfig:
    from suanli.model.errors import InputError, Problem

    found = next((one for one in config.notify if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in config.notify) or Message("none: add one under notify in config.yaml")
        raise InputError(Problem(Message("there is no channel {name!r}; there is {known}", name=name, known=known)))
    return found


def _row(row: Any, iso: Any) -> dict[str, Any]:
    import json as json_text

    letter = json_text.loads(row.letter)
    times = {name: getattr(row, name) for name in ("made_at", "next_at", "expires_at", "ended_at")}
    plain = {name: getattr(row, name) for name in ("id", "key", "channel", "purpose", "state", "tries", "error")}
    if row.state != "pending":
        times["next_at"] = None
    told = {name: None if at is None else iso(at) for name, at in times.items()}
    return plain | told | {"title": letter["title"], "text": letter["text"]}


def _print_rows(rows: list[dict[str, Any]], limit: int) -> None:
    if not rows:
        say(_("there are no notifications"))
        return
    columns = [_("id"), _("channel"), _("purpose"), _("made at"), _("state"), _("tries "), _("title")]
    print_table([*columns, _("the channel's words")], [[_cell(row, column) for column in _COLUMNS] for row in rows])
    if len(rows) == limit:
        say(_("only the newest {limit}: see --limit").format(limit=limit))


def _cell(row: dict[str, Any], column: str) -> str:
    return _words()[row[column]] if column in ("state", "purpose") else str(row[column])


def _words() -> dict[str, str]:
    """States and purposes."""
    return {
        "pending": of("a notification", "pending"),
        "delivered": of("a notification", "delivered"),
        "failed": of("a notification", "failed"),
        "alerts": of("a notification", "alerts"),
        "heartbeat": of("a notification", "heartbeat"),
    }


def _print(data: dict[str, Any], text: str, *, json: bool) -> None:
    if json:
        print_json(data)
    else:
        print(text)
