"""`suanli alerts test` and `suanli alerts notifications`, as a person gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.notify.letter import Letter
from suanli.model.delivery import Delivery
from suanli.store import notifications as queue
from suanli.store.notifications import claim, settle
from suanli.store.sql import Store
from tests.exporter.notify.receivers import Answer, webhook
from tests.suanli.running import contents, started, suanli

TOKEN = "a1b2c3d4e5f60718"
CONFIG = """\
language: {language}
store: sqlite:///{folder}/suanli.db
notify:
  - {{name: duty, url: {{env: DUTY_URL}}}}
  - {{name: boss, url: {{env: BOSS_URL}}, language: zh}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(language="en", folder=tmp_path), encoding="utf-8")
    return tmp_path


def test_one_test_message_is_really_sent_in_the_channels_language(folder: Path) -> None:
    with webhook() as receiver:
        url = f"json://{TOKEN}@127.0.0.1:{receiver.port}/{TOKEN}"
        ended = started(folder, "alerts", "test", "duty", DUTY_URL=url)
        chinese = started(folder, "alerts", "test", "boss", "--json", BOSS_URL=url)
    assert (ended.code, ended.out) == (0, "the channel duty took the test message\n")
    english, other = receiver.got
    assert english.json["title"] == "Suanli: a test message"
    assert english.json["type"] == "info"
    assert english.json["id"] != other.json["id"]
    assert chinese.data["sent"] is True
    assert chinese.data["title"] == other.json["title"] == "Suanli 测试消息"
    assert TOKEN not in ended.out + ended.err + chinese.out + chinese.err


def test_a_channel_that_is_down_ends_with_3_and_says_why_without_its_url(folder: Path) -> None:
    with webhook() as receiver:
        receiver.answers = [Answer(503)]
        url = f"json://user:{TOKEN}@127.0.0.1:{receiver.port}/{TOKEN}"
        ended = started(folder, "alerts", "test", "duty", DUTY_URL=url)
        chinese = started(folder, "--lang", "zh", "alerts", "test", "duty", DUTY_URL=url)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith(
        "suanli: the channel duty did not take the test message: it answers 503 Service Unavail"
    )
    assert (chinese.code, chinese.err.startswith("suanli: 通道 duty 未收下测试消息")) == (3, True)
    assert [text for text in (ended.err, chinese.err) if TOKEN in text] == []


def test_a_dry_run_shows_the_message_and_needs_no_secret(folder: Path) -> None:
    before = contents(folder)
    ended = suanli(folder, "alerts", "test", "duty", "--dry-run")
    assert ended.code == 0
    assert ended.out.startswith("would send to the channel duty:\nSuanli: a test message\nThis is a test from ")
    assert suanli(folder, "alerts", "test", "duty", "--dry-run", "--json").data["sent"] is False
    assert contents(folder) == before


def test_an_unknown_channel_and_a_missing_secret_are_told(folder: Path) -> None:
    unknown = suanli(folder, "alerts", "test", "nobody")
    assert (unknown.code, unknown.err) == (2, "suanli: there is no channel 'nobody'; there is duty, boss\n")
    assert suanli(folder, "alerts", "notifications", "--channel", "nobody").code == 2
    missing = suanli(folder, "alerts", "test", "duty")
    assert missing.code == 3
    assert "environment variable DUTY_URL is not set or is empty" in missing.err
    assert suanli(folder, "--server", "http://127.0.0.1:1", "alerts", "test", "duty").code == 2


def test_the_queue_is_listed_with_what_became_of_each(folder: Path) -> None:
    assert suanli(folder, "alerts", "notifications").err.endswith("there are no notifications\n")
    store = Store(f"sqlite:///{folder}/suanli.db", lambda: 1_795_500_000)
    letter = Letter(title="title", text="text", markdown="text").model_dump_json()
    with store.writing() as connection:
        for channel in ("duty", "duty", "boss"):
            queue.enqueue(connection, channel, "alerts", letter, store.now, 3600)
    for outcome in (Delivery(True), Delivery(False, "it answers 503")):
        taken = claim(store, "duty")
        assert taken is not None
        settle(store, taken, outcome)
    store.close()
    rows = suanli(folder, "alerts", "notifications", "--json").data["notifications"]
    told = [(row["channel"], row["state"], row["tries"], row["error"], row["title"]) for row in rows]
    assert told == [
        ("boss", "pending", 0, "", "title"),
        ("duty", "pending", 1, "it answers 503", "title"),
        ("duty", "delivered", 1, "", "title"),
    ]
    assert rows[0].keys() >= {"id", "key", "purpose", "made_at", "next_at", "expires_at", "ended_at", "text"}
    assert (rows[2]["made_at"], rows[2]["next_at"]) == ("2026-11-24T06:00:00Z", None)
    of_boss = suanli(folder, "alerts", "notifications", "--channel", "boss", "--json").data["notifications"]
    assert [row["id"] for row in of_boss] == [rows[0]["id"]]
    table = suanli(folder, "--lang", "zh", "alerts", "notifications", "--limit", "2")
    assert "待发送" in table.out
    assert "it answers 503" in table.out
    assert table.err == "仅显示最新 2 条：见 --limit\n"
