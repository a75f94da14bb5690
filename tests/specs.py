"""Where the published descriptions of the providers' APIs are; they are data beside the project, not part of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("SHARED_DIR", Path(__file__).resolve().parents[2] / "shared")) / "specs"


def spec_path(name: str) -> Path:
    """The path of a description; without it the test is skipped with the reason, and in CI it fails."""
    path = FOLDER / name
    if path.exists():
        return path
    reason = f"{name} is absent: put it into {FOLDER}, or set SHARED_DIR to the folder that has specs/{name}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
