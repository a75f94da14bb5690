"""Answers in the console: a text counts within seconds everywhere, a broken one is refused, and nothing is lost."""

from __future__ import annotations

import asyncio
import html

import pytest
from staffed import Client, Console

from bot.answers import VERSION_S, Answers, FactBook
from bot.clock import utc_now
from bot.console.content.texts import Desk, describe, is_stale
from bot.console.words import LANGUAGES, Language
from bot.content import load_shapes, load_words
from bot.db.models import AnswerText, ContentState, Fact
from bot.db.seed import seed
from bot.messages import VARIETIES, Answer
from bot.samples import list_samples
from bot.sandbox import TEXT_LIMIT_CHARS, Sandbox, TextError, fill

KEY = "utter_jobintech_cost"
PATH = f"/content/answers/{KEY}/fr"
HOSTILE = "<script>window.hacked=1</script> <b onclick=x>&amp; "


async def fill_in(console: Console) -> None:
    """The shipped content."""
    async with console.db.write() as session:
        await seed(session)


async def read_seen(client: Client, path: str = PATH) -> str:
    """What the editor's form says of the text that it was opened with."""
    page = await client.get(path)
    return page.text.partition('name="seen" value="')[2].partition('"')[0]


async def say(answers: Answers, key: str = KEY) -> str:
    """What people read in French."""
    return (await answers.render(Answer(key), "fr")).text


async def test_a_text_counts_within_seconds_in_every_process(any_console: Console) -> None:
    """Another process's renderer says the new text without a restart, and the shipped one again after the reset."""
    await fill_in(any_console)
    elsewhere = Answers(FactBook(any_console.db))
    before = await say(elsewhere)
    client = await any_console.sign_in("editor")
    text = "C'est gratuit, et voilà.\r\n\r\nVraiment.  \r\n"
    saved = await client.post(PATH, {"text": text, "seen": await read_seen(client)})
    assert saved.status_code == 303 and "done=answer_saved" in saved.headers["location"]
    assert await say(elsewhere) == before
    await asyncio.sleep(VERSION_S + 0.1)
    assert (await say(elsewhere)).startswith("C'est gratuit, et voilà.\n\nVraiment.\n\nSource")
    reset = await client.post(f"{PATH}/reset")
    assert reset.status_code == 303
    await asyncio.sleep(VERSION_S + 0.1)
    assert await say(elsewhere) == before
    async with any_console.db.read() as session:
        assert await session.get(AnswerText, (KEY, "fr")) is None
        assert await session.scalar(ContentState.__table__.select()) is not None
    assert [(action, subject) for _, action, subject in await any_console.audited()] == [
        ("answer_changed", f"answer:{KEY}"),
        ("answer_reset", f"answer:{KEY}"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Le texte est vide"),
        ("bon\n{{ nobody }}", "Ligne 2"),
        ("{% if x %}", "Ligne 1"),
        ("{{ 3 | shout }}", "le filtre"),
        ('{{ facts["jit-001"].x }}', "inconnu"),
        ('{{ as_of("jit-001x") }}', "jit-001x"),
        ("{{ 'x' * 9999999 }}", "pas permis"),
        ("{{ ''.__class__ }}", "pas permis"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% if false %}x{% endif %}", "ne dit rien"),
        ("x" * (TEXT_LIMIT_CHARS + 1), "trop long"),
    ],
)
async def test_a_text_that_cannot_be_said_is_refused(console: Console, text: str, says: str) -> None:
    """The form comes back with what was written and says in which line what is wrong; the old text counts on."""
    await fill_in(console)
    client = await console.sign_in("editor")
    refused = await client.post(PATH, {"text": text, "seen": "x"})
    assert refused.status_code == 422 and says in refused.text and 'aria-invalid="true"' in refused.text
    if text and len(text) < 100:
        assert text.splitlines()[-1].replace("'", "&#39;").replace('"', "&#34;") in refused.text
    async with console.db.read() as session:
        assert await session.get(AnswerText, (KEY, "fr")) is None
    assert await console.audited() == []


async def test_a_text_must_suit_every_situation(console: Console) -> None:
    """What is missing in one of the shapes of the data is found, although the first has it."""
    await fill_in(console)
    client = await console.sign_in("administrator")
    path = "/content/answers/cohorts_upcoming/fr"
    refused = await client.post(path, {"text": "Jusqu'au {{ cohorts[0].enrol_until | day }}", "seen": "x"})
    assert refused.status_code == 422 and "None is not a date" in html.unescape(refused.text)


async def test_two_editors_do_not_undo_each_other(console: Console) -> None:
    """Who comes second sees the newer text beside their own, and may then publish theirs."""
    await fill_in(console)
    first, second = await console.sign_in("editor"), await console.sign_in("editor")
    seen = await read_seen(second)
    await first.post(PATH, {"text": "Le premier.", "seen": await read_seen(first)})
    late = await second.post(PATH, {"text": "Le second.", "seen": seen})
    assert late.status_code == 422 and "Le premier." in late.text and "Le second." in late.text
    again = late.text.partition('name="seen" value="')[2].partition('"')[0]
    assert (await second.post(PATH, {"text": "Le second.", "seen": again})).status_code == 303
    async with console.db.read() as session:
        row = await session.get_one(AnswerText, (KEY, "fr"))
    assert row.text == "Le second."


async def test_a_preview_shows_markup_as_text(console: Console) -> None:
    """Hostile text is inert in each channel's preview, as data and as template; the preview saves nothing."""
    await fill_in(console)
    client = await console.sign_in("editor")
    headers = {"HX-Request": "true", "Origin": "http://console.test"}
    shown = await client.post(f"{PATH}/preview", {"text": HOSTILE + "https://a.ma/<i>"}, headers=headers)
    assert shown.status_code == 200 and "<html" not in shown.text
    assert shown.text.count("&lt;script&gt;") == 3 and "<script" not in shown.text and "onclick=x>" not in shown.text
    assert "Combien" in shown.text or 'class="keys"' in shown.text
    broken = await client.post(f"{PATH}/preview", {"text": "{{"}, headers=headers)
    assert "Ligne 1" in broken.text
    whole = await client.post(f"{PATH}/preview", {"text": "Sans script."})
    assert "<html" in whole.text and whole.text.count("Sans script.") == 4
    assert await console.audited() == []


async def test_the_list_is_searched_and_filtered(console: Console) -> None:
    """By words without accents, by audience, by warning; page by page by key."""
    await fill_in(console)
    client = await console.sign_in("analyst")
    assert "utter_jobintech_cost" in (await client.get("/content/answers?q=GRATUIT")).text
    events = await client.get("/content/answers?audience=events")
    assert "event_details" in events.text and "utter_jobintech_cost" not in events.text
    stale = await client.get("/content/answers?warning=stale")
    assert "utter_jobintech_about" in stale.text and "/answers/utter_greet" not in stale.text
    first = await client.get("/content/answers")
    after = first.text.partition("after=")[2].partition('"')[0]
    second = await client.get(f"/content/answers?after={after}")
    assert f"/answers/{after}" in first.text and f'/answers/{after}"' not in second.text
    assert (await client.get("/content/answers?q=zzzzz")).text.count("Rien ne correspond") == 1
    assert (await client.get("/content/answers/nothing")).status_code == 404
    assert (await client.get(PATH)).status_code == 403


async def test_an_answer_says_what_is_worth_a_look(console: Console) -> None:
    """A text too long for WhatsApp, another instruction than the other varieties', an old fact by the setting."""
    await fill_in(console)
    client = await console.sign_in("administrator")
    path = "/content/answers/utter_privacy_question/en"
    text = "Write “my papers”. " + "All of it is kept for you. " * 70
    await client.post(path, {"text": text, "seen": await read_seen(client, path)})
    page = (await client.get("/content/answers/utter_privacy_question")).text
    assert "Trop longue pour un message WhatsApp" in page and "my data" in page and "modifié" in page
    assert (await client.get(f"/content/answers/{KEY}")).text.count("ancien") > 0
    wrong = await client.post("/content/settings", {"months": "0"})
    assert wrong.status_code == 422 and "de 1 à 120" in wrong.text
    assert (await client.post("/content/settings", {"months": "120"})).status_code == 303
    assert "Un fait cité est ancien" not in (await client.get(f"/content/answers/{KEY}")).text


async def test_a_text_that_fails_later_gives_way_to_the_shipped_one(console: Console) -> None:
    """Data of a shape that no sample had costs nobody their answer."""
    await fill_in(console)
    async with console.db.write() as session:
        session.add(AnswerText(key=KEY, variety="fr", text="{{ nothing }}"))
    assert (await say(Answers(FactBook(console.db)))).startswith("Oui")
    client = await console.sign_in("analyst")
    assert "ne peut pas être dit" in (await client.get(f"/content/answers/{KEY}")).text


async def test_every_shipped_text_passes_what_a_changed_one_must(console: Console) -> None:
    """The check at saving lets each text of the release through, with all of its samples."""
    await fill_in(console)
    desk = Desk(FactBook(console.db), {})
    await desk.book.refresh()
    problems = {
        (key, variety): problem
        for key in load_shapes()
        for variety in VARIETIES
        if (problem := desk.find_problem(key, variety, load_words()[variety].answers[key])) is not None
    }
    assert problems == {}
    assert all(list_samples()[key] for key in load_shapes())


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x'.ljust(99999999) }}", "{{ 'x' | center(99999999) }}", "{{ ['x'] * 99999999 }}", "{{ 9 ** 9 ** 9 }}",
        "{% for a in range(9) %}{% endfor %}", "{{ '%099999999d' | format(1) }}", "{{ as_of.__globals__ }}",
        "{{ lipsum(9) }}", "{{ cycler.__init__ }}", "{{ {}.update(a=1) }}",
    ],
)  # fmt: skip
def test_the_sandbox_makes_nothing_huge_and_reaches_nothing(text: str) -> None:
    """Padding, repeating, powers, ranges and Python's insides are refused."""
    with pytest.raises(TextError):
        fill(Sandbox(), text, {})


def test_a_fact_is_old_by_its_last_day() -> None:
    """A year counts until its end."""
    year = utc_now().year
    assert not is_stale(Fact(slug="a", as_of=str(year)), 12)
    assert is_stale(Fact(slug="a", as_of=str(year - 3)), 12)
    assert not is_stale(Fact(slug="a", as_of=None), 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_answer_says_what_it_is_for(language: Language) -> None:
    """In words: no name of ours is shown in place of them."""
    assert [key for key in load_shapes() if "_" in describe(key, language)] == []
