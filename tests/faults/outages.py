"""Real servers that are frozen, stopped or killed, and come back on the same folder and the same port."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import httpx

from tests.servers.processes import Tree, free_port, fresh_folder, running, wait_until


class Server(Protocol):
    """What all of them have."""

    @property
    def tree(self) -> Tree: ...


S = TypeVar("S", bound=Server)


class Outages(Generic[S]):
    """One server, up at first. start: an empty one, or the one that is given once more."""

    def __init__(self, stack: ExitStack, start: Callable[[S | None], AbstractContextManager[S]]) -> None:
        self._stack, self._start = stack, start
        self.server = stack.enter_context(start(None))

    def begin(self, how: str) -> None:
        tree = self.server.tree
        if how == "frozen":
            tree.signal_all(signal.SIGSTOP)
        elif how == "stopped":
            tree.signal_all(signal.SIGTERM)
            wait_until(lambda: not tree.alive, within=30, what=f"{tree.name} to end")
        else:
            tree.stop()

    def end(self) -> None:
        if self.server.tree.alive:
            self.server.tree.signal_all(signal.SIGCONT)
        else:
            self.server = self._stack.enter_context(self._start(self.server))


@dataclass(frozen=True)
class Source:
    """One process of sources."""

    address: str
    tree: Tree


@contextmanager
def source_server(began: int, resets: int) -> Iterator[Source]:
    """tests/faults/source.py, running."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = [sys.executable, str(Path(__file__).with_name("source.py")), str(port), str(began), str(resets)]
    with (
        fresh_folder("source") as folder,
        running("source", command, folder=folder, ready=lambda: _answered(address)) as tree,
    ):
        yield Source(address, tree)


def _answered(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/site-00", timeout=2, trust_env=False).is_success
    except httpx.ReadError:
        return True  # that was the one that is torn
