"""The machine's clock is set under a running instance, by libfaketime: a correction is followed, a leap is refused."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.exporter_double import serving
from tests.faults.sites import a_site
from tests.instance import Instance, instance
from tests.servers.missing import need
from tests.servers.processes import wait_until

LEAPS = ("+172800", "-86400")
CORRECTION = "-600"
_STAYS = "the configuration stays as it was: this machine's clock was set by"


def faked(file: Path) -> dict[str, str]:
    """The environment in which the time of day is off by what stands in this file, and nothing else is touched."""
    program = need("faketime", "Debian's package faketime")
    library = next(Path(program).parents[1].glob("lib/*/faketime/libfaketimeMT.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.slow
def test_a_leap_is_refused_and_told_and_polling_goes_on_when_the_clock_is_right_again(tmp_path: Path) -> None:
    off = tmp_path / "off"
    _set(off, "+0")
    with serving(lambda _path: b'{"online": 5, "used": 3}') as address, instance(tmp_path) as suanli:
        suanli.environment |= faked(off)
        suanli.configure()
        suanli.apply(a_site("here", f"http://{address}/", online="online", used="used"))
        suanli.start()
        _more_slots(suanli, 3)
        for leap in LEAPS:
            _set(off, leap)
            wait_until(lambda: not suanli.ready(), within=60, what=f"/readyz to fail after {leap} s")
            assert f"this machine's clock was set by {leap[:3]}" in _asked(suanli, "readyz").json()["detail"]
            assert _asked(suanli, "healthz").is_success, "it waits, and is not stuck"
            _hang_up(suanli)
            assert not suanli.ready(), "the leap is not believed because a file was to be read again"
            _set(off, "+0")
            wait_until(suanli.ready, within=60, what="polling to go on by itself")
            _more_slots(suanli, 2)
        _set(off, CORRECTION)
        wait_until(lambda: min(_slots(suanli)) < time.time() - 300, within=60, what="a slot by the corrected clock")
        assert suanli.ready()
        assert suanli.stop() == 0
        assert all(abs(at - time.time()) < 1_200 for at in _slots(suanli)), "nothing under a wrong date"


def _set(file: Path, by: str) -> None:
    """In one step: the library reads it again at each look at the clock."""
    fresh = file.with_suffix(".new")
    fresh.write_text(by)
    fresh.replace(file)


def _hang_up(suanli: Instance) -> None:
    """The configuration is to be read again: refused for now."""
    assert suanli.process is not None
    before = suanli.log().count(_STAYS)
    suanli.process.send_signal(signal.SIGHUP)
    wait_until(lambda: suanli.log().count(_STAYS) > before, within=60, what="SIGHUP to be refused")


def _asked(suanli: Instance, path: str) -> httpx.Response:
    return httpx.get(f"{suanli.url}/{path}", timeout=10, trust_env=False)


def _more_slots(suanli: Instance, number: int) -> None:
    enough = len(_slots(suanli)) + number
    wait_until(lambda: len(_slots(suanli)) >= enough, within=60, what=f"{number} samples more")


def _slots(suanli: Instance) -> list[int]:
    """When each sample on disk was true."""
    with closing(sqlite3.connect(suanli.folder / "suanli.db")) as connection:
        return [at for (at,) in connection.execute("SELECT at FROM samples")]
