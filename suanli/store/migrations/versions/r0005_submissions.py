"""What was asked of the registry and waits for a decision, or had one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT, word

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("action", word(32), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("operators", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("submitted_at", LONG, nullable=False),
        sa.Column("submitted_by", TEXT, nullable=False),
        sa.Column("state", word(16), nullable=False),
        sa.Column("decided_at", LONG),
        sa.Column("decided_by", TEXT),
        sa.Column("why", TEXT),
    )
    op.create_index("submissions_by_state", "submissions", ["state", "id"])
