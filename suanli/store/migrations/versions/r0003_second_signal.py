"""A second signal of a site's pools, and what it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("cross_check", sa.Text))
    op.create_table(
        "second_words",
        sa.Column("at", sa.Integer, primary_key=True, nullable=False),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), primary_key=True, nullable=False),
        sa.Column("source_lag", sa.Integer, nullable=False),
        sa.Column("fetch_lag", sa.Integer, nullable=False),
        sa.Column("record_lag", sa.Integer, nullable=False),
        sa.Column("max_age", sa.Integer, nullable=False),
        sa.Column("online_pflops", sa.Float),
        sa.Column("used_pflops", sa.Float),
        sa.Column("busy_pflops", sa.Float),
        sa.Column("quality", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
