"""Read the seed files and check them: every mistake is told with its file, its slug, its field and what would be right.

Layout of a seed folder: ``facts/<topic>.yml``, ``<table>.yml`` with a list of entries (``cities.yml`` …), and
``texts/<variety>.yml`` with what people read, by table and slug. ``gaps.yml`` is for people only and is not read.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import yaml

from bot.db.base import Base
from bot.db.models import Fact
from bot.db.seed.checks import Check
from bot.db.seed.fields import FIELDS, TEXTS, Field, WrongColumnError, complete
from bot.errors import AssistantError
from bot.messages import DEFAULT_VARIETY, VARIETIES

Entry = dict[str, Any]
Shipped = dict[type[Base], list[Entry]]


class SeedError(AssistantError, ValueError):
    """A seed file is wrong. The text names the file, the slug and the field, and says what would be right."""


class Loader(yaml.SafeLoader):
    """Safe YAML in which a date stays the text that was written, and a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, unless a key stands in it twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            written = str(key.value)
            if written in seen:
                raise yaml.MarkedYAMLError(problem=f"{written!r} is there twice", problem_mark=key.start_mark)
            seen.add(written)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_seed(folder: Path) -> Shipped:
    """The rows that a seed folder ships, by model, in an order in which they can be inserted.

    A row has every column of its table but `seed_hash`, with the values that the columns keep.

    Raises:
        SeedError: a file is missing or cannot be read, or an entry breaks a rule of `bot.db.seed.fields`.
    """
    shipped: Shipped = {}
    places: dict[tuple[str, str], str] = {}
    for model in FIELDS:
        shipped[model] = _read_facts(folder, places) if model is Fact else _read_table(folder, model, places)
    _check_references(shipped, places)
    for model, rows in shipped.items():
        for row in rows:
            try:
                complete(model, row)
            except WrongColumnError as error:
                place = places[model.__tablename__, row["slug"]]
                raise SeedError(f"{place}: {error.column}: {error}") from error
    _add_texts(folder, shipped)
    return shipped


def _read_facts(folder: Path, places: dict[tuple[str, str], str]) -> list[Entry]:
    files = sorted((folder / "facts").glob("*.yml"))
    if not files:
        raise SeedError("facts/: no file is there; write facts/<topic>.yml")
    rows: list[Entry] = []
    for path in files:
        rows += _check_entries(
            f"facts/{path.name}", _load(path, f"facts/{path.name}"), Fact, places, {"topic": path.stem}
        )
    return rows


def _read_table(folder: Path, model: type[Base], places: dict[tuple[str, str], str]) -> list[Entry]:
    name = f"{model.__tablename__}.yml"
    return _check_entries(name, _load(folder / name, name), model, places, {})


def _load(path: Path, name: str) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506  # a subclass of SafeLoader
    except FileNotFoundError:
        raise SeedError(f"{name}: is missing") from None
    except UnicodeDecodeError as error:
        raise SeedError(f"{name}: is not UTF-8 ({error})") from error
    except yaml.YAMLError as error:
        raise SeedError(f"{name}: is not readable YAML: {error}") from error


def _check_entries(
    name: str, entries: Any, model: type[Base], places: dict[tuple[str, str], str], given: Entry
) -> list[Entry]:
    if not isinstance(entries, list):
        raise SeedError(f"{name}: must be a list of entries, each starting with '- slug: …'")
    rows: list[Entry] = []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or "slug" not in entry:
            raise SeedError(f"{name}: entry {number}: has no slug; start it with '- slug: …'")
        place = f"{name}: {entry['slug']}"
        for key in given:
            if key in entry:
                raise SeedError(f"{place}: {key}: leave it out; it is the name of the file")
        row = _check_entry(place, {**given, **entry}, FIELDS[model])
        table_and_slug = (model.__tablename__, row["slug"])
        if table_and_slug in places:
            raise SeedError(f"{place}: slug: is already taken in {places[table_and_slug]}; choose another")
        places[table_and_slug] = place
        rows.append(row)
    return rows


def _check_entry(place: str, entry: Mapping[str, Any], fields: Mapping[str, Field]) -> Entry:
    for key in entry:
        if key not in fields:
            raise SeedError(
                f"{place}: {key}: is an unknown key;{_suggest(str(key), fields)} known are {', '.join(fields)}"
            )
    row: Entry = {}
    for key, field in fields.items():
        if key in entry:
            row[key] = _apply(field.check, entry[key], f"{place}: {key}")
        elif field.required:
            raise SeedError(f"{place}: {key}: is missing; write it")
        else:
            row[key] = copy(field.default)
    return row


def _apply(check: Check, value: Any, place: str) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise SeedError(f"{place}: {error}") from error


def _suggest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, [str(other) for other in known], n=1)
    return f" did you mean {close[0]!r}?" if close else ""


def _check_references(shipped: Shipped, places: Mapping[tuple[str, str], str]) -> None:
    slugs = {model.__tablename__: {row["slug"] for row in rows} for model, rows in shipped.items()}
    for model, rows in shipped.items():
        for key, field in FIELDS[model].items():
            if field.refers_to is None:
                continue
            known = slugs[field.refers_to]
            for row in rows:
                cited = row[key] if isinstance(row[key], list) else [row[key]]
                for slug in cited:
                    if slug is not None and slug not in known:
                        place = places[model.__tablename__, row["slug"]]
                        hint = _suggest(slug, known) or " write one that is there"
                        raise SeedError(f"{place}: {key}: {slug!r} is not a slug of {field.refers_to};{hint}")


def _add_texts(folder: Path, shipped: Shipped) -> None:
    by_slug = {model: {row["slug"]: row for row in shipped[model]} for model in TEXTS}
    for model, columns in TEXTS.items():
        for row in shipped[model]:
            row.update({column: {} for column in columns})
    for path in sorted((folder / "texts").glob("*.yml")):
        if path.stem not in VARIETIES:
            raise SeedError(f"texts/{path.name}: is not named after a variety; known are {', '.join(VARIETIES)}")
    for variety in VARIETIES:
        name = f"texts/{variety}.yml"
        # Only the default variety must be there: a text that is missing in another is shown in that one.
        if variety == DEFAULT_VARIETY or (folder / name).exists():
            _add_variety(name, _load(folder / name, name), variety, by_slug)
    for model, columns in TEXTS.items():
        for row in shipped[model]:
            for column in columns:
                if DEFAULT_VARIETY not in row[column]:
                    place = f"texts/{DEFAULT_VARIETY}.yml: {model.__tablename__}: {row['slug']}"
                    raise SeedError(f"{place}: {column}: is missing; every entry needs one")


def _add_variety(name: str, texts: Any, variety: str, by_slug: Mapping[type[Base], Mapping[str, Entry]]) -> None:
    tables = {model.__tablename__: model for model in TEXTS}
    for table, entries in _items(texts, name):
        if table not in tables:
            raise SeedError(f"{name}: {table}: is an unknown key; known are {', '.join(tables)}")
        model = tables[table]
        rows, columns = by_slug[model], TEXTS[model]
        for slug, written in _items(entries, f"{name}: {table}"):
            place = f"{name}: {table}: {slug}"
            if slug not in rows:
                raise SeedError(f"{place}: is not a slug of {table};{_suggest(str(slug), rows) or ' take it out'}")
            texts_by_column = written if len(columns) > 1 else {next(iter(columns)): written}
            for column, text in _items(texts_by_column, place):
                if column not in columns:
                    raise SeedError(f"{place}: {column}: is an unknown key; known are {', '.join(columns)}")
                rows[slug][column][variety] = _apply(columns[column], text, f"{place}: {column}")


def _items(value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise SeedError(f"{place}: {value!r} is not a mapping; write 'key: text', one a line")
    return value.items()
