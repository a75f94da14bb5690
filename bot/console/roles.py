"""The roles of staff, and what to say of a page that everybody may open."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, get_args

Role = Literal["administrator", "adviser", "editor", "analyst"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
#: Every member of staff, whatever their role.
EVERYBODY: Final[frozenset[Role]] = frozenset(ROLES)
#: Who keeps accounts and reads the audit log.
ADMINISTRATORS: Final[frozenset[Role]] = frozenset({"administrator"})


class Public(Enum):
    """The declaration of a page that is open to whoever comes: signing in, the style sheet."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC

#: Who may use a route.
Allowed = frozenset[Role] | Public
