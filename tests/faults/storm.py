"""`make storm`: python -m tests.faults.storm --kills 300 --seed 8 --minutes 60 --output FILE

A real `suanli serve` is killed again and again while its sources and sinks fail; see tests/faults/script.py. What
/metrics shows has been acknowledged by `append`, and that ledger is kept here, outside the process that is killed.
Prints its figures, and ends with 1 on any loss.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console

from tests.benchmarks.children import ROOT
from tests.benchmarks.figures import show, write
from tests.faults.ledger import Outcome, in_influxdb, in_victoriametrics, quarantined_in, stored_in
from tests.faults.outages import Outages, source_server
from tests.faults.script import Round, script
from tests.faults.sites import a_site
from tests.faults.stub import stub_sink
from tests.instance import Instance, instance
from tests.servers.influxdb import influxdb_server
from tests.servers.processes import fresh_folder, wait_until
from tests.servers.victoriametrics import victoriametrics_server

SITES = [f"storm-{number:02}" for number in range(8)]
ONE_TORN_OF = 40
_LOOK_EVERY = 0.2
REFUSALS = (413, 429, 503, 401)
_SINKS = ("influxdb", "victoriametrics", "stub")


class Storm:
    """Everything that runs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        began = int(time.time())
        self.outcome = Outcome()
        self.stub = stack.enter_context(stub_sink())
        self.influxdb = Outages(stack, lambda again: influxdb_server(again=again))
        self.victoriametrics = Outages(stack, lambda again: victoriametrics_server(again=again))
        self.sources = [stack.enter_context(source_server(began, ONE_TORN_OF)) for _ in range(2)]
        self.suanli = stack.enter_context(instance(folder, STORM_TOKEN=self.influxdb.server.token))
        self._configure()

    def rage(self, rounds: Sequence[Round], until: float) -> None:
        """Round after round; none begins after this moment (monotonic)."""
        for one in rounds:
            if time.monotonic() < until:
                self._live(one)

    def settle(self, within: float) -> None:
        """All is well again; the sources end, each sink gets what it lacks, and the process stops."""
        self._end("influxdb", "victoriametrics", "stub", "source")
        self.suanli.start()
        self._refuse_in_every_way(within)
        self._watch(2.0)
        for source in self.sources:
            source.tree.stop()
        wait_until(self._all_sent, within=within, what="the sinks to have everything")
        self._terminate()
        database = self.suanli.folder / "suanli.db"
        self.outcome.stored, self.outcome.quarantined = stored_in(database), quarantined_in(database)
        self.outcome.sinks = {
            "influxdb": in_influxdb(self.influxdb.server),
            "victoriametrics": in_victoriametrics(self.victoriametrics.server),
            "stub": self.stub.points,
        }
        self.outcome.answers = self.stub.answers

    def _refuse_in_every_way(self, within: float) -> None:
        """A life may have been too short for a sink to answer anything in it; this one is not.

        Not again what was answered before: after a 401 nobody asks for a minute.
        """
        for status in (one for one in REFUSALS if not self.stub.answers[one]):
            self.stub.mode = str(status)
            wait_until(partial(self.stub.answers.get, status), within=within, what=f"an answer of {status}")
        self.stub.mode = "204"

    def _live(self, one: Round) -> None:
        self._end(*one.ends)
        self.suanli.start(ready=(lambda: True) if one.early else None)
        self._watch(one.seconds)
        for who, how in one.begins:
            self._begin(who, how)
        self._watch(one.rest)
        if one.term:
            self._terminate()
        else:
            self.suanli.kill()
            self.outcome.kills += 1

    def _begin(self, who: str, how: str) -> None:
        self.outcome.faults[who, how] += 1
        match who:
            case "influxdb":
                self.influxdb.begin(how)
            case "victoriametrics":
                self.victoriametrics.begin(how)
            case "stub":
                self.stub.mode = how
            case _:
                self.sources[0].tree.signal_all(signal.SIGSTOP)

    def _end(self, *whose: str) -> None:
        for who in whose:
            match who:
                case "influxdb":
                    self.influxdb.end()
                case "victoriametrics":
                    self.victoriametrics.end()
                case "stub":
                    self.stub.mode = "204"
                case _:
                    self.sources[0].tree.signal_all(signal.SIGCONT)

    def _watch(self, seconds: float) -> None:
        """Write down what is acknowledged; a process that does not answer yet has acknowledged nothing new."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(httpx.HTTPError):
                self.outcome.acknowledged |= _acknowledged(self.suanli)
            time.sleep(min(_LOOK_EVERY, left))

    def _terminate(self) -> None:
        began = time.monotonic()
        code = self.suanli.stop()
        self.outcome.stops.append((time.monotonic() - began, code))

    def _all_sent(self) -> bool:
        found = self.suanli.metrics()
        self.outcome.acknowledged |= _acknowledged(self.suanli)
        return all(found["suanli_sink_pending_samples", frozenset({("sink", sink)})] == 0 for sink in _SINKS)

    def _configure(self) -> None:
        influxdb = self.influxdb.server
        where = {"kind": "influxdb", "org": influxdb.org, "bucket": influxdb.bucket, "token": {"env": "STORM_TOKEN"}}
        victoria = {"name": "victoriametrics", "kind": "victoriametrics", "url": self.victoriametrics.server.url}
        sinks = [
            {"name": "influxdb", "url": influxdb.url} | where,
            victoria,
            {"name": "stub", "url": self.stub.url} | where,
        ]
        self.suanli.configure(sinks=sinks)
        addresses = [source.address for source in self.sources]
        self.suanli.apply(
            *(
                a_site(site, f"http://{addresses[place % 2]}/{site}", time="at", online="online", used="used")
                for place, site in enumerate(SITES)
            )
        )


def _acknowledged(suanli: Instance) -> set[tuple[str, float]]:
    found = suanli.metrics().items()
    return {(dict(labels)["site"], value) for (name, labels), value in found if name == "suanli_site_online_pflops"}


def storm(folder: Path, seed: int, kills: int, *, minutes: float = 60.0, settled_within: float = 180.0) -> Outcome:
    """One storm, from its first round to the count."""
    with ExitStack() as stack:
        made = Storm(folder, stack)
        made.rage(list(script(seed, kills)), time.monotonic() + 60 * minutes)
        made.settle(settled_within)
        return made.outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Rage, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description="Nothing is lost in a storm.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=8, help="the same seed has the same faults in the same order")
    parser.add_argument("--minutes", type=float, default=60.0, help="no new round begins after so many")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "storm.json")
    options = parser.parse_args(arguments)
    with fresh_folder("storm") as folder:
        outcome = storm(folder, options.seed, options.kills, minutes=options.minutes, settled_within=600.0)
    show(outcome.figures(), Console(width=None if sys.stdout.isatty() else 160))
    write(outcome.figures(), options.output)
    losses = list(outcome.losses())
    for loss in losses:
        print(f"storm: {loss}", file=sys.stderr)
    return 1 if losses else 0


if __name__ == "__main__":
    raise SystemExit(main())
