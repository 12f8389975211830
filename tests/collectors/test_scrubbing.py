"""Laws of the scrubber: nothing that tells whose it is survives, twice is once, the same word has the same stand-in."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.scrubbing import Scrubber
from collectors.sensitive import kind_of
from collectors.standins import is_public

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = st.text(LETTERS, min_size=4, max_size=7).map(lambda word: f"zq{word}")
HOSTS = st.builds(lambda word, number: f"{word}-{number:02}", WORDS, st.integers(0, 99))
USERS = WORDS.map(lambda word: f"{word}u")
SECRETS = st.text(LETTERS + '+/=&"%', min_size=8, max_size=20).map(lambda word: f"Q9{word}")
IPV4 = st.integers(0x01000000, 0xEFFFFFFF).map(lambda number: str(IPv4Address(number)))
IPV6 = st.integers(0x2002 << 112, (0x3FFF << 112) - 1).map(lambda number: str(IPv6Address(number)))
UUIDS = st.integers(1 << 100, (1 << 128) - 1).map(lambda number: str(UUID(int=number)))
FREE = st.sampled_from(("on {}", "{}", "{}: down", "http://{}/x", "[{}]", "节点 {} 不可用"))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, str, list[str]]:
    """An answer, our secret, and the words that must not be left."""
    hosts, users = draw(st.lists(HOSTS, min_size=1, max_size=4)), draw(st.lists(USERS, max_size=3))
    secret, address, six, id_ = draw(SECRETS), draw(IPV4), draw(IPV6), draw(UUIDS)
    mails = [f"{user}@{host}.zqcentre.cn" for user, host in zip(users, hosts, strict=False)]
    nodes = [{"name": host, "state": "idle", "gres": "gpu:a100:8", "count": 8} for host in hosts]
    jobs = [{"user_name": user, "where": draw(FREE).format(draw(st.sampled_from(hosts)))} for user in users]
    rest = {"text": [draw(FREE).format(word) for word in (secret, address, *mails)], "v6": f"to {six} now", "GPU": id_}
    value = {"nodes": nodes, "jobs": jobs, **rest, draw(st.sampled_from(hosts)): {"address": address, "six": six}}
    return value, secret, [*hosts, *users, *mails, secret, address, six, id_]


def scrubbed(value: Any, secret: str = "") -> Any:
    scrubber = Scrubber([secret])
    scrubber.learn(value)
    return scrubber.value(value)


@given(answers())
def test_nothing_survives(found: tuple[Any, str, list[str]]) -> None:
    value, secret, told = found
    text = json.dumps(scrubbed(value, secret), ensure_ascii=False)
    assert [word for word in told if word in text or json.dumps(word)[1:-1] in text] == []


@given(answers())
def test_twice_is_once(found: tuple[Any, str, list[str]]) -> None:
    once = scrubbed(*found[:2])
    assert scrubbed(once, found[1]) == once


@given(answers())
def test_what_is_counted_stays_and_joins_hold(found: tuple[Any, str, list[str]]) -> None:
    value, secret, _ = found
    after = scrubbed(value, secret)
    assert [(node["state"], node["gres"], node["count"]) for node in after["nodes"]] == [
        ("idle", "gpu:a100:8", 8)
    ] * len(value["nodes"])
    pairs = {(before["name"], node["name"]) for before, node in zip(value["nodes"], after["nodes"], strict=True)}
    assert len(pairs) == len({name for name, _ in pairs}) == len({name for _, name in pairs})
    names = dict(pairs)
    assert {names[key] for key in value if key in names} <= set(after)


@pytest.mark.parametrize(
    ("key", "listed", "kind"),
    [
        ("kubernetes.io/hostname", "", "host"),
        ("NodeManagerHostname", "", "host"),
        ("name", "nodes", "name"),
        ("name", "containers", ""),
        ("reason_set_by_user", "", "user"),
        ("systemUUID", "", "id"),
        ("SerialNumber", "", "id"),
        ("next_cursor", "", "token"),
        ("client_secret_v2", "", "token"),
        ("gres", "", ""),
        ("Model", "", ""),
        ("state", "", ""),
    ],
)
def test_a_key_tells_what_stands_there(key: str, listed: str, kind: str) -> None:
    assert kind_of(key, listed) == kind


@pytest.mark.parametrize("word", ["A100", "NVIDIA-A100-SXM4-80GB", "root", "nvidia.com", "gpu.nvidia.com", "host-1"])
def test_public_words_tell_of_nobody(word: str) -> None:
    assert is_public(word)


def test_neighbours_stay_neighbours_and_shapes_stay() -> None:
    scrubber = Scrubber()
    one, two, other = (scrubber.text(address) for address in ("10.0.0.7", "10.0.0.8", "10.0.1.7"))
    assert (one[:-1], one[-1], two[-1]) == (two[:-1], "7", "8")
    assert other not in (one, two)
    assert scrubber.text("255.255.255.0 and 0.0.0.0 at 16:01:42") == "255.255.255.0 and 0.0.0.0 at 16:01:42"
    assert scrubber.text("3c:ec:ef:11:22:33") == "02:00:00:00:00:01"
    assert scrubber.text("GPU-6f1c2d7e-8a90-4b1c-9d2e-3f4a5b6c7d8e") == "GPU-00000000-0000-0000-0000-000000000001"


def test_a_stand_in_is_given_to_one_word() -> None:
    """A host that is really called like one keeps its name, and no other gets it."""
    value = {"nodes": [{"name": "login7"}, {"name": "name-1"}]}
    assert scrubbed(value) == {"nodes": [{"name": "name-2"}, {"name": "name-1"}]}


def test_tables_and_labels_are_learnt_by_their_names() -> None:
    for text in (
        "hostname,user,gpus\nlogin7,wangwu,8\n",
        'x{hostname="login7",user="wangwu"} 8',
        '<user>wangwu</user><y hostname="login7"/>',
    ):
        scrubber = Scrubber()
        scrubber.learn_text(text)
        after = scrubber.text(text)
        assert "login7" not in after
        assert "wangwu" not in after
        assert "8" in after or "8" not in text


def test_json_within_a_text_is_scrubbed_as_json() -> None:
    assert scrubbed({"annotation": '{"password":"hunter22","gpus":8}'}) == {
        "annotation": '{"password":"token-1","gpus":8}'
    }
