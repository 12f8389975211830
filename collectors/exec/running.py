"""Starts a program, hears it out, and leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from collectors.base import Unreachable, Unreadable

MAX_OUTPUT = 8 << 20
"""Bytes that a program may print."""
_LAST_WORDS = 4096
_CHUNK = 1 << 16
_ENDING = 1.0


class Run(NamedTuple):
    """How it ended (below 0: by that signal), what it printed, and the end of what it said on stderr."""

    status: int
    printed: bytes
    last_words: bytes


async def run(command: Sequence[str], environment: Mapping[str, str], name: str) -> Run:
    """Until it has ended and nobody holds its output open. name: as it is told.

    It is in a session of its own, so that at a deadline or a cancellation its children end with it.
    """
    try:
        child = await _started(command, environment)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unreachable(f"{name} cannot be started: {why}: correct programs in config.yaml") from None
    try:
        return await _heard(child, name)
    finally:
        await _end(child)


async def _started(command: Sequence[str], environment: Mapping[str, str]) -> Process:
    """A cancellation waits until it is started: asyncio would then wait for its children, which nobody has ended."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, cwd="/", start_new_session=True
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):
            await _end(await starting)
        raise


async def _heard(child: Process, name: str) -> Run:
    # No TaskGroup: in Python 3.11 one whose task fails leaves a cancellation behind, for which a deadline then passes.
    readers = [asyncio.create_task(one) for one in (_all(child.stdout, name), _end_of(child.stderr))]
    try:
        printed, last = await asyncio.gather(*readers)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
    return Run(await child.wait(), printed, last)


async def _all(stream: asyncio.StreamReader | None, name: str) -> bytes:
    data = bytearray()
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        data += chunk
        if len(data) > MAX_OUTPUT:
            raise Unreadable(f"{name} printed more than {MAX_OUTPUT >> 20} MiB")
    return bytes(data)


async def _end_of(stream: asyncio.StreamReader | None) -> bytes:
    last = b""
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        last = (last + chunk)[-_LAST_WORDS:]
    return last


async def _end(child: Process) -> None:
    """Whatever is left of it and of its children."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    # A child of it in another session may hold its pipes open for ever, and there is no public way to let go of them.
    transport = child._transport  # type: ignore[attr-defined] # not in the stubs, as it is not public
    for number in (1, 2):
        if (pipe := transport.get_pipe_transport(number)) is not None:
            pipe.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDING):
            await child.wait()
