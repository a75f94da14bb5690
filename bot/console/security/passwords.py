"""Passwords: argon2id, what makes one good enough, and no way to tell by the time whether an account exists."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS: Final = 12
#: Longer ones only cost time.
MAX_CHARS: Final = 256
#: "aaaaaaaaaaaa" is long and nothing else.
MIN_DISTINCT_CHARS: Final = 5

#: The library's defaults: RFC 9106's second choice, 64 MiB and 3 passes.
_HASHER = PasswordHasher()
#: Each hash takes 64 MiB and a core for some 50 ms: more at once would let strangers fill the memory.
_AT_ONCE = 2
_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _slot() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    for ended in [other for other in _slots if other.is_closed()]:
        del _slots[ended]
    return _slots.setdefault(loop, asyncio.Semaphore(_AT_ONCE))


def _normalise(password: str) -> str:
    """The same characters however a keyboard composes them (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


async def hash_password(password: str) -> str:
    """argon2id's PHC string of a password."""
    async with _slot():
        return await asyncio.to_thread(_HASHER.hash, _normalise(password))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Takes the same time when there is no account (None)."""
    async with _slot():
        return await asyncio.to_thread(_verify, password_hash or _decoy(), password) and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, _normalise(password[:MAX_CHARS]))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _HASHER.hash("nobody has this password")


def needs_rehash(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def find_weakness(password: str, *, email: str, name: str) -> str | None:
    """What is wrong with a new password: the last part of a key under ``password`` in the words; None: nothing."""
    password = _normalise(password)
    if len(password) < MIN_CHARS:
        return "too_short"
    if len(password) > MAX_CHARS:
        return "too_long"
    bare = password.casefold().strip()
    # What is left of "Motdepasse-2026!" is "motdepasse".
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", bare)
    tried = {bare, core, re.sub(r"[\W_]+", "", bare), re.sub(r"[\W\d_]+", "", bare)}
    if len(set(bare)) < MIN_DISTINCT_CHARS or tried & _common():
        return "too_common"
    email, name = email.casefold(), re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
    own = {email, email.partition("@")[0], name} - {""}
    if tried & own or (email and email in bare):
        return "too_personal"
    return None
