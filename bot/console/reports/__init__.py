"""The report of each month: what stands in it, its making, its page, and its mail."""

from __future__ import annotations

from typing import Final

PATH: Final = "/console/reports"
