"""Conversations and messages as files: what one row holds, how a file is sent, and the page that asks for one."""

from __future__ import annotations

from typing import Final

PATH: Final = "/console/exports"
