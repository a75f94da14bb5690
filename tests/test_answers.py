"""The renderer: templates that staff may write are held in a sandbox, and data stays data.

What the shipped texts say is tested in tests/content/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, meta
from running import sqlite_url

from bot.answers import FILTERS, Answers, FactBook, RenderError
from bot.content import Words, load_shapes, load_words
from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.models import Fact
from bot.db.seed import seed
from bot.messages import VARIETIES, Answer, Variety
from bot.settings import ROOT


@pytest.fixture
async def content(tmp_path: Path) -> AsyncIterator[Database]:
    """The shipped content."""
    db = open_database(sqlite_url(tmp_path))
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.write() as session:
        await seed(session)
    yield db
    await db.aclose()


def renderer_of(content: Database, **texts: str) -> Answers:
    """A renderer whose French answers are replaced by `texts`, as staff's own would be."""
    answers = Answers(FactBook(content))
    shipped = load_words()
    french = shipped["fr"]
    french = Words({**french.answers, **texts}, french.buttons, french.choices, french.names, french.phrases)
    answers._words = {**shipped, "fr": french}
    return answers


class TestSandbox:
    @pytest.mark.parametrize(
        "text",
        [
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{ _book.db.engine.url }}",
            "{{ as_of.__globals__ }}",
            "{{ as_of.__self__ }}",
            "{{ facts.__init__.__globals__ }}",
            "{{ self._TemplateReference__context }}",
            "{{ cycler.__init__.__globals__ }}",
            "{{ ''['__class__'] }}",
            "{{ '' | attr('__class__') }}",
            "{{ '{0.__class__}'.format(1) }}",
            "{{ facts.clear() }}",
            "{% for i in range(100000000) %}x{% endfor %}",
            "{{ 1 / 0 }}",
            "{{ nothing }}",
            "{{ facts['jit-999'] }}",
            "{{ as_of('jit-999') }}",
            "{{ 'x' | sector }}",
            "{{ 'x' | month }}",
            "{% if %}",
        ],
    )
    async def test_a_template_reaches_nothing_and_breaks_nothing(self, content: Database, text: str) -> None:
        """Attribute tricks, endless loops and plain mistakes are one kind of error, which the conversation handles."""
        with pytest.raises(RenderError):
            await renderer_of(content, utter_greet=text).render(Answer("utter_greet"), "fr")


class TestData:
    HOSTILE = "{{ 7 * 7 }} {% raw %} {# x #} ${7*7} %s {0}"

    @pytest.mark.parametrize(
        ("key", "data"),
        [
            ("track_unknown", {"asked": HOSTILE, "tracks": []}),
            ("event_unknown", {"asked": HOSTILE, "events": [{"slug": "x", "name": HOSTILE}]}),
            ("programme_unknown", {"asked": HOSTILE, "programmes": [{"slug": "x", "name": HOSTILE}]}),
            ("inform_city", {"city": HOSTILE}),
        ],
    )
    @pytest.mark.parametrize("variety", VARIETIES)
    async def test_data_is_shown_as_it_is(
        self, content: Database, key: str, data: dict[str, Any], variety: Variety
    ) -> None:
        """What looks like a template in a person's words or in a name is only text."""
        outbound = await Answers(FactBook(content)).render(Answer(key, data), variety)
        assert self.HOSTILE in outbound.text
        assert "49" not in outbound.text

    async def test_a_publisher_is_shown_as_it_is(self, content: Database) -> None:
        """The line of sources is no template of its data either."""
        async with content.write() as session:
            (await session.get_one(Fact, "jit-006")).publisher = "{{ 7 * 7 }}"
        outbound = await Answers(FactBook(content)).render(Answer("utter_jobintech_cost"), "fr")
        assert "Source\u00a0: {{ 7 * 7 }} (" in outbound.text


class TestButtons:
    async def test_an_unknown_answer_is_an_error(self, content: Database) -> None:
        """A key that no file has."""
        with pytest.raises(RenderError, match="no answer is called"):
            await Answers(FactBook(content)).render(Answer("nothing"), "fr")

    async def test_language_buttons_name_themselves(self, content: Database) -> None:
        """Each language is written in itself, whatever the bot speaks."""
        choices = tuple((f'/change_language{{"language": "{name}"}}', None) for name in VARIETIES)
        for variety in VARIETIES:
            outbound = await Answers(FactBook(content)).render(Answer("language_menu", {}, choices), variety)
            titles = [button.title for button in outbound.buttons]
            assert titles == ["Français", "Darija", "الدارجة", "العربية", "English"]

    async def test_links_open_the_source(self, content: Database) -> None:
        """An answer that links to a site has a button with its address."""
        outbound = await Answers(FactBook(content)).render(Answer("utter_jobintech_how_to_apply"), "fr")
        (link,) = [button for button in outbound.buttons if button.url]
        assert link.url is not None and link.url.startswith("https://")
        assert link.title in link.url


def test_texts_use_the_same_data_in_every_variety() -> None:
    """No variety leaves out, or invents, a value that an action found and the French text shows."""
    environment = Environment()
    environment.filters |= dict.fromkeys(FILTERS, str)
    # Names and dates inside facts are in French: a variety may write them in its own words instead.
    shared = {"as_of", "facts"}
    differing = {}
    for key in load_shapes():
        used = {
            variety: frozenset(meta.find_undeclared_variables(environment.parse(words.answers[key]))) - shared
            for variety, words in load_words().items()
        }
        if len(set(used.values())) > 1:
            differing[key] = used
    assert differing == {}


def test_every_code_that_is_understood_has_a_name() -> None:
    """Every sector, stage and topic that the language model may find can be written in every variety."""
    for kind in ("sector", "stage", "topic"):
        codes = set(yaml.safe_load((ROOT / "nlu" / "lookups" / f"{kind}.yml").read_text(encoding="utf-8")))
        for variety, words in load_words().items():
            assert codes <= set(words.names[kind]), (kind, variety)


def test_every_city_has_an_arabic_name() -> None:
    """No Latin name of a town stands in an Arabic text."""
    cities = yaml.safe_load((ROOT / "bot" / "db" / "seed" / "cities.yml").read_text(encoding="utf-8"))
    for variety in ("ar", "ary-Arab"):
        known = load_words()[variety].names["city"]
        assert {city["slug"] for city in cities} <= set(known)
        assert not [name for name in known.values() if any("a" <= letter.lower() <= "z" for letter in name)]
