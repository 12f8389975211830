"""One message through the real Apprise, in the real messenger's process, to receivers on loopback."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import logging
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from exporter.notify.letter import Letter
from exporter.notify.scrubbing import scrubbed
from exporter.notify.sending import sent
from suanli.model.delivery import Delivery
from suanli.model.secret import SecretRef
from tests.exporter.notify.receivers import Answer, Receiver, robots, webhook
from tests.servers.processes import free_port

LETTER = Letter(
    title="【警告】算力告警：1 项触发",
    text="● 站点 a 失联\n   自 14:00 起",
    markdown="- **站点 a 失联**\n  自 14:00 起",
    alerts=({"alert": "site_silent", "subject": {"site": "a"}, "value": None},),
)
TOKEN = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


def delivered(url: str, monkeypatch: pytest.MonkeyPatch, within: float = 30, letter: Letter = LETTER) -> Delivery:
    monkeypatch.setenv("CHANNEL", url)
    return asyncio.run(sent(SecretRef(env="CHANNEL"), "4711", letter, within))


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


def test_a_webhook_gets_the_message_for_people_and_for_programs_with_its_id(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivered(f"json://me:{TOKEN}@127.0.0.1:{hook.port}/alerts", monkeypatch) == Delivery(True)
    (got,) = hook.got
    assert got.path == "/alerts"
    assert got.headers["Idempotency-Key"] == "4711"
    assert got.json == {
        "version": "1.0",
        "title": LETTER.title,
        "message": LETTER.text,
        "type": "warning",
        "attachments": [],
        "id": "4711",
        "alerts": list(LETTER.alerts),
    }


@pytest.mark.parametrize("kind", ["xml", "form"])
def test_the_other_webhooks_get_its_id_too(kind: str, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delivered(f"{kind}://127.0.0.1:{hook.port}/", monkeypatch).delivered
    assert hook.got[0].headers["Idempotency-Key"] == "4711"
    assert b"4711" in hook.got[0].body


LED_AWAY = "it answers 302 and leads elsewhere, where no message is taken"


@pytest.mark.parametrize(
    ("answer", "words", "after", "refused"),
    [
        (Answer(500), "it answers 500 Internal Server Error", None, False),
        (Answer(503, headers={"Retry-After": "17"}), "it answers 503 Service Unavailable", 17.0, False),
        (Answer(429, headers={"Retry-After": "90"}), "it answers 429 Too Many Requests", 90.0, False),
        (Answer(429, headers={"Retry-After": "soon"}), "it answers 429 Too Many Requests", None, False),
        (Answer(401), "it answers 401 Unauthorized", None, False),
        (Answer(404), "it answers 404 Not Found", None, False),
        (Answer(400), "it answers 400 Bad Request", None, True),
        (Answer(413), "it answers 413 Request Entity Too Large", None, True),
        (Answer(302, headers={"Location": "/login"}), LED_AWAY, None, False),
        (Answer(reset=True), "it cannot be reached: Connection reset by peer", None, False),
        (Answer(hang=True), "no answer in time", None, False),
    ],
)  # fmt: skip
def test_a_channel_that_does_not_take_it_is_told_as_what_it_is(
    answer: Answer, words: str, after: float | None, refused: bool, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.answers = [answer]
    outcome = delivered(f"json://127.0.0.1:{hook.port}/{TOKEN}?rto=1", monkeypatch)
    assert outcome == Delivery(False, words, after, refused)
    assert len(hook.got) == 1


def test_a_date_to_come_again_is_as_good_as_seconds(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    later = formatdate(time.time() + 3600, usegmt=True)
    hook.answers = [Answer(503, headers={"Retry-After": later})]
    after = delivered(f"json://127.0.0.1:{hook.port}/", monkeypatch).after
    assert after is not None
    assert 3000 < after <= 3600


def test_nobody_at_the_address_and_no_such_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, and not listening: nobody else can take the port
        taken.bind(("127.0.0.1", 0))
        refused = delivered(f"json://127.0.0.1:{taken.getsockname()[1]}/", monkeypatch)
    assert refused == Delivery(False, "it cannot be reached: Connection refused")
    unknown = delivered(f"json://{TOKEN}.invalid/", monkeypatch)
    assert not unknown.delivered
    assert unknown.words.startswith("it cannot be reached: ")
    assert TOKEN not in unknown.words


def test_a_channel_that_never_ends_is_left_and_its_messenger_with_it(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.answers = [Answer(hang=True)]
    outcome = delivered(f"json://127.0.0.1:{hook.port}/?rto=300", monkeypatch, within=3.0)
    assert outcome == Delivery(False, "it did not end within 3 s")


ROBOTS: dict[str, tuple[str, str, str, dict[str, Any], dict[str, Any], str]] = {
    "dingtalk": (
        f"dingtalk://SEC{TOKEN}@{TOKEN}/",
        "oapi.dingtalk.com",
        f"/robot/send?access_token={TOKEN}&timestamp=",
        {"errcode": 0, "errmsg": "ok"},
        {"errcode": 310000, "errmsg": "keywords not in content"},
        "it answers errcode 310000: keywords not in content",
    ),
    "wecom": (
        f"wecombot://{TOKEN}",
        "qyapi.weixin.qq.com",
        f"/cgi-bin/webhook/send?key={TOKEN}",
        {"errcode": 0, "errmsg": "ok"},
        {"errcode": 93000, "errmsg": f"invalid webhook url {TOKEN}"},
        "it answers errcode 93000: invalid webhook url ***",
    ),
    "feishu": (
        f"feishu://{TOKEN}",
        "open.feishu.cn",
        f"/open-apis/bot/v2/hook/{TOKEN}/",
        {"code": 0, "msg": "success", "data": {}},
        {"code": 19024, "msg": "Key Words Not Found", "data": {}},
        "it answers code 19024: Key Words Not Found",
    ),
}


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_robot_says_in_its_answer_whether_it_took_the_message(
    robot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, host, path, good, bad, words = ROBOTS[robot]
    with robots(tmp_path) as (receiver, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bodies = [json.dumps(good).encode(), json.dumps(bad).encode(), b"<html>please log in</html>", b"{}"]
        receiver.answers = [Answer(body=body) for body in bodies]
        outcomes = [delivered(url, monkeypatch) for _ in bodies]
    stranger = "the answer (200) is none of this robot's: does something stand in between?"
    assert outcomes == [Delivery(True), Delivery(False, words), Delivery(False, stranger), Delivery(False, stranger)]
    assert {(one.host, one.path.startswith(path)) for one in receiver.got} == {(host, True)}
    assert _shown(robot, receiver.got[0].json) == (LETTER.title, LETTER.text if robot == "wecom" else LETTER.markdown)


def _shown(robot: str, body: dict[str, Any]) -> tuple[str, str]:
    """Title and text, where this robot's documents want them."""
    if robot == "dingtalk":
        assert body["msgtype"] == "markdown"
        title, _, text = body["markdown"]["text"].partition("\n")
        assert title == f"# {body['markdown']['title']}"
        return body["markdown"]["title"], text
    if robot == "wecom":
        assert body["msgtype"] == "text"
        title, _, text = body["text"]["content"].replace("\r\n", "\n").partition("\n")
        return title, text
    assert body["msg_type"] == "interactive"
    return body["card"]["header"]["title"]["content"], body["card"]["elements"][0]["text"]["content"]


class _Mailbox:
    """Takes every mail, or says why not."""

    def __init__(self) -> None:
        self.got: list[email.message.EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name for it
        self.got.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer


def test_a_mail_arrives_whole_or_is_told_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = _Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=suanli@example.org&to=duty@example.org&mode=insecure"
        assert delivered(url, monkeypatch) == Delivery(True)
        mailbox.answer = "552 the mailbox is full"
        refused = delivered(url, monkeypatch)
    finally:
        controller.stop()
    mail = mailbox.got[0]
    assert mail["Subject"] == LETTER.title
    assert mail["To"] == "duty@example.org"
    assert mail["Idempotency-Key"] == "4711"
    text = mail.get_body(("plain", "html"))
    assert text is not None
    assert "站点 a 失联" in text.get_content()
    assert not refused.delivered
    assert "the mailbox is full" in refused.words


SECRETS = [
    f"dingtalk://{TOKEN}-not-allowed",
    f"wecombot://{TOKEN}!",
    f"nosuchkind://{TOKEN}/",
    f"json://user:{TOKEN}@127.0.0.1:1/{TOKEN}",
    f"jsons://127.0.0.1:1/?+X-Token={TOKEN}",
    f"mailto://user:{TOKEN}@127.0.0.1:1?to=a@b.example",
    TOKEN,
]


@pytest.mark.parametrize("url", SECRETS)
def test_nothing_of_the_secret_is_told_or_logged(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        outcome = delivered(url, monkeypatch)
    assert not outcome.delivered
    assert outcome.words
    told = [outcome.words, caplog.text, *capfd.readouterr()]
    assert [text for text in told if TOKEN in text or TOKEN[:8] in text] == []


def test_a_secret_that_is_not_there_is_told_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANNEL", raising=False)
    outcome = asyncio.run(sent(SecretRef(env="CHANNEL"), "4711", LETTER))
    assert outcome == Delivery(False, "secret missing: environment variable CHANNEL is not set or is empty")


def test_parts_of_a_url_are_found_in_any_writing() -> None:
    url = "json://user:p%40ssw%2Frd@host.example:8080/a/b?to=someone%40example.org"
    text = "user at HOST.example said p@ssw/rd, p%40ssw%2Frd, someone@example.org and host.example; 8080"
    assert scrubbed(text, url) == "*** at *** said ***, ***, *** and ***; ***"
