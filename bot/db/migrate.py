"""Bring the tables up to date with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).resolve().parent / "migrations"


def make_config(url: str) -> Config:
    """Alembic's configuration for a database; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` to a revision; it runs its own event loop, so call it outside of one."""
    command.upgrade(make_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to a revision (``base``: no tables)."""
    command.downgrade(make_config(url), revision)
