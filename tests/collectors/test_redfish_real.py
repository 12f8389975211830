"""What stands behind the emulator: DMTF's own validator; and the collector against sushy-tools, which others wrote."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.base import Refused, Unreadable
from collectors.client import ClientPool
from collectors.registry import build
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Source
from tests.collectors.cases import NOW
from tests.reaching import loopback
from tests.servers.missing import need
from tests.servers.redfish import PASSWORD, USER, Bmc, changed, machine, redfish_bmc
from tests.servers.sushy import INSTALL, Sushy, folder_of_redfish, sushy_emulator

pytestmark = pytest.mark.server

VALIDATE = Path(__file__).parents[1] / "servers" / "redfish" / "validate.py"
READ: tuple[str, ...] = (
    "ServiceRoot",
    "ComputerSystem",
    "ComputerSystemCollection",
    "Processor",
    "ProcessorCollection",
)
READ += ("ProcessorMetrics", "SessionService", "Session", "SessionCollection", "Resource", "RedfishExtensions")
"""The schemas of what the emulator has; reading all of DMTF's takes three times as long."""


async def validated(bmc: Bmc, tmp_path: Path) -> tuple[int, str]:
    """The validator's status and what it says of this BMC, by way of a session."""
    python = need(str(folder_of_redfish() / "bin" / "python"), INSTALL)
    schemas = tmp_path / "csdl"
    schemas.mkdir()
    for name in READ:
        (schemas / f"{name}_v1.xml").symlink_to(folder_of_redfish() / "csdl" / f"{name}_v1.xml")
    async with redfish_bmc(bmc) as url:
        command = [python, str(VALIDATE), "-r", url, "-u", USER, "-p", PASSWORD, "--skipschema"]
        command += ["--schema_directory", str(schemas), "--logdir", str(tmp_path / "logs")]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 120)
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_dmtfs_validator_accepts_what_the_emulator_says(tmp_path: Path) -> None:
    bmc = machine("m", levels=6, page=5)
    changed(bmc, 1, 0, serial="1650123", part="2330-885", health="Critical")
    changed(bmc, 1, 1, state="Absent", health=None, percent=None)

    status, said = await validated(bmc, tmp_path)

    assert status == 0, said
    passed, warned, failed, _ = map(int, re.findall(r"\d+", said.split("NOT TESTED")[1].split("+\n")[1]))
    assert (warned, failed) == (0, 0), said
    assert passed > 200
    for path in ("SessionService/Sessions/1", "Systems/System_0", "Processors?$skip=5", "GPU_SXM_8/ProcessorMetrics"):
        assert path in said
    assert (bmc.opened, bmc.sessions) == (1, {})


async def test_dmtfs_validator_refuses_what_is_not_redfish(tmp_path: Path) -> None:
    bmc = machine("m", gpus=1)
    changed(bmc, 1, 0, kind="NPU", percent=-1)

    status, said = await validated(bmc, tmp_path)

    assert status == 1
    assert re.search(r"Processors/GPU_SXM_1\.\.\.\n(?:.*\n)*?.*Fail: 1", said), said


@pytest.fixture(scope="module")
def sushy() -> Iterator[Sushy]:
    with sushy_emulator() as server:
        yield server


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback)
    yield pool
    await pool.aclose()


def collector(clients: ClientPool, url: str, tmp_path: Path, kind: str = "basic", password: str = PASSWORD) -> Any:
    (tmp_path / "secret").write_text(password)
    auth = {"kind": kind, "user": USER, "password": {"file": str(tmp_path / "secret")}}
    source = Source.model_validate({"kind": "redfish", "url": url, "auth": auth})
    pool = PolledPool("h100", "H100", frozenset(), 1.0)
    site = PolledSite("sushy", source, (pool,), interval=60, timeout=30.0, max_age=180)
    return build(site, clients.site(site))


async def test_machines_that_are_off_are_a_known_zero(sushy: Sushy, clients: ClientPool, tmp_path: Path) -> None:
    (sample,) = await collector(clients, sushy.url, tmp_path).collect(NOW)
    assert (sample.online_devices, sample.used_devices, sample.quality) == (0, None, "ok")


async def test_a_machine_that_is_on_and_has_no_accelerators_is_no_zero(clients: ClientPool, tmp_path: Path) -> None:
    told = r"none of the pools of this site is in the answer \(found: no accelerators\)"
    with sushy_emulator(power="On") as server, pytest.raises(Unreadable, match=told):
        await collector(clients, server.url, tmp_path).collect(NOW)


async def test_a_wrong_password_is_refused_and_so_is_a_session_where_there_are_none(
    sushy: Sushy, clients: ClientPool, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"answered 401 .*the credentials are not accepted"):
        await collector(clients, sushy.url, tmp_path, password="another").collect(NOW)
    with pytest.raises(Refused, match=r"SessionService/Sessions: no token is given, answered 401"):
        await collector(clients, sushy.url, tmp_path, kind="redfish").collect(NOW)
