"""Starts a server's whole tree of processes in a namespace of its own, and ends all of it for certain.

A tree is what runs below ``unshare --pid --fork --mount-proc --kill-child``. Killing the process ``unshare`` kills
the first process of the namespace, and with that the kernel kills every other one: daemons, job scripts, orphans.
The tree also dies with the thread that started it (parent-death signal), so it outlives no test run, however that ends.

Everything here needs root, and names processes by their numbers outside the namespace unless it says "inner".
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

T = TypeVar("T")

ISOLATED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
SYSTEM_FOLDERS = "/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin"
PORTS = range(20_000, 32_000)
"""Below the range from which the kernel takes ports for outgoing connections, so that none of those is in the way."""
LANES = 8
"""So many processes that run tests side by side (pytest-xdist's workers) each have ports of their own."""

_handed_out: set[int] = set()


class StartError(RuntimeError):
    """A server ended early or did not become ready in time; the message carries the end of its logs."""


class TooLateError(AssertionError):
    """Something awaited did not happen within its bound."""


@dataclass(frozen=True)
class Tree:
    """One running server with everything that it started."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]
    namespace: str

    @property
    def alive(self) -> bool:
        """Whether the process that holds the namespace open still runs."""
        return self.process.poll() is None

    def members(self) -> list[int]:
        """The processes in the namespace, the dead and unburied ones left out."""
        return [pid for pid in _all_processes() if _link(f"/proc/{pid}/ns/pid") == self.namespace and is_running(pid)]

    def outer(self, inner: int) -> int:
        """The number outside of the process that is called ``inner`` inside, as in a pid file."""
        for pid in self.members():
            if _inner_pid(pid) == inner:
                return pid
        raise ProcessLookupError(f"{self.name}: no process {inner} inside")

    def signal_from_pid_file(self, pid_file: Path, what: signal.Signals) -> None:
        """Sends a signal to the process that wrote ``pid_file``."""
        os.kill(self.outer(int(pid_file.read_text())), what)

    def signal_all(self, what: signal.Signals) -> None:
        """Sends a signal to every process of the tree, such as SIGSTOP to freeze the server and SIGCONT to thaw it."""
        for pid in self.members():
            os.kill(pid, what)

    def run_inside(self, command: Sequence[str], *, within: float = 30.0) -> None:
        """Runs a command as part of the tree and waits for it; what it leaves running belongs to the tree."""
        first = str(self.outer(1))
        enter = ["nsenter", "--target", first, "--pid", "--mount", *command]
        subprocess.run(enter, check=True, capture_output=True, timeout=within, env=environment())

    def listening(self) -> set[tuple[str, int]]:
        """The addresses and ports on which the tree accepts TCP connections."""
        sockets = {inode for pid in self.members() for inode in _sockets_of(pid)}
        return {(address, port) for inode, address, port in _listening_sockets() if inode in sockets}

    def stop(self) -> None:
        """Kills the whole tree and returns when none of it is left."""
        if self.alive:
            self.process.kill()
        self.process.wait(timeout=60)
        wait_until(lambda: not self.members(), within=60, what=f"the end of {self.name}")

    def last_words(self, lines: int = 60) -> str:
        """The end of the five logs written last, for an error message; some servers tell the cause long before it."""
        logs = sorted(self.folder.rglob("*.log"), key=lambda log: log.stat().st_mtime)[-5:]
        return "\n".join(f"--- {log.relative_to(self.folder)}\n{_tail(log, lines)}" for log in logs)


@contextmanager
def running(
    name: str, command: Sequence[str], *, folder: Path, ready: Callable[[], bool], within: float = 30.0
) -> Iterator[Tree]:
    """Starts ``command`` as a tree, waits until ``ready()``, and stops it at the end whatever happens.

    ``ready`` is asked again and again; an exception of httpx or of the operating system counts as "not yet". Its output
    goes to ``folder/console.log``. Raises ``StartError`` when it is not ready ``within`` so many seconds.
    """
    tree = _start(name, command, folder)
    try:
        _await_ready(tree, ready, within)
        yield tree
    finally:
        tree.stop()


@contextmanager
def fresh_folder(name: str) -> Iterator[Path]:
    """A new folder that other users may read (some servers drop their rights) and that is removed at the end.

    Not pytest's ``tmp_path``: its parents are closed to others, and it can be longer than a socket's path may be.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"suanli-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    """The environment for a server: the caller's without proxies, and with the system's folders in ``PATH``."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    path = f"{inherited.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"
    return inherited | {"PATH": path, "LC_ALL": "C.UTF-8"} | more


def free_ports(count: int) -> list[int]:
    """So many different ports that are free on 127.0.0.1 now and never handed out before, to no other worker either."""
    found: list[int] = []
    lane = PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % LANES :: LANES]
    for port in random.sample(lane, len(lane)):
        if len(found) == count:
            break
        if port not in _handed_out and _is_free(port):
            found.append(port)
    if len(found) < count:
        raise StartError(f"fewer than {count} free ports")
    _handed_out.update(found)
    return found


def free_port() -> int:
    """One port out of ``free_ports``."""
    return free_ports(1)[0]


def wait_until(probe: Callable[[], T | None], *, within: float, what: str, every: float = 0.05) -> T:
    """Asks ``probe`` until its answer is true in Python's sense, and returns that answer."""
    end = time.monotonic() + within
    while not (answer := probe()):
        if time.monotonic() > end:
            raise TooLateError(f"waited {within:g} s in vain for {what}; last answer: {answer!r}")
        time.sleep(every)
    return answer


def answers(url: str) -> bool:
    """Whether a GET of ``url`` succeeds: a readiness probe."""
    return httpx.get(url, timeout=2, trust_env=False).is_success


def is_running(pid: int) -> bool:
    """Whether a process lives. One that is dead and waits for its burial, which may take seconds, does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def _start(name: str, command: Sequence[str], folder: Path) -> Tree:
    with (folder / "console.log").open("wb") as log:
        process = subprocess.Popen(
            [*ISOLATED, *command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        namespace = wait_until(lambda: _new_namespace(process), within=10, what=f"the namespace of {name}", every=0.002)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Tree(name, folder, process, namespace)


def _new_namespace(process: subprocess.Popen[bytes]) -> str | None:
    if process.poll() is not None:
        return "gone"  # nothing is in a namespace of that name; _await_ready tells the rest
    namespace = _link(f"/proc/{process.pid}/ns/pid_for_children")
    return None if namespace == _link("/proc/self/ns/pid_for_children") else namespace


def _await_ready(tree: Tree, ready: Callable[[], bool], within: float) -> None:
    end = time.monotonic() + within
    while not _is_ready(ready):
        if not tree.alive:
            raise StartError(f"{tree.name} ended with status {tree.process.returncode}\n{tree.last_words()}")
        if time.monotonic() > end:
            raise StartError(f"{tree.name} was not ready within {within:g} s\n{tree.last_words()}")
        time.sleep(0.02)


def _is_ready(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except (httpx.HTTPError, OSError):
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _all_processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _inner_pid(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[-1]) for line in status.splitlines() if line.startswith("NSpid:")), None)


def _sockets_of(pid: int) -> Iterator[str]:
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for descriptor in descriptors:
        target = _link(f"/proc/{pid}/fd/{descriptor}") or ""
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").removesuffix("]")


def _listening_sockets() -> Iterator[tuple[str, str, int]]:
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A":
                address, port = local.split(":")
                yield inode, _address(address, family), int(port, 16)


def _address(text: str, family: int) -> str:
    """The kernel writes an address as 32-bit words in the machine's own order of bytes."""
    words = [bytes.fromhex(text[start : start + 8]) for start in range(0, len(text), 8)]
    order = -1 if sys.byteorder == "little" else 1
    return socket.inet_ntop(family, b"".join(word[::order] for word in words))


def _tail(log: Path, lines: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
