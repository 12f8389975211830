"""The Chinese catalogue: read, brought up to date with what the program says, written and compiled."""

from __future__ import annotations

from io import BytesIO
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from suanli.cli.language import DOMAIN, LOCALE
from tests.messages.gathering import Said, everything

PO = LOCALE / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")
_WIDTH = 120


class Tidy(Catalog):
    """A header without dates, machines and tools: the same texts make the same file."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", DOMAIN),
            ("Language", "zh"),
            ("Plural-Forms", "nplurals=1; plural=0;"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def committed() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="zh")


def updated(old: Catalog) -> Catalog:
    """What the program says now, with the translations that there are; what it no longer says is left out."""
    new = Tidy(
        locale="zh", charset="utf-8", fuzzy=False, header_comment="# What `suanli` says, in Chinese: `make messages`."
    )
    for said in everything().values():
        known = old.get(said.text, said.context)
        new.add(said.text, known.string if known else None, context=said.context, flags=_flags(known))
    return new


def written(catalogue: Catalog) -> bytes:
    """As .po: sorted by its texts, without places, which change with every edit."""
    out = BytesIO()
    write_po(out, catalogue, width=_WIDTH, no_location=True, sort_output=True)
    return out.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """As .mo."""
    tidy = Tidy(locale="zh", charset="utf-8", fuzzy=False)
    for message in catalogue:
        if message.id:
            tidy.add(message.id, message.string, context=message.context, flags=message.flags)
    out = BytesIO()
    write_mo(out, tidy)
    return out.getvalue()


def untranslated(catalogue: Catalog) -> list[Said]:
    """What the program says and this catalogue does not, or only as a guess."""
    return [one for one in everything().values() if not _translated(catalogue.get(one.text, one.context))]


def unlike(catalogue: Catalog) -> list[str]:
    """Translations with other places to fill in than their texts, or without the space that heads numbers."""
    return [str(one.id) for one in catalogue if one.id and _translated(one) and not _alike(one)]


def _translated(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    return bool(message.string) and all(message.string if isinstance(message.string, tuple) else (message.string,))


def _alike(message: Message) -> bool:
    english, strings = _all(message.id)[-1], _all(message.string)
    return all(_places(english) == _places(one) and _number(english) == _number(one) for one in strings)


def _all(texts: object) -> list[str]:
    """Singular and plural, or the one that there is."""
    return [str(one) for one in texts] if isinstance(texts, tuple | list) else [str(texts)]


def _places(text: str) -> set[str] | None:
    """The names in braces; None where the text is none to be filled in, as braces in it are its own."""
    try:
        return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}
    except ValueError:
        return None


def _number(text: str) -> bool:
    """Whether it heads a column of numbers: a space at the end says so, but not one after a colon or a comma."""
    return text.endswith(" ") and text[-2] not in ":,"


def _flags(message: Message | None) -> set[str]:
    return set(message.flags) & {"fuzzy"} if message else set()
