"""PAI's quotas: what counts, what is passed over, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from collectors.base import Refused, Unreadable
from collectors.client import ClientPool
from collectors.pai.collector import PaiCollector, PaiSettings
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Auth, Match, Source
from tests.collectors.cases import NOW, FakeHttp
from tests.collectors.raw_server import RawServer, sends
from tests.oracle.signatures import authorization, of_head
from tests.reaching import loopback
from tests.searching import forms

A100 = PolledPool("a100", "A100", frozenset({"a100"}), 0.5)
HIDDEN = PolledPool("hidden", "undisclosed", frozenset(), None, Match(label="GPUType", value="G3"))
NAMED = PolledPool("named", "H100", frozenset({"h100"}), 1.0, Match(label="quota", value="推理"))


def quota(id_: str, gpus: Any = "8", used: Any = "3", kind: str = "A100", **more: Any) -> dict[str, Any]:
    details = {"ActualMinQuota": {"GPU": gpus, "GPUType": kind}, "AllocatedQuota": {"GPU": used, "GPUType": kind}}
    return {"QuotaId": id_, "QuotaName": f"name of {id_}", "ParentQuotaId": "", "QuotaDetails": details} | more


def pages(*listed: list[dict[str, Any]], total: int | None = None) -> Any:
    """A fake of PAI with these pages of ECS quotas, and nothing of other types."""
    count = sum(map(len, listed)) if total is None else total

    def reply(path: str, params: Mapping[str, str] | None) -> JsonValue:
        assert path == "/api/v1/quotas/"
        asked = dict(params or {})
        assert (asked["ParentQuotaId"], asked["Verbose"]) == ("", "true")
        if asked["ResourceType"] != "ECS":
            return {"Quotas": [], "TotalCount": 0}
        number = int(asked["PageNumber"])
        return {"Quotas": list(listed[number - 1]) if number <= len(listed) else [], "TotalCount": count}

    return reply


def collector(reply: Any, *pools: PolledPool, **settings: Any) -> PaiCollector:
    source = Source(kind="pai", url="http://127.0.0.1")
    site = PolledSite("pai", source, pools or (A100, HIDDEN), interval=60, timeout=10.0, max_age=180)
    return PaiCollector(site, PaiSettings.model_validate(settings), FakeHttp(reply))


async def collected(*listed: list[dict[str, Any]], total: int | None = None) -> list[Sample]:
    return await collector(pages(*listed, total=total), A100, HIDDEN, NAMED).collect(NOW)


async def figures(*listed: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {one.pool: (one.online_devices, one.used_devices, one.quality) for one in await collected(*listed)}


async def test_pages_add_up_and_parts_of_a_quota_do_not() -> None:
    child = quota("c", "4", "4", ParentQuotaId="a")

    assert await figures([quota("a"), child], [quota("b", "16", "0")], [quota("d", "1", "1")]) == {
        "a100": (25, 4, "ok")
    }


async def test_a_hundred_quotas_a_page_each_page_once() -> None:
    many = [quota(f"q{number}", "1", "1") for number in range(250)]
    door = collector(pages(many[:100], many[100:200], many[200:]), resource_types=["ECS"])

    (sample,) = await door.collect(NOW)

    assert (sample.online_devices, sample.used_devices) == (250, 250)
    assert isinstance(door._http, FakeHttp)
    assert len(door._http.asked) == 3


async def test_a_type_without_a_public_peak_is_devices_and_never_0_pflops() -> None:
    (hidden,) = await collected([quota("g", "64", "48", "G3")])

    assert (hidden.pool, hidden.online_devices, hidden.used_devices) == ("hidden", 64, 48)
    assert (hidden.online_pflops, hidden.used_pflops, hidden.quality) == (None, None, "partial")
    assert hidden.reason == "no published peak for model undisclosed"


async def test_a_quota_may_be_named_whatever_its_type() -> None:
    assert await figures([quota("a"), quota("n", "2", "1", "A100", QuotaName="推理")]) == {
        "a100": (8, 3, "ok"),
        "named": (2, 1, "ok"),
    }


async def test_what_belongs_to_no_pool_is_named_and_processors_alone_are_not() -> None:
    cpu = quota("cpu", None, None, "")
    none = quota("zero", "0", "0", "")
    strange = quota("s", "8", "8", "V100")
    silent = {"QuotaId": "t", "QuotaName": "creating", "ParentQuotaId": None}

    (sample,) = await collected([quota("a"), cpu, none, strange, silent])

    assert (sample.online_devices, sample.quality) == (8, "partial")
    assert sample.reason == ("quota creating (without details) matches no pool; quota name of s (V100) matches no pool")


@pytest.mark.parametrize("bad", ["-1", "NaN", "9223372036854775807", "1e999", -3, "-0.5", 10**400])
async def test_marks_and_negative_numbers_are_refused(bad: Any) -> None:
    (sample,) = await collected([quota("a"), quota("b", "8", bad)])

    assert (sample.online_devices, sample.used_devices, sample.quality) == (16, None, "partial")
    assert [(one.pool, one.rung) for one in sample.refused] == [("a100", "used")]
    assert sample.used_pflops is None


@pytest.mark.parametrize("bad", [None, "", "eight", True, [], {}])
async def test_what_is_no_number_is_unknown(bad: Any) -> None:
    (sample,) = await collected([quota("a"), quota("b", "8", bad)])

    assert (sample.online_devices, sample.used_devices, sample.quality) == (16, None, "partial")


@pytest.mark.parametrize(
    ("listed", "total", "told"),
    [
        ([[quota("a")], []], 2, "has 1, but says that it has 2"),
        ([[quota("a"), quota("b")]], 1, "has 2, but says that it has 1"),
        ([[quota("a")], [quota("a")]], 3, "quota a is in the list twice"),
        ([[quota("a") | {"QuotaId": ""}]], 1, "a quota without a QuotaId"),
        ([[quota("a", QuotaDetails="no")]], 1, "a quota's QuotaDetails cannot be read"),
        ([[quota("a", ParentQuotaId=5)]], 1, "a quota's ParentQuotaId cannot be read"),
        ([["a"]], 1, "a quota's QuotaId cannot be read"),
        ([[]], 0, "no pool of this site has a number"),
        ([[]], -1, "TotalCount"),
        ([[quota("v", kind="V100")]], 1, r"found: quota name of v \(V100\)\); check"),
    ],
)
async def test_a_list_that_is_not_whole_or_not_ours_is_unreadable(listed: Any, total: int, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        await collected(*listed, total=total)


async def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.pai.collector._MOST_PAGES", 5)

    def reply(_path: str, params: Mapping[str, str] | None) -> JsonValue:
        return {"Quotas": [quota(f"q{(params or {})['PageNumber']}")], "TotalCount": 10**6}

    with pytest.raises(Unreadable, match="more than 5 pages"):
        await collector(reply).collect(NOW)


@pytest.mark.parametrize("types", [[], ["GPU"], "ECS"])
def test_types_that_pai_does_not_have(types: Any) -> None:
    with pytest.raises(ValidationError):
        PaiSettings.model_validate({"resource_types": types})


async def test_each_page_is_asked_for_with_a_signature_over_real_http(tmp_path: Path) -> None:
    """A fake of PAI that checks signatures as PAI would; the second page is refused with what was signed."""
    secret = "made-up secret/of+nobody"
    (tmp_path / "secret").write_text(secret)
    auth = Auth.model_validate({"kind": "alibaba_ak_sk", "user": "ID1", "password": {"file": str(tmp_path / "secret")}})
    first = b'{"Quotas": [{"QuotaId": "a"}], "TotalCount": 2}'
    denied = f'{{"Code": "SignatureDoesNotMatch", "Message": "not signed with {secret}"}}'.encode()

    async with RawServer(sends(first), sends(denied, "400 Bad Request")) as server:
        source = Source(kind="pai", url=server.url, auth=auth)
        site = PolledSite("pai", source, (A100,), interval=60, timeout=10.0, max_age=180)
        pool = ClientPool(loopback)
        with pytest.raises(
            Refused, match=r"/api/v1/quotas/: answered 400 Bad Request; not signed with \*\*\*$"
        ) as told:
            await PaiCollector(site, PaiSettings(), pool.site(site)).collect(NOW)
        await pool.aclose()

    for number, head in enumerate(server.requests, start=1):
        target, headers = of_head(head)
        assert f"PageNumber={number}&" in target
        assert "ParentQuotaId=&" in target
        assert (headers["x-acs-action"], headers["x-acs-version"]) == ("ListQuotas", "2022-01-12")
        assert headers["authorization"] == authorization(target, headers, secret)
    assert len({of_head(head)[1]["x-acs-signature-nonce"] for head in server.requests}) == 2
    assert not [form for form in forms(secret).values() if form in f"{told.value!r}".encode()]
