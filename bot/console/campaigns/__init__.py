"""Messages to many: choose for whom, write, try, release, watch, hold and end.

Docs: docs/campaigns.md.
"""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

PATH: Final = "/console/campaigns"
#: Who writes.
WRITERS: Final[frozenset[Role]] = frozenset({"administrator", "editor"})
#: Who answers for it that it goes out, and holds or ends it. Only administrators are both: the log says when one did.
RELEASERS: Final[frozenset[Role]] = frozenset({"administrator", "adviser"})
#: Who sees what is being prepared; everybody else sees results only.
PREPARERS: Final[frozenset[Role]] = WRITERS | RELEASERS
