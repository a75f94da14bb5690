"""The sandbox in which texts of answers run: Jinja2 templates that staff may write, so that a slip can harm nobody.

A text may show data, ask for it, and go through lists of it. It can't reach Python, and it can't make something huge:
the filters that pad and repeat are not there, nor are calls but for the few that texts need, nor is multiplying a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateAssertionError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.errors import AssistantError

#: The longest text of an answer; the longest that ships has a third of it.
TEXT_LIMIT_CHARS = 6_000
#: Compiled templates that are kept: every text that ships, and what is being tried.
KEPT_TEMPLATES = 1_500
#: Filters of Jinja2 that texts may use besides ours.
_FILTERS: Final = frozenset(
    {
        *("capitalize", "count", "default", "first", "int", "join", "last", "length", "list", "lower", "map", "min"),
        *("max", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort", "string"),
        *("sum", "title", "trim", "unique", "upper"),
    }
)
#: Methods of data that texts may call.
_METHODS: Final = frozenset({"get", "items", "keys", "values"})
_NAME = re.compile(r"'([^']*)'")


class TextError(AssistantError):
    """A text can't be written with some data.

    Attributes:
        code: ``syntax`` (it is no template), ``filter`` (there is no such filter), ``unknown`` (it names what is not
            there), ``forbidden`` (the sandbox refuses it) or ``failed`` (anything else).
        line: the line of the text, from 1; 0 when nobody knows.
        detail: the name that is unknown, or what Jinja2 says.
    """

    def __init__(self, code: str, line: int, detail: str) -> None:
        super().__init__(f"line {line}: {code}: {detail}")
        self.code, self.line, self.detail = code, line, detail


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all texts; `filters` get ours besides the few of Jinja2."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.globals = {}
        self._compiled: dict[str, Template] = {}

    def compile_text(self, text: str) -> Template:
        """The template of a text; compiling takes longer than filling, so that the latest are kept."""
        template = self._compiled.get(text)
        if template is None:
            template = self.from_string(text)
            while len(self._compiled) >= KEPT_TEMPLATES:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[text] = template
        return template

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers of a size that texts show; nothing else."""
        if operator == "*" and all(isinstance(side, int | float) and abs(side) < 10**12 for side in (left, right)):
            return left * right
        raise SecurityError(f"{operator} is for small numbers")

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a text may call it: what the app gave it for that, and the look-ups of data."""
        if getattr(obj, "is_for_texts", False):
            return True
        return getattr(obj, "__name__", "") in _METHODS and isinstance(getattr(obj, "__self__", None), dict)


def fill(environment: Sandbox, text: str, values: Mapping[str, Any]) -> str:
    """What a text says with some values.

    Raises:
        TextError: it can't be said.
    """
    try:
        return environment.compile_text(text).render(values)
    except TemplateAssertionError as error:
        raise TextError("filter", error.lineno, _name(str(error.message))) from error
    except TemplateSyntaxError as error:
        raise TextError("syntax", error.lineno, str(error.message)) from error
    except UndefinedError as error:
        raise TextError("unknown", _line(error.__traceback__), _name(str(error))) from error
    except SecurityError as error:
        raise TextError("forbidden", _line(error.__traceback__), str(error)) from error
    except Exception as error:  # a template is a program that staff wrote: 1 / 0, a number as a date, anything
        raise TextError("failed", _line(error.__traceback__), f"{type(error).__name__}: {error}") from error


def _name(message: str) -> str:
    """The name that a message of Jinja2 is about, the last in quotes."""
    names = _NAME.findall(message)
    return str(names[-1]) if names else message


def _line(traceback: TracebackType | None) -> int:
    """The line of the template, which Jinja2 writes into the traceback."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
