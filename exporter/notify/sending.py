"""Handing one message to the messenger, a process of its own, and hearing what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from exporter.notify.letter import Letter
from exporter.notify.scrubbing import scrubbed
from suanli.model.delivery import Delivery
from suanli.model.errors import InputError
from suanli.model.secret import SecretRef

WITHIN = 60.0
"""Seconds: a try takes no longer, whatever the channel does; half of the lease of a message."""
_HOUSE = str(Path(__file__).parents[2])


async def sent(url: SecretRef, key: str, letter: Letter, within: float = WITHIN) -> Delivery:
    """What came of one try. The URL is read now, so that a new secret is taken over; it is told by nothing here."""
    try:
        secret = url.reveal().get_secret_value()
    except InputError as error:
        return Delivery(False, str(error))
    given = json.dumps({"url": secret, "key": key, "letter": letter.model_dump(mode="json")})
    try:
        async with asyncio.timeout(within):
            answer = await _asked(given.encode())
    except TimeoutError:
        return Delivery(False, f"it did not end within {within:g} s")
    except OSError as error:
        return Delivery(False, f"the messenger could not be started: {error.strerror}")
    return _outcome(answer, secret)


async def _asked(given: bytes) -> bytes:
    """The messenger's answer; it does not outlive the wait for it."""
    path = os.pathsep.join(filter(None, (_HOUSE, os.environ.get("PYTHONPATH"))))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "exporter.notify.messenger"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        answer, _ = await child.communicate(given)
        return answer
    finally:
        if child.returncode is None:
            child.kill()
            await asyncio.shield(child.wait())


def _outcome(answer: bytes, secret: str) -> Delivery:
    try:
        told = json.loads(answer)
        return Delivery(
            told["delivered"] is True, scrubbed(told["words"], secret), told["after"], told["refused"] is True
        )
    except (ValueError, KeyError, TypeError):
        return Delivery(False, "the messenger ended without a word")
