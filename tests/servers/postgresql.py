"""A real PostgreSQL (15 of Debian 12) with a cluster of its own.

Its databases belong to `suanli`, who is no superuser, and sort as English does (ICU), so that whatever relies on the
order of bytes must say so. It runs as Debian's user `postgres`, as it refuses to run as root.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.servers.missing import need
from tests.servers.processes import Tree, environment, free_port, fresh_folder, running

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
INSTALL = "apt-get install --no-install-recommends postgresql (or .ci/install-servers.sh)"
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
PASSWORD = "Pg-Hunter2"
ACCESS = """\
host all guarded 127.0.0.1/32 scram-sha-256
host all all     127.0.0.1/32 trust
"""
IN_HASTE = ("-c", "fsync=off", "-c", "full_page_writes=off")
"""For tests that do not pull the plug."""
SMALL = 'mount -t tmpfs -o size=24m,uid=postgres,gid=postgres,mode=700 small "$0" && "$@"; exit'
"""Within the server's namespace alone: a disk that is soon full. The shell stays the first process there, as root: one
that has become another user no longer dies with its parent."""


@dataclass(frozen=True)
class PostgreSQL:
    """One running server. user `suanli` needs no password, `guarded` needs PASSWORD."""

    port: int
    folder: Path
    tree: Tree

    def url(self, database: str, user: str = "suanli") -> str:
        """The address of a store."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def ask(self, query: str, database: str = "postgres", user: str = "postgres") -> list[Any]:
        """What a statement answers, as another program would give it; each by itself."""
        with psycopg.connect(_where(self.port, database, user), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def create(self, *, template: str = "template0", tablespace: str = "pg_default", options: str = "") -> str:
        """A new database that belongs to `suanli`; its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.ask(
            f"CREATE DATABASE {name} OWNER suanli TEMPLATE {template} TABLESPACE {tablespace} "
            f"STRATEGY file_copy {options}"
        )
        return name

    def drop(self, name: str) -> None:
        """Without this database, whoever is connected to it."""
        self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def cluster() -> Iterator[Path]:
    """The folder of a cluster that is not served yet; gone at the end."""
    need(str(PROGRAMS / "postgres"), INSTALL)
    with fresh_folder("postgresql") as folder:
        for name in ("data", "small"):
            (folder / name).mkdir()
            shutil.chown(folder / name, "postgres", "postgres")
        locale = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        initdb = (str(PROGRAMS / "initdb"), "--no-sync", "--auth=trust", *locale, "-U", "postgres")
        made = subprocess.run(
            [*AS_POSTGRES, *initdb, "-D", str(folder / "data")],
            cwd=folder, env=environment(), capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        if made.returncode != 0:
            raise RuntimeError(f"initdb: {made.stderr.strip()}")
        (folder / "data" / "pg_hba.conf").write_text(ACCESS)
        yield folder


@contextmanager
def serving(folder: Path, *options: str, port: int | None = None, within: float = 30.0) -> Iterator[PostgreSQL]:
    """A server of this cluster. The tablespace `small` is a disk of 24 MB that lasts as long as the server."""
    port = port or free_port()
    where = ("-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1")
    server = (*AS_POSTGRES, str(PROGRAMS / "postgres"), *where, "-c", "unix_socket_directories=")
    command = ["sh", "-c", SMALL, str(folder / "small"), *server, "-c", "max_connections=150", *options]
    with running("postgresql", command, folder=folder, ready=lambda: _answers(port), within=within) as tree:
        yield PostgreSQL(port, folder, tree)


@contextmanager
def postgresql_server(*options: str) -> Iterator[PostgreSQL]:
    """A server of a new cluster, with its users."""
    with cluster() as folder, serving(folder, *options) as server:
        make_users(server)
        server.ask(f"CREATE TABLESPACE small OWNER suanli LOCATION '{folder / 'small'}'")
        yield server


def make_users(server: PostgreSQL) -> None:
    """`suanli` and `guarded`."""
    server.ask("CREATE ROLE suanli LOGIN")
    server.ask(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}' IN ROLE suanli")


def _where(port: int, database: str, user: str) -> str:
    return f"host=127.0.0.1 port={port} dbname={database} user={user} connect_timeout=10"


def _answers(port: int) -> bool:
    try:
        psycopg.connect(_where(port, "postgres", "postgres")).close()
    except psycopg.OperationalError:
        return False
    return True
