"""A message that a person may read: English as it stands, and what it was made of, for other languages."""

from __future__ import annotations

from typing import Any


class Message(str):
    """English text, filled in: Message("{value!r} is no day", value="x"); whoever prints it may say it in Chinese.

    It is a str in every respect, and what is stored, logged and answered over HTTP is this English. Only the command
    line translates: by `template`, filled in with the same `values`, of which those that are messages are translated
    too. Whatever is made of a message by str's own means (+, format, join) is a plain str, which stays English.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Message:
        message = super().__new__(cls, template.format(**values) if values else template)
        message.template, message.values = template, values
        return message


def message_of(error: Exception) -> str:
    """What the error says: its Message where it was raised with one."""
    told = error.args[0] if error.args else ""
    return told if isinstance(told, Message) else str(error)
