"""When a project's name, description or members last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the revision; what is known of the projects that there are is of their members."""
    op.add_column(
        "projects",
        sa.Column(
            "details_revision",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="The revision at which name, description or members last changed",
        ),
    )
    op.execute("UPDATE projects SET details_revision = members_revision")


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("projects", "details_revision")
