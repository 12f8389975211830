"""Programs that a benchmark starts: what they cost by the kernel's count, and their certain end."""

from __future__ import annotations

import os
import resource
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.processes import environment

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_END_WITHIN = 15.0


class BenchError(Exception):
    """A benchmark could not be run, or what it measured is not what it says; the text says why."""


class Child:
    """One running program; its output is in a file, to be quoted when it fails."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> float:
        """Resident memory now."""
        return int(self._proc("statm").split()[1]) * _PAGE / 1e6

    def check(self) -> None:
        """Raises BenchError when it has ended by itself."""
        if (status := self.process.poll()) is not None:
            raise BenchError(f"{self.name} ended with status {status}:\n{self.last_words()}")

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def end(self) -> None:
        """Ask it to end; kill it when it does not."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(_END_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _proc(self, file: str) -> str:
        self.check()
        return Path(f"/proc/{self.process.pid}/{file}").read_text()


@contextmanager
def running(name: str, command: Sequence[str], folder: Path) -> Iterator[Child]:
    """Run this program in `folder` until the block ends, however it ends."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_dying_with_us(), *command],
            cwd=folder,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.end()


@contextmanager
def endpoints(count: int, port: int, folder: Path) -> Iterator[Child]:
    """The process of `endpoints.py`, listening."""
    with listening("tests.benchmarks.endpoints", [str(count), str(port)], folder) as child:
        yield child


@contextmanager
def listening(module: str, arguments: Sequence[str], folder: Path) -> Iterator[Child]:
    """A module of ours that prints `ready` when it listens, and ends with its standard input."""
    name = module.rpartition(".")[2]
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", module, *arguments]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*_dying_with_us(), *command],
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    child = Child(name, process, log)
    try:
        _await_line(child, within=30.0)
        yield child
    finally:
        child.end()
        if process.stdout is not None:
            process.stdout.close()


def suanli(*arguments: str) -> list[str]:
    """The command line of `suanli` as this tree holds it."""
    return [sys.executable, "-m", "suanli", *arguments]


def child_environment() -> dict[str, str]:
    return environment(PYTHONPATH=str(ROOT))


def raise_limits() -> None:
    """Allow as many open files as the machine does: what is started inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _dying_with_us() -> list[str]:
    """Where util-linux is, the kernel ends a child whose parent was killed; the process keeps its number."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def _await_line(child: Child, within: float) -> None:
    assert child.process.stdout is not None
    ready, _, _ = select.select([child.process.stdout], [], [], within)
    if not ready or child.process.stdout.readline() != b"ready\n":
        raise BenchError(f"{child.name} did not get ready within {within:g} s:\n{child.last_words()}")
