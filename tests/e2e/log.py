"""The message log, read beside the running app as staff would read it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from running import wait_until

_JSON = ("wishes", "timings", "ranking", "entities", "buttons", "attachments", "lookup", "profile")

Row = dict[str, Any]


class Log:
    """The rows of one SQLite database, JSON decoded."""

    def __init__(self, database_url: str) -> None:
        self._path = database_url.partition("///")[2]

    def rows(self, query: str, *values: Any) -> list[Row]:
        """The rows of a query."""
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()
        for row in found:
            row.update({name: json.loads(row[name]) for name in _JSON if row.get(name) is not None})
        return found

    def list_messages(self, address: str, direction: str) -> list[Row]:
        """The messages of one person in one direction, in order."""
        query = (
            "SELECT messages.* FROM messages JOIN identities ON identities.id = messages.identity_id "
            "WHERE identities.address = ? AND messages.direction = ? ORDER BY messages.id"
        )
        return self.rows(query, address, direction)

    def list_replies(self, message_id: int) -> list[Row]:
        """What answered a message, in order."""
        return self.rows("SELECT * FROM messages WHERE reply_to_id = ? ORDER BY id", message_id)

    def list_interactions(self, message_id: int) -> list[Row]:
        """The custom actions that ran for a message, in order."""
        return self.rows("SELECT * FROM interactions WHERE message_id = ? ORDER BY id", message_id)

    def find_identity(self, address: str) -> Row:
        """The one identity with this address."""
        (identity,) = self.rows("SELECT * FROM identities WHERE address = ?", address)
        return identity

    def find_contact(self, address: str) -> Row:
        """The contact with this address."""
        (contact,) = self.rows("SELECT * FROM contacts WHERE id = ?", self.find_identity(address)["contact_id"])
        return contact

    def wait_for_answers(self, address: str, count: int, timeout_s: float = 20.0) -> list[Row]:
        """The person's messages, once there are `count` and no work is left for any of them."""

        def settled() -> bool:
            inbound = self.list_messages(address, "in")
            outbound = self.list_messages(address, "out")
            return len(inbound) >= count and not any(
                row["state"] in ("received", "queued") for row in inbound + outbound
            )

        wait_until(settled, timeout_s, f"{count} answers to {address}")
        return self.list_messages(address, "in")
