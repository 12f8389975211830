"""Answers that a request with an Idempotency-Key had, so that it can be asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT, word

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answered",
        sa.Column("token", word(16), primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("digest", word(64), nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("at", LONG, nullable=False),
    )
    op.create_index("answered_by_time", "answered", ["at"])
