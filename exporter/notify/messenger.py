"""`python -m exporter.notify.messenger`: one message by Apprise, in a process of its own that ends when it hangs.

Reads {url, key, letter} as JSON from standard input, so that the secret stands on no command line; writes a Delivery
as JSON. A process of its own, as Apprise says only whether it worked: here the answers can be listened to, and neither
what a plug-in logs nor what it loads reaches the instance.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import apprise

from exporter.notify.answers import Heard, judged
from exporter.notify.letter import Letter
from exporter.notify.scrubbing import scrubbed
from suanli.model.delivery import Delivery

_ALIKE = ("json", "jsons", "xml", "xmls", "form", "forms")
"""Webhooks of Apprise's own kinds: they take every format, and what programs read."""


def main() -> None:
    """Whatever happens, an outcome without anything of the URL in it."""
    given = json.load(sys.stdin)
    url = given["url"]
    try:
        outcome = sent(url, given["key"], Letter.model_validate(given["letter"]))
    except Exception as error:  # a plug-in's own fault must not show the URL either
        outcome = Delivery(False, f"Apprise failed: {type(error).__name__}: {error}")
    told = {"delivered": outcome.delivered, "words": scrubbed(outcome.words, url)[:500]}
    json.dump(told | {"after": outcome.after, "refused": outcome.refused}, sys.stdout)


def sent(url: str, key: str, letter: Letter) -> Delivery:
    """What came of handing this message to Apprise; words may hold parts of the URL."""
    log, heard = _listened(), Heard()
    asset = apprise.AppriseAsset(app_id="Suanli", app_desc="Suanli", app_url="", storage_mode="memory")
    asset.http_redirects = False  # a message that is led elsewhere is lost without a word
    plugin = apprise.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return Delivery(False, "Apprise cannot use its URL: of no kind that it knows, or a part is missing or wrong")
    scheme = url.partition("://")[0].lower()
    _for_programs(plugin, scheme, key, letter)
    with heard:
        markdown = apprise.NotifyFormat.MARKDOWN in _formats(plugin) and scheme not in _ALIKE
        worked = plugin.notify(
            body=letter.markdown if markdown else letter.text,
            title=letter.title,
            notify_type=apprise.NotifyType(letter.tone),
            body_format=apprise.NotifyFormat.MARKDOWN if markdown else apprise.NotifyFormat.TEXT,
        )
    return judged(type(plugin).__name__, bool(worked), heard, log.lines)


def _formats(plugin: Any) -> tuple[apprise.NotifyFormat, ...]:
    formats = plugin.notify_format
    return formats if isinstance(formats, tuple) else (formats,)


def _for_programs(plugin: Any, scheme: str, key: str, letter: Letter) -> None:
    """By the id a receiver knows a message that comes again; e-mail has it in its header too."""
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers.setdefault("Idempotency-Key", key)
    if scheme in _ALIKE and isinstance(getattr(plugin, "payload_extras", None), dict):
        plugin.payload_extras.setdefault("id", key)
        if scheme in ("json", "jsons"):
            plugin.payload_extras.setdefault("alerts", list(letter.alerts))


class _Lines(logging.Handler):
    """What Apprise told of its troubles."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING or text.startswith("Socket Exception"):
            self.lines.append(text)


def _listened() -> _Lines:
    lines, logger = _Lines(), logging.getLogger("apprise")
    logger.handlers, logger.propagate = [lines], False
    logger.setLevel(logging.DEBUG)
    return lines


if __name__ == "__main__":
    main()
