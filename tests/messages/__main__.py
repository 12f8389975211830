"""`python -m tests.messages`: bring the catalogues up to date and say what is not translated. --check only looks."""

from __future__ import annotations

import sys

from tests.messages.catalogue import MO, PO, committed, compiled, unlike, untranslated, updated, written

_STALE = "{file} is not up to date: run `make messages` (python -m tests.messages) and commit it"
_MISSING = "not translated: {text!r} ({where})"
_ADVICE = "write the Chinese of these after their msgid in {file}, then `make messages` again"


def main(*, check: bool) -> int:
    """0 where everything that the program says is said in Chinese too."""
    catalogue = updated(committed())
    stale = [path for path, made in ((PO, written(catalogue)), (MO, compiled(catalogue))) if path.read_bytes() != made]
    if check:
        told = [_STALE.format(file=path) for path in stale]
    else:
        PO.write_bytes(written(catalogue))
        MO.write_bytes(compiled(catalogue))
        told = []
    missing = untranslated(catalogue)
    told += [_MISSING.format(text=one.text, where=one.where) for one in missing]
    told += [_ADVICE.format(file=PO)] if missing else []
    told += [
        f"its Chinese has other {{places}}, or no space at the end of a heading of numbers: {text!r}"
        for text in unlike(catalogue)
    ]
    print("\n".join(told) or f"{len(catalogue):,} texts, all in Chinese")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
