"""A SQLite store brought to a newer schema: tried on a copy first, and kept as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from suanli.model.errors import Unavailable
from suanli.model.message import Message
from suanli.store.alone import alone
from suanli.store.copies import Told, backup
from suanli.store.engine import open_engine, revision, upgrade


def upgrade_file(engine: Engine, file: Path, told: Told) -> Path:
    """Bring the schema of this file up to date; where the store as it was is kept.

    Raises SchemaError when what is recorded does not fit, and Unavailable while it is served, or where there is no room
    for two copies; then nothing was changed.
    """
    kept = file.with_name(f"{file.name}.{revision(engine)}")
    with alone(file):
        backup(file, kept, told)
        with _tried_on(kept) as trial:
            upgrade(trial)
        upgrade(engine)
    return kept


@contextmanager
def _tried_on(kept: Path) -> Iterator[Engine]:
    trial = kept.with_name(f"{kept.name}.trial")
    try:
        shutil.copyfile(kept, trial)
        engine = open_engine(f"sqlite:///{trial}")
        try:
            yield engine
        finally:
            engine.dispose()
    except OSError as error:
        raise Unavailable(Message("{file} cannot be written: {why}", file=trial, why=str(error))) from None
    finally:
        for end in ("", "-wal", "-shm"):
            Path(f"{trial}{end}").unlink(missing_ok=True)
