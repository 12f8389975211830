"""Hours and days that sinks have not got, and how far each sink is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, word

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollup_outbox",
        sa.Column("seq", LONG, primary_key=True, autoincrement=False),
        sa.Column("width", word(8), nullable=False),
        sa.Column("start", LONG, nullable=False),
        sa.Column("until", LONG, nullable=False),
        sa.Column("pool_key", LONG, nullable=False),
    )
    op.create_table(
        "rollup_cursors",
        sa.Column("sink", word(63), primary_key=True),
        sa.Column("seq", LONG, nullable=False),
    )
    for name in ("rollup_seq", "closed_from", "closed_hours", "closed_days"):
        op.execute(f"INSERT INTO counters (name, value) VALUES ('{name}', 0)")
