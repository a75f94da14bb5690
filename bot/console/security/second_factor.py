"""The second factor: time-based codes (RFC 6238) and recovery codes for who lost the phone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

import pyotp
import segno

from bot.clock import utc_now
from bot.db.models import StaffMember

STEP_S: Final = 30
#: How many steps a clock may be off, either way.
TOLERANCE_STEPS: Final = 1
RECOVERY_CODES: Final = 8
ISSUER: Final = "Maroc Numeric Cluster"
#: Without the letters and digits that are taken for one another.
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"


def make_secret() -> str:
    """A new secret of 160 bits in Base32."""
    return pyotp.random_base32()


def draw_qr(secret: str, email: str) -> str:
    """The QR code that authenticator apps scan, as an SVG element without style or script."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    svg: str = segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return svg


def read_code(typed: str) -> str:
    """What was typed, as codes are written: no spaces or hyphens, small letters, digits of any script as 0 to 9."""
    kept = [character for character in unicodedata.normalize("NFKC", typed).lower() if character.isalnum()]
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in kept)[:64]


def find_step(secret: str, code: str, last_step: int | None) -> int | None:
    """The time step that a code belongs to; None when it is wrong, or was used, or is older than one that was."""
    totp = pyotp.TOTP(secret)
    now = int(utc_now().timestamp()) // STEP_S
    for step in range(now - TOLERANCE_STEPS, now + TOLERANCE_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step if last_step is None or step > last_step else None
    return None


def make_recovery_codes() -> list[str]:
    """New codes of 49 bits, to be shown once."""
    return ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]


def hash_recovery_code(code: str) -> str:
    """What is kept of a recovery code. They are random, and tries are limited: SHA-256 is enough."""
    return hashlib.sha256(read_code(code).encode()).hexdigest()


def accept_code(member: StaffMember, typed: str) -> str | None:
    """Take a code, of the app or for recovery, and note that it is used up.

    Args:
        member: a row that is locked in a transaction.
        typed: what was typed.

    Returns:
        ``totp`` or ``recovery``: which kind it was; None when it is wrong.
    """
    code = read_code(typed)
    if member.totp_secret is None or not code:
        return None
    step = find_step(member.totp_secret, code, member.totp_last_step)
    if step is not None:
        member.totp_last_step = step
        return "totp"
    hashed = hash_recovery_code(code)
    if hashed in member.recovery_hashes:
        member.recovery_hashes = [left for left in member.recovery_hashes if left != hashed]
        return "recovery"
    return None
