"""Alerts as they stand: a firing alert survives a restart, and what went to quarantine of late is quickly counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT, word

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("kind", word(32), primary_key=True),
        sa.Column("subject", TEXT, primary_key=True),
        sa.Column("severity", word(16), nullable=False),
        sa.Column("state", word(16), nullable=False),
        sa.Column("since", LONG, nullable=False),
        sa.Column("fired_at", LONG),
        sa.Column("value", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("stake", sa.Float),
        sa.Column("held", LONG, nullable=False),
        sa.Column("acknowledged_by", TEXT, nullable=False),
        sa.Column("acknowledged_why", TEXT, nullable=False),
    )
    op.create_index("quarantine_by_time", "quarantine", ["recorded_at"])
    op.execute("INSERT INTO counters (name, value) VALUES ('alerts_looked_at', 0)")
