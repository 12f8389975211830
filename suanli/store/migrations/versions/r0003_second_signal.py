"""A second signal of a site's pools, and what it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("cross_check", TEXT))
    op.create_table(
        "second_words",
        sa.Column("at", LONG, primary_key=True, nullable=False),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), primary_key=True, nullable=False),
        sa.Column("source_lag", LONG, nullable=False),
        sa.Column("fetch_lag", LONG, nullable=False),
        sa.Column("record_lag", LONG, nullable=False),
        sa.Column("max_age", LONG, nullable=False),
        sa.Column("online_pflops", sa.Float),
        sa.Column("used_pflops", sa.Float),
        sa.Column("busy_pflops", sa.Float),
        sa.Column("quality", LONG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
