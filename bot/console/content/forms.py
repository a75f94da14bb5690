"""Forms of rows, made from the checks of `bot.db.seed.fields`: what a browser shows, and what it sends back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import yaml
from fastapi import Request

from bot.clock import MOROCCO
from bot.console.content.kinds import Kind, name_code
from bot.console.words import Language
from bot.db.seed.checks import (
    DIPLOMAS,
    SITUATIONS,
    Check,
    Conditions,
    Day,
    ListOf,
    Moment,
    Number,
    OneOf,
    OrNull,
    PartialDate,
    PublicUrl,
    Text,
    Values,
    WholeNumber,
    WrongValueError,
    YesOrNo,
)
from bot.db.seed.fields import FIELDS, TEXTS, Field, WrongColumnError, complete
from bot.db.seed.files import Loader
from bot.messages import DEFAULT_VARIETY, LANGUAGE_NAMES, RIGHT_TO_LEFT, VARIETIES

_SEPARATORS = re.compile(r"[\s,;،]+")
#: Texts longer than this get several lines.
_ONE_LINE_CHARS = 160

Choices = Mapping[str, Sequence[tuple[str, str]]]
Wrong = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it came: every value of every field, without NUL, which PostgreSQL keeps not."""

    values: Mapping[str, list[str]]

    def one(self, name: str) -> str:
        """The last value of a field, without white space around it."""
        return self.values.get(name, [""])[-1].strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field, for boxes that are ticked."""
        return [value for value in self.values.get(name, []) if value]


async def read_sent(request: Request) -> Sent:
    """The form of a request, with repeated fields."""
    form = await request.form()
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value.replace("\x00", "").replace("\r\n", "\n"))
    return Sent(values)


@dataclass(frozen=True, slots=True)
class Control:
    """One field of a form as the template shows it.

    Attributes:
        column: the column; its words are ``content.columns.<column>`` and, where there are some, ``content.hints.…``.
        widget: which of the template's macros shows it.
        value: what stands in it: a text, or the ticked values.
        options: what can be chosen, value and words.
        error: a key of ``content.wrong`` and its values, or None.
        limit: the most characters, or None.
        required: whether it may stay empty.
    """

    column: str
    widget: str
    value: Any
    options: Sequence[tuple[str, str]] = ()
    error: Wrong | None = None
    limit: int | None = None
    required: bool = False
    #: Only of texts by variety: code, own name, direction, text, error.
    parts: Sequence[dict[str, Any]] = field(default_factory=tuple)


def _inner(check: Check) -> Check:
    return check.value if isinstance(check, OrNull) else check


def _widget(rule: Field) -> str:
    check = _inner(rule.check)
    if rule.refers_to == "facts":
        return "facts" if isinstance(check, ListOf) else "fact"
    if isinstance(check, ListOf):
        return "boxes"
    if rule.refers_to or isinstance(check, OneOf):
        return "select"
    if isinstance(check, YesOrNo):
        return "select" if isinstance(rule.check, OrNull) else "box"
    kinds = {
        PartialDate: "partial_date", Day: "date", Moment: "moment", PublicUrl: "url", Number: "number",
        WholeNumber: "number", Values: "values", Conditions: "conditions",
    }  # fmt: skip
    found = next((name for kind, name in kinds.items() if isinstance(check, kind)), None)
    if found:
        return found
    is_long = isinstance(check, Text) and (check.limit_chars is None or check.limit_chars > _ONE_LINE_CHARS)
    return "long_text" if is_long else "text"


def make_controls(
    kind: Kind,
    shown: Mapping[str, Any],
    errors: Mapping[str, Wrong],
    rows: Choices,
    language: Language,
    yes_no: tuple[str, str],
) -> list[Control]:
    """The fields of a form.

    Args:
        kind: what it is about.
        shown: what stands in the fields, as `show_row` or `show_sent` make it.
        errors: what is wrong, by column, or by column and variety (``title.ar``).
        rows: slugs and names of the rows that can be referred to, by table.
        language: of the words.
        yes_no: the words for them.
    """
    controls = []
    for column in kind.columns:
        error = errors.get(column)
        if column in kind.texts:
            limit = getattr(TEXTS[kind.model][column], "limit_chars", None)
            parts = [
                {
                    "variety": variety,
                    "title": LANGUAGE_NAMES[variety],
                    "dir": "rtl" if variety in RIGHT_TO_LEFT else "ltr",
                    "text": shown[column].get(variety, ""),
                    "error": errors.get(f"{column}.{variety}"),
                    "required": variety == DEFAULT_VARIETY,
                }
                for variety in VARIETIES
            ]
            controls.append(Control(column, "texts", "", limit=limit, parts=parts))
            continue
        rule = FIELDS[kind.model][column]
        check = _inner(rule.check)
        options: list[tuple[str, str]] = []
        inner = _inner(check.item) if isinstance(check, ListOf) else check
        if isinstance(inner, OneOf):
            options = [(code, name_code(column, code, language)) for code in inner.codes]
        elif rule.refers_to and rule.refers_to != "facts":
            options = list(rows[rule.refers_to])
        elif isinstance(inner, YesOrNo):
            options = [("yes", yes_no[0]), ("no", yes_no[1])]
        elif isinstance(inner, Conditions):
            options = [(f"diploma:{code}", name_code("diploma", code, language)) for code in DIPLOMAS]
            options += [(f"situation:{code}", name_code("situation", code, language)) for code in SITUATIONS]
        required = not isinstance(rule.check, OrNull) and rule.required and not isinstance(check, ListOf | Values)
        controls.append(
            Control(
                column,
                _widget(rule),
                shown[column],
                options,
                error,
                getattr(inner, "limit_chars", None),
                required and _widget(rule) not in ("box", "conditions"),
            )
        )
    return controls


def show_row(kind: Kind, row: Any | None) -> dict[str, Any]:
    """What stands in the fields for a row, or for a new one."""
    shown: dict[str, Any] = {}
    for column in kind.columns:
        if column in kind.texts:
            shown[column] = dict(getattr(row, column)) if row is not None else {}
            continue
        rule = FIELDS[kind.model][column]
        value = getattr(row, column) if row is not None else rule.default
        shown[column] = _show(_widget(rule), value)
    return shown


def _show(widget: str, value: Any) -> Any:
    if widget == "boxes":
        return list(value or [])
    if widget == "facts":
        return ", ".join(value or [])
    if widget == "conditions":
        wanted = value or {}
        ticked = [f"{name}:{code}" for name in ("diploma", "situation") for code in wanted.get(name, [])]
        low, high = wanted.get("age") or ("", "")
        return {"ticked": ticked, "low": low, "high": high}
    if widget == "values":
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=1000).strip() if value else ""
    if widget == "box":
        return bool(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(MOROCCO).strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:g}" if value == int(value) else str(value)
    return "" if value is None else str(value)


def show_sent(kind: Kind, sent: Sent) -> dict[str, Any]:
    """What stands in the fields of a form that comes back, exactly as it was sent."""
    shown: dict[str, Any] = {}
    for column in kind.columns:
        if column in kind.texts:
            shown[column] = {variety: sent.one(f"{column}.{variety}") for variety in VARIETIES}
            continue
        widget = _widget(FIELDS[kind.model][column])
        if widget == "boxes":
            shown[column] = sent.all(column)
        elif widget == "box":
            shown[column] = sent.one(column) == "yes"
        elif widget == "conditions":
            ages = {"low": sent.one(f"{column}.low"), "high": sent.one(f"{column}.high")}
            shown[column] = {"ticked": sent.all(column), **ages}
        else:
            shown[column] = sent.one(column)
    return shown


def read_values(kind: Kind, sent: Sent) -> tuple[dict[str, Any], dict[str, Wrong]]:
    """The columns that a form gives, checked by the rules of seeding, and what is wrong by field."""
    values: dict[str, Any] = {}
    errors: dict[str, Wrong] = {}
    for column in kind.columns:
        if column in kind.texts:
            values[column] = _read_texts(kind, column, sent, errors)
            continue
        rule = FIELDS[kind.model][column]
        try:
            given = _read(column, _widget(rule), sent)
            if given is None and not isinstance(rule.check, OrNull) and not rule.required:
                given = rule.default
            values[column] = rule.check("" if given is None and not isinstance(rule.check, OrNull) else given)
        except WrongValueError as error:
            empty = not isinstance(_inner(rule.check), ListOf | Conditions | Values) and not sent.one(column)
            errors[column] = ("missing", {}) if empty else (error.code, error.values)
    if not errors:
        try:
            complete(kind.model, values)
        except WrongColumnError as error:
            errors[error.column] = (error.code, {})
    return values, errors


def _read_texts(kind: Kind, column: str, sent: Sent, errors: dict[str, Wrong]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for variety in VARIETIES:
        typed = sent.one(f"{column}.{variety}")
        if not typed and variety != DEFAULT_VARIETY:
            continue
        try:
            texts[variety] = TEXTS[kind.model][column](typed)
        except WrongValueError as error:
            errors[f"{column}.{variety}"] = (error.code, error.values)
    return texts


def _read(column: str, widget: str, sent: Sent) -> Any:
    """A field's value as YAML would give it."""
    typed = sent.one(column)
    if widget == "boxes":
        return sent.all(column)
    if widget == "facts":
        return [slug for slug in _SEPARATORS.split(typed) if slug]
    if widget == "box":
        return typed == "yes"
    if widget == "conditions":
        return _read_conditions(column, sent)
    if widget == "values":
        try:
            given = yaml.load(typed, Loader=Loader) if typed else {}  # noqa: S506  # a subclass of SafeLoader
        except yaml.YAMLError as error:
            raise WrongValueError("values", str(error)) from None
        return given
    if not typed:
        return None
    if widget == "number":
        return _read_number(typed)
    if widget == "moment":
        return typed.replace("T", " ")[:16]
    if widget == "select" and typed in ("yes", "no"):
        return typed == "yes"
    return typed


def _read_number(typed: str) -> Any:
    """A number with a comma or a point; the text itself when it is none, for the check to refuse."""
    plain = typed.replace(",", ".").replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if re.fullmatch(r"-?[0-9]{1,12}", plain):
        return int(plain)
    return float(plain) if re.fullmatch(r"-?[0-9]{1,12}\.[0-9]{1,9}", plain) else typed


def _read_conditions(column: str, sent: Sent) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    for ticked in sent.all(column):
        name, _, code = ticked.partition(":")
        conditions.setdefault(name, []).append(code)
    low, high = sent.one(f"{column}.low"), sent.one(f"{column}.high")
    if low or high:
        if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
            raise WrongValueError("ages", "ages are two whole numbers")
        conditions["age"] = [int(low[:4]), int(high[:4])]
    return conditions
