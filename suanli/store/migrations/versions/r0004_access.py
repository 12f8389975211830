"""Tokens by which others act on the record, and the audit trail of who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.append_only import append_only
from suanli.store.dialect import LONG, TEXT, word

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", word(16), primary_key=True),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("networks", TEXT, nullable=False),
        sa.Column("created_at", LONG, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("expires_at", LONG),
        sa.Column("last_used_at", LONG),
        sa.Column("revoked_at", LONG),
    )
    op.create_table(
        "audit",
        sa.Column("seq", LONG, primary_key=True, autoincrement=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", word(32), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT),
        sa.Column("reason", TEXT),
        sa.Column("request_id", TEXT),
        sa.Column("previous", word(64), nullable=False),
        sa.Column("hash", word(64), nullable=False),
    )
    for statement in append_only(op.get_bind().dialect.name):
        op.execute(statement)
    op.execute("INSERT INTO counters (name, value) VALUES ('audit_seq', 0)")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: restore a backup instead")
