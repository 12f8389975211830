"""What each channel was told of which alert, and the messages to it until they are delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT, word

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("channel", word(63), primary_key=True),
        sa.Column("alert", TEXT, primary_key=True),
        sa.Column("memory", TEXT, nullable=False),
    )
    op.create_table(
        "notifications",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("key", word(32), nullable=False, unique=True),
        sa.Column("channel", word(63), nullable=False),
        sa.Column("purpose", word(16), nullable=False),
        sa.Column("letter", TEXT, nullable=False),
        sa.Column("made_at", LONG, nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("state", word(16), nullable=False),
        sa.Column("next_at", LONG, nullable=False),
        sa.Column("tries", LONG, nullable=False),
        sa.Column("refusals", LONG, nullable=False),
        sa.Column("ended_at", LONG),
        sa.Column("error", TEXT, nullable=False),
    )
    op.create_index("notifications_by_state", "notifications", ["state", "channel", "id"])
