"""A small disk that fills to its last byte under a running instance: polling pauses on purpose, and goes on by itself.

The source counts its answers, so that every slot has its own value; what /metrics shows has been acknowledged, and that
ledger is kept here.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.exporter_double import serving
from tests.faults.sites import a_site
from tests.instance import Instance, instance
from tests.servers.missing import isolation_problem
from tests.servers.processes import wait_until

MIB = 1 << 20
DISK = 16 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own; it is let go when nobody uses it any more."""
    if problem := isolation_problem():
        pytest.fail(f"a disk cannot be mounted: {problem}", pytrace=False)
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=True, timeout=30)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("min_free", [0, 4 * MIB], ids=["to the last byte", "to what stays free"])
def test_what_was_acknowledged_outlives_a_full_disk_and_polling_goes_on(disk: Path, min_free: int) -> None:
    answers = count(1)
    with (
        serving(lambda _path: json.dumps({"online": next(answers)}).encode()) as address,
        instance(disk) as suanli,
    ):
        suanli.configure(store={"url": f"sqlite:///{disk / 'suanli.db'}", "min_free": min_free})
        suanli.apply(a_site("full", f"http://{address}/", online="online"))
        suanli.start()
        seen = _collected(suanli, 3)
        filler = _fill(disk, leave=min_free // 2)
        wait_until(lambda: not suanli.ready(), within=60, what="/readyz to fail")
        why = httpx.get(f"{suanli.url}/readyz", timeout=10, trust_env=False).json()["detail"]
        assert ("store.min_free" if min_free else "disk is full") in why
        assert httpx.get(f"{suanli.url}/healthz", timeout=10, trust_env=False).is_success, "it waits, and is not stuck"
        seen |= _acknowledged(suanli)
        filler.unlink()
        wait_until(suanli.ready, within=60, what="polling to go on by itself")
        seen |= _collected(suanli, 3)
        assert suanli.stop() == 0
        with closing(sqlite3.connect(disk / "suanli.db")) as connection:
            stored = [value for (value,) in connection.execute("SELECT online_pflops FROM samples")]
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert seen <= set(stored)
    assert len(stored) == len(set(stored))


def _collected(suanli: Instance, number: int) -> set[float]:
    """So many different acknowledged figures, as they come."""
    seen: set[float] = set()

    def enough() -> bool:
        seen.update(_acknowledged(suanli))
        return len(seen) >= number

    wait_until(enough, within=60, what=f"{number} figures")
    return seen


def _acknowledged(suanli: Instance) -> set[float]:
    return {value for (name, _), value in suanli.metrics().items() if name == "suanli_site_online_pflops"}


def _fill(disk: Path, *, leave: int) -> Path:
    """Write until only so many bytes are left; a tmpfs has no more to give anybody then."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as handle:
        try:
            while (free := _free(disk)) > leave:
                handle.write(bytes(min(64 * 1024, free - leave)))
        except OSError:
            assert leave == 0
    return filler


def _free(disk: Path) -> int:
    return shutil.disk_usage(disk).free
