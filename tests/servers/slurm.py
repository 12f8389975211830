"""A real Slurm cluster (22.05 of Debian 12) with its REST server, with or without slurmdbd: see slurm.sh for how it is
put together."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, environment, free_ports, fresh_folder, running, wait_until

SCRIPT = Path(__file__).with_name("slurm.sh")
INSTALL = "apt-get install --no-install-recommends {} (or .ci/install-servers.sh)"
PROGRAMS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd slurm-wlm-basic-plugins",
    "slurmrestd": "slurmrestd slurm-wlm-jwt-plugin",
    "scontrol": "slurm-client",
    "curl": "curl",
}
ACCOUNTING = {"slurmdbd": "slurmdbd slurm-wlm-mysql-plugin", "mariadbd": "mariadb-server"}
DAEMONS = frozenset({"slurmctld", "slurmrestd", "slurmdbd", "mariadbd"})
"""The last two only with accounting."""
API = "/slurm/v0.0.38"
"""The newest path that 22.05 serves."""
ACCOUNTS = "/slurmdb/v0.0.38"


@dataclass(frozen=True)
class Slurm:
    """One cluster. Nodes are called ``a100-001`` and so on; those without a slurmd ``off-001`` and so on.

    Nodes are named by that word everywhere. The programs of DAEMONS and every node can be frozen.
    """

    url: str
    token: str
    folder: Path
    tree: Tree

    @property
    def headers(self) -> dict[str, str]:
        """What the REST server wants to see from its client."""
        return {"X-SLURM-USER-NAME": "root", "X-SLURM-USER-TOKEN": self.token}

    def run(self, command: str, *arguments: str, within: float = 30.0) -> str:
        """Runs one of Slurm's own commands against this cluster, from outside the namespace, and returns its output."""
        done = subprocess.run(
            [command, *arguments],
            cwd=self.folder,
            env=environment(SLURM_CONF=str(self.folder / "etc" / "slurm.conf")),
            capture_output=True,
            text=True,
            timeout=within,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, path: str = "/nodes", *, api: str = API, within: float = 30.0) -> httpx.Response:
        """What the REST server answers to a GET below the API's path, errors included."""
        return httpx.get(f"{self.url}{api}{path}", headers=self.headers, timeout=within, trust_env=False)

    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes as the REST server tells them, by name."""
        return {node["name"]: node for node in self.get().raise_for_status().json()["nodes"]}

    def node(self, name: str) -> dict[str, Any]:
        """One node as the REST server tells it."""
        return self.nodes()[name]

    def gpus_used(self, *names: str) -> int:
        """The devices given to jobs on the named nodes, or on all: ``gpu:a100:4(IDX:0-3)`` are four."""
        return sum(
            int(node["gres_used"].split("(")[0].rsplit(":", 1)[-1])
            for name, node in self.nodes().items()
            if not names or name in names
        )

    def submit(self, *, nodes: int = 1, gpus: int = 8, seconds: int = 900, on: str | None = None) -> str:
        """Submits a job that sleeps on so many nodes with so many devices each, and returns its number."""
        place = [f"--nodelist={on}"] if on else []
        shape = [f"--nodes={nodes}", f"--gres=gpu:{gpus}", *place]
        return self.run("sbatch", "--parsable", "--output=/dev/null", *shape, f"--wrap=sleep {seconds}").strip()

    def start_job(self, *, nodes: int = 1, gpus: int = 8, seconds: int = 900, on: str | None = None) -> str:
        """Submits a job and returns its number as soon as it runs."""
        job = self.submit(nodes=nodes, gpus=gpus, seconds=seconds, on=on)
        wait_until(lambda: self.job_state(job) == "RUNNING", within=30, what=f"the start of job {job}")
        return job

    def job_state(self, job: str) -> str:
        """The state of a job in Slurm's word, such as ``PENDING`` or ``RUNNING``; empty when it is forgotten."""
        return self.run("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T").strip()

    def cancel(self, job: str) -> None:
        """Cancels a job."""
        self.run("scancel", job)

    def drain(self, node: str, reason: str = "test") -> None:
        """Takes a node out of service; what runs on it goes on."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", f"Reason={reason}")

    def resume(self, node: str) -> None:
        """Puts a drained node back; until the controller's next round of pings it is NOT_RESPONDING."""
        self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def new_token(self, lifespan: int) -> str:
        """Another token, for so many seconds."""
        return self.run("scontrol", "token", "username=root", f"lifespan={lifespan}").strip().partition("=")[2]

    def kill_slurmd(self, node: str) -> None:
        """Kills a node's daemon: as if the machine had lost its power."""
        self.tree.signal_from_pid_file(self._pid_file(node), signal.SIGKILL)

    def start_slurmd(self, node: str) -> None:
        """Starts the daemon of a node again."""
        self.tree.run_inside(["slurmd", "-N", node, "-f", str(self.folder / "etc" / "slurm.conf")])

    def kill_controller(self) -> None:
        """Kills the controller; the REST server stays and has nobody to ask."""
        self.tree.signal_from_pid_file(self._pid_file("slurmctld"), signal.SIGKILL)

    def start_controller(self) -> None:
        """Starts the controller again with the state that it had saved, and waits until it answers."""
        self.tree.run_inside(["slurmctld", "-f", str(self.folder / "etc" / "slurm.conf")])
        wait_until(lambda: self.get("/ping").is_success, within=30, what="the controller's return")

    def kill_accounting(self) -> None:
        """Kills slurmdbd: what happens meanwhile waits in the controller."""
        self.tree.signal_from_pid_file(self._pid_file("slurmdbd"), signal.SIGKILL)

    def start_accounting(self) -> None:
        """Starts slurmdbd again on the same database, and waits until the REST server hears of jobs."""
        socket = f"MYSQL_UNIX_PORT={self.folder / 'db' / 'socket'}"
        self.tree.run_inside(["env", f"SLURM_CONF={self.folder / 'etc' / 'slurm.conf'}", socket, "slurmdbd"])
        wait_until(lambda: self.get("/clusters", api=ACCOUNTS).is_success, within=30, what="slurmdbd's return")

    def freeze(self, which: str = "slurmctld") -> None:
        """Stops a program without ending it: it accepts connections and never answers."""
        self.tree.signal_from_pid_file(self._pid_file(which), signal.SIGSTOP)

    def thaw(self, which: str = "slurmctld") -> None:
        """Lets a frozen program go on."""
        self.tree.signal_from_pid_file(self._pid_file(which), signal.SIGCONT)

    def _pid_file(self, which: str) -> Path:
        name = which if which in DAEMONS else f"slurmd-{which}"
        return self.folder / "run" / f"{name}.pid"


@contextmanager
def slurm_cluster(
    *,
    nodes: int = 20,
    off: int = 0,
    gpus: int = 8,
    slurmd_timeout: int = 30,
    message_timeout: int = 10,
    accounting: bool = False,
    within: float = 60.0,
) -> Iterator[Slurm]:
    """A cluster whose nodes are all idle, and ``off`` more nodes that are DOWN and never had a daemon.

    With ``slurmd_timeout=5`` a killed node is DOWN after about nine seconds; with
    ``message_timeout=2`` the REST server says within two seconds that the controller is gone or frozen (with
    10 in ten). With ``accounting`` slurmdbd keeps its jobs and their devices in MariaDB: two seconds more.
    """
    for program, packages in (PROGRAMS | (ACCOUNTING if accounting else {})).items():
        need(program, INSTALL.format(packages))
    controller, rest, dbd, *node_ports = free_ports(3 + nodes + off)
    options = {
        "nodes": nodes,
        "off": off,
        "gpus": gpus,
        "controller-port": controller,
        "rest-port": rest,
        "node-ports": ",".join(map(str, node_ports)),
        "slurmd-timeout": slurmd_timeout,
        "message-timeout": message_timeout,
        **({"dbd-port": dbd} if accounting else {}),
    }
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with fresh_folder("slurm") as folder:
        command = ["bash", str(SCRIPT), *flags, str(folder)]
        with running("slurm", command, folder=folder, ready=(folder / "run" / "ready").exists, within=within) as tree:
            yield Slurm(f"http://127.0.0.1:{rest}", (folder / "run" / "token").read_text().strip(), folder, tree)
