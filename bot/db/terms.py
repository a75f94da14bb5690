"""The column that messages are searched by, and what an expression of the search looks like, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, TypeDecorator
from sqlalchemy.dialects.postgresql import TSVECTOR

#: The FTS5 table on SQLite, with its shadow tables; Alembic is told to leave them alone.
SEARCH_TABLE = "message_search"


def is_modelled(thing: Any, name: str | None, kind: str, *_: object) -> bool:
    """For Alembic: whether it compares a table or index with the models; not what only one of the databases has."""
    return not (name or "").startswith((SEARCH_TABLE, "ix_message_terms_words"))


#: What makes the FTS5 table, and keeps it in step with `message_terms`. Terms come ready made, one space between them:
#: all that a normal form may hold is a letter here.
SQLITE_SEARCH = (
    "CREATE VIRTUAL TABLE message_search USING fts5(words, content='message_terms', content_rowid='message_id', "
    "tokenize=\"ascii tokenchars '@+.%_='\")",
    "CREATE TRIGGER message_terms_added AFTER INSERT ON message_terms BEGIN "
    "INSERT INTO message_search (rowid, words) VALUES (new.message_id, new.words); END",
    "CREATE TRIGGER message_terms_erased AFTER DELETE ON message_terms BEGIN "
    "INSERT INTO message_search (message_search, rowid, words) VALUES ('delete', old.message_id, old.words); END",
)
#: PostgreSQL keeps no position of a word beyond this one, nor a word of more bytes than that.
_LAST_POSITION = 16_383
_LONGEST_BYTES = 2_046


class Terms(TypeDecorator[str]):
    """Terms with a space between them: text on SQLite, a ``tsvector`` with their positions on PostgreSQL.

    It is written, and searched in; it is not read.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """The column's type."""
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """To the database."""
        if value is None or dialect.name != "postgresql":
            return value
        positions: dict[str, list[int]] = {}
        for position, term in enumerate(value.split()[:_LAST_POSITION], start=1):
            if len(term.encode()) <= _LONGEST_BYTES:
                positions.setdefault(term, []).append(position)
        return " ".join(f"{_quote(term)}:{','.join(map(str, at[:255]))}" for term, at in positions.items())


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: every one of `words` in one of its spellings, the last also as a beginning; every phrase.

    All are terms (`bot.spelling`), so they hold nothing that either database's language of expressions knows.
    """

    words: tuple[tuple[str, ...], ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()
    #: Whether the last word may go on.
    is_open: bool = False

    def as_fts5(self) -> str:
        """The expression for SQLite's MATCH (https://www.sqlite.org/fts5.html#full_text_query_syntax)."""
        phrases = [" + ".join(f'"{term}"' for term in phrase) for phrase in self.phrases]
        return " AND ".join([*phrases, *self._join_spellings(lambda term: f'"{term}"', " *", " OR ")])

    def as_tsquery(self) -> str:
        """The expression as PostgreSQL's ``tsquery``
        (https://www.postgresql.org/docs/15/datatype-textsearch.html#DATATYPE-TSQUERY)."""
        phrases = [f"({' <-> '.join(map(_quote, phrase))})" for phrase in self.phrases]
        return " & ".join([*phrases, *self._join_spellings(_quote, ":*", " | ")])

    def matches(self, terms: str) -> bool:
        """Whether a message with these terms is found: what both databases say, where its terms were read."""
        found = set(terms.split())
        padded = f" {terms} "
        if any(f" {' '.join(phrase)} " not in padded for phrase in self.phrases):
            return False
        *whole, last = self.words or [()]
        if any(found.isdisjoint(spellings) for spellings in whole):
            return False
        if not found.isdisjoint(last) or not self.words:
            return True
        beginnings = tuple(term for term in last if _may_go_on(term))
        return self.is_open and any(term.startswith(beginnings) for term in found)

    def _join_spellings(self, quote: Callable[[str], str], beginning: str, either: str) -> Iterator[str]:
        for position, spellings in enumerate(self.words):
            is_last = self.is_open and position == len(self.words) - 1
            terms = [quote(term) + (beginning if is_last and _may_go_on(term) else "") for term in spellings]
            yield f"({either.join(terms)})"


def _may_go_on(term: str) -> bool:
    """Two consonants with a script are a whole word's."""
    return not term.startswith(("a=", "l="))


def _quote(term: str) -> str:
    return f"'{term}'"
