"""How far what waits for a decision has proved itself by polls of its own source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acceptance",
        sa.Column("submission", LONG, primary_key=True, autoincrement=False),
        sa.Column("good", LONG, nullable=False),
        sa.Column("needed", LONG, nullable=False),
        sa.Column("at", LONG),
        sa.Column("why", TEXT),
    )
