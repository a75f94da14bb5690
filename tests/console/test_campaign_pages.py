"""Campaigns in the console: who may do what, nothing typed is lost, nothing is sent that was not looked at."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from campaigns.crowd import TEXTS, add_application, add_campaign, add_many, add_person, list_recipients, read_campaign
from scripted import ScriptedChannel
from sqlalchemy import select
from staffed import Client, Console

from bot.clock import MOROCCO, utc_now
from bot.db.linking import make_code
from bot.db.models import CampaignTester, Identity, Message
from bot.messages import VARIETIES

SEGMENT = {"title": "Session de janvier", "purpose": "cohorts"}
FORM = {
    **{f"text-{each}": TEXTS[each] for each in TEXTS},
    "instead-ary-Latn": "fr",
    "instead-ary-Arab": "ar",
}


@pytest.fixture
def served(any_console: Console) -> Console:
    """The console with a Telegram bot behind it, that keeps what it is given."""
    any_console.app.state.assistant.channels["telegram"] = ScriptedChannel()
    return any_console


async def create(client: Client, **segment: str) -> int:
    """A new draft; its id."""
    answer = await client.post("/campaigns/new", SEGMENT | segment)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/console/campaigns/(\d+)/texts", answer.headers["location"])
    assert found is not None
    return int(found[1])


async def write(client: Client, campaign_id: int, seen: int = 1, **texts: str) -> None:
    """Its texts."""
    answer = await client.post(f"/campaigns/{campaign_id}/texts", FORM | {"seen": str(seen)} | texts)
    assert answer.status_code == 303, answer.text


async def test_from_the_segment_to_the_release(served: Console) -> None:
    """An editor writes, an adviser releases; every step is in the log, with its member and the number of people."""
    await add_many(served.db, 3)
    async with served.db.write() as session:
        await add_person(session, "web")
    editor, adviser = await served.sign_in("editor"), await served.sign_in("adviser")
    campaign_id = await create(editor)
    await write(editor, campaign_id)
    page = await adviser.get(f"/campaigns/{campaign_id}/release")
    assert page.status_code == 200
    assert "<strong>3</strong> vont le recevoir" in page.text and "page web seulement" in page.text
    assert "Pour arrêter, écrivez STOP." in page.text and "Qui lit en darija" in page.text
    answer = await adviser.post(f"/campaigns/{campaign_id}/release", {"seen": "2", "when": "now"})
    assert answer.status_code == 303 and "done=campaign_released" in answer.headers["location"]
    campaign = await read_campaign(served.db, campaign_id)
    assert (campaign.state, campaign.ignores_quiet, campaign.released_by_id) == (
        "scheduled",
        False,
        adviser.member.id if adviser.member else None,
    )
    assert [(action, subject) for _, action, subject in await served.audited()] == [
        ("campaign_created", f"campaign:{campaign_id}"),
        ("campaign_written", f"campaign:{campaign_id}"),
        ("campaign_released", f"campaign:{campaign_id}"),
    ]


async def test_a_release_is_of_what_was_looked_at(served: Console) -> None:
    """When the text changed meanwhile nothing is sent; the page shows the new one."""
    administrator = await served.sign_in("administrator")
    campaign_id = await create(administrator)
    await write(administrator, campaign_id)
    await write(administrator, campaign_id, seen=2, **{"text-fr": "Un autre texte."})
    answer = await administrator.post(f"/campaigns/{campaign_id}/release", {"seen": "2", "when": "now"})
    assert answer.status_code == 409 and "Un autre texte." in answer.text
    assert (await read_campaign(served.db, campaign_id)).state == "draft"
    answer = await administrator.post(f"/campaigns/{campaign_id}/release", {"seen": "3", "when": "now"})
    assert answer.status_code == 303
    assert "Vous avez écrit ce texte vous-même" not in (await administrator.get(f"/campaigns/{campaign_id}")).text


async def test_a_variety_without_a_text_needs_a_decision(served: Console) -> None:
    """It can't be released before the writer said what these people get; the page counts them."""
    async with served.db.write() as session:
        for variety in ("fr", "en", "en"):
            await add_person(session, variety=variety)
    administrator = await served.sign_in("administrator")
    campaign_id = await create(administrator)
    only_french = {f"text-{each}": "" for each in VARIETIES} | {"text-fr": "Bonjour à tous."}
    await write(administrator, campaign_id, **only_french)
    page = (await administrator.get(f"/campaigns/{campaign_id}/texts")).text
    assert "Lecteurs de cette langue\u00a0: 2." in page
    answer = await administrator.get(f"/campaigns/{campaign_id}/release")
    assert "refused=undecided" in answer.headers["location"]
    answer = await administrator.post(f"/campaigns/{campaign_id}/release", {"seen": "2", "when": "now"})
    assert "refused=undecided" in answer.headers["location"]
    decided = {f"instead-{each}": "fr" for each in VARIETIES if each != "en"} | {"instead-en": "none"}
    await write(administrator, campaign_id, seen=2, **only_french, **decided)
    page = (await administrator.get(f"/campaigns/{campaign_id}/release")).text
    assert "<strong>1</strong> vont le recevoir" in page and "pas de texte dans leur langue" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Bonjour {{ first_name }} !", "ligne 1, caractère 9\u00a0: \u2068first_name\u2069 ne peut être repris que"),
        ("Bonjour\n à {{ tous }}", "ligne 2, caractère 4\u00a0: \u2068tous\u2069 n&#39;est pas connu"),
        ("{% for x in (1, 2) %}{% endfor %}", "ligne 1, caractère 1\u00a0: \u2068{%\u2069 n&#39;a pas de sens ici"),
        ("oui\noui {{ ''.__class__ }}", "ligne 2, caractère 5"),
        ("un {{ deux", "ligne 1, caractère 4\u00a0: \u2068{{\u2069"),
        ("trop " * 400, "dépasse d&#39;environ"),
    ],
)
async def test_a_text_that_can_not_be_sent_is_refused_with_the_place(served: Console, text: str, told: str) -> None:
    """Line and character are named, and everything that was typed stays in its field."""
    editor = await served.sign_in("editor")
    campaign_id = await create(editor)
    answer = await editor.post(f"/campaigns/{campaign_id}/texts", FORM | {"seen": "1", "text-fr": text})
    assert answer.status_code == 422
    assert told.lower() in answer.text.lower()
    assert TEXTS["en"] in answer.text
    assert (await read_campaign(served.db, campaign_id)).texts == {}
    fragment = await editor.post(
        f"/campaigns/{campaign_id}/preview/fr", {"text-fr": text}, headers={"HX-Request": "true"}
    )
    assert told.lower() in fragment.text.lower()


async def test_what_two_write_at_once_is_never_lost(served: Console) -> None:
    """The second one sees both texts; also when the campaign was released meanwhile."""
    first, second = await served.sign_in("editor"), await served.sign_in("administrator")
    campaign_id = await create(first)
    await write(first, campaign_id)
    mine = FORM | {"seen": "1", "text-fr": "Le mien."}
    answer = await second.post(f"/campaigns/{campaign_id}/texts", mine)
    assert answer.status_code == 409 and "Le mien." in answer.text and "de janvier ouvrent" in answer.text
    await second.post(f"/campaigns/{campaign_id}/release", {"seen": "2", "when": "now"})
    answer = await first.post(f"/campaigns/{campaign_id}/texts", mine | {"seen": "2"})
    assert answer.status_code == 409 and "Le mien." in answer.text and "Enregistrer les textes" not in answer.text


async def test_filters_that_do_not_apply_are_errors(served: Console) -> None:
    """A training for events, a town that nobody knows, no purpose: named, and the rest is kept."""
    editor = await served.sign_in("editor")
    for given, told in (
        ({"purpose": "publications", "about_city": "rabat"}, "Ce choix n&#39;existe pas"),
        ({"purpose": ""}, "Dites d&#39;abord ce que les personnes ont accepté."),
        ({"title": " "}, "Donnez un nom à la campagne."),
        ({"purpose": "cohorts", "about_topic": "ai"}, "Ce filtre ne vaut pas pour ces abonnements"),
    ):
        answer = await editor.post("/campaigns/new", SEGMENT | given)
        assert answer.status_code == 422 and told in answer.text, (given, told)


async def test_times_are_those_of_morocco(served: Console) -> None:
    """A time is kept in UTC; what is over, no time, or does not exist on that day, is refused with what is wrong."""
    administrator = await served.sign_in("administrator")
    campaign_id = await create(administrator)
    await write(administrator, campaign_id)
    path, form = f"/campaigns/{campaign_id}/release", {"seen": "2", "when": "later"}
    for typed, told in (
        ("", "Donnez une date et une heure"),
        ("demain", "Donnez une date et une heure"),
        ("2020-01-01T10:00", "Cette heure est passée"),
        # Ramadan ends in March 2027, and clocks go forward at two.
        ("2027-03-14T02:30", "Cette heure n&#39;existe pas ce jour-là"),
    ):
        answer = await administrator.post(path, form | {"starts_at": typed})
        assert answer.status_code == 422 and told in answer.text, (typed, told)
    local = (utc_now() + timedelta(days=2)).astimezone(MOROCCO).replace(second=0, microsecond=0)
    answer = await administrator.post(path, form | {"starts_at": local.strftime("%Y-%m-%dT%H:%M")})
    assert answer.status_code == 303
    assert (await read_campaign(served.db, campaign_id)).starts_at == local
    answer = await administrator.post(f"/campaigns/{campaign_id}/withdraw")
    assert (await read_campaign(served.db, campaign_id)).state == "draft"


async def test_analysts_see_results_and_no_drafts(served: Console) -> None:
    """Neither texts nor names; a draft is not theirs to see."""
    draft = await add_campaign(served.db, is_released=False)
    released = await add_campaign(served.db)
    analyst = await served.sign_in("analyst")
    page = (await analyst.get("/campaigns")).text
    assert f"/console/campaigns/{released}" in page and f'/console/campaigns/{draft}"' not in page
    assert (await analyst.get(f"/campaigns/{draft}")).status_code == 403
    shown = await analyst.get(f"/campaigns/{released}")
    assert shown.status_code == 200 and TEXTS["en"] not in shown.text and "Arrêter" not in shown.text


async def test_a_page_that_looks_for_news_gets_204_until_there_is_some(served: Console) -> None:
    """What came of it is sent as a part of the page; the buttons only when they are others."""
    await add_many(served.db, 2)
    campaign_id = await add_campaign(served.db)
    adviser = await served.sign_in("adviser")
    page = (await adviser.get(f"/campaigns/{campaign_id}")).text
    found = re.search(r'hx-get="/console(/campaigns/\d+\?seen=\w+&amp;state=\w+)"', page)
    assert found is not None
    address = found[1].replace("&amp;", "&")
    asks = {"headers": {"HX-Request": "true"}}
    assert (await adviser.get(address, **asks)).status_code == 204
    await served.app.state.assistant.sending.step()
    news = await adviser.get(address, **asks)
    assert news.status_code == 200 and 'id="state"' in news.text and "hx-swap-oob" in news.text
    assert "<html" not in news.text


async def test_holding_and_ending_are_refused_where_they_make_no_sense(served: Console) -> None:
    """The page says that the state is another one; the log has only what was done."""
    campaign_id = await add_campaign(served.db)
    adviser = await served.sign_in("adviser")
    answer = await adviser.post(f"/campaigns/{campaign_id}/pause")
    assert "refused=state" in answer.headers["location"]
    await served.app.state.assistant.sending.step()
    for action, state in (("pause", "paused"), ("resume", "sending"), ("stop", "stopped")):
        answer = await adviser.post(f"/campaigns/{campaign_id}/{action}")
        assert "done=campaign_" in answer.headers["location"]
        assert (await read_campaign(served.db, campaign_id)).state == state
    assert "refused=state" in (await adviser.post(f"/campaigns/{campaign_id}/resume")).headers["location"]
    shown = await adviser.get(f"/campaigns/{campaign_id}?refused=state")
    assert "la campagne a changé d&#39;état" in shown.text
    assert [action for _, action, _ in await served.audited()] == [
        "campaign_paused",
        "campaign_resumed",
        "campaign_stopped",
    ]


async def test_a_test_goes_to_oneself_and_is_counted_apart(served: Console) -> None:
    """A code that the bot showed links one's own conversation; the test is a message like all, and no result."""
    async with served.db.write() as session:
        own = await add_person(session, "web", topic=None)
        code = await make_code(session, own.id)
    campaign_id = await add_campaign(served.db, is_released=False)
    editor = await served.sign_in("editor")
    answer = await editor.post(f"/campaigns/{campaign_id}/testers", {"code": f" {code.lower()} "})
    assert answer.status_code == 303
    async with served.db.read() as session:
        identity = (await session.scalars(select(Identity))).one()
        assert (await session.scalars(select(CampaignTester.contact_id))).all() == [own.id]
    form = {"address": str(identity.id), "variety": "en"}
    assert (await editor.post(f"/campaigns/{campaign_id}/test", form)).status_code == 303
    await served.app.state.assistant.sending.step()
    async with served.db.read() as session:
        message = (await session.scalars(select(Message))).one()
    assert message.text.startswith(TEXTS["en"]) and message.campaign_id == campaign_id
    page = (await editor.get(f"/campaigns/{campaign_id}/test")).text
    assert "envoyé" in page and "Page web" in page
    assert "Essais envoyés : 1" in (await editor.get(f"/campaigns/{campaign_id}")).text.replace("\u00a0", " ")
    assert [row.is_test for row in await list_recipients(served.db, campaign_id)] == [True]
    # Somebody else's address is not one's own.
    other = await served.sign_in("adviser")
    assert (await other.post(f"/campaigns/{campaign_id}/test", form)).status_code == 422


async def test_codes_are_not_guessed(served: Console) -> None:
    """After five wrong ones in an hour even the right one is not looked at."""
    async with served.db.write() as session:
        own = await add_person(session, topic=None)
        code = await make_code(session, own.id)
    campaign_id = await add_campaign(served.db, is_released=False)
    editor = await served.sign_in("editor")
    for _ in range(5):
        answer = await editor.post(f"/campaigns/{campaign_id}/testers", {"code": "LINK-000000"})
        assert answer.status_code == 422 and "pas valable" in answer.text
    answer = await editor.post(f"/campaigns/{campaign_id}/testers", {"code": code})
    assert answer.status_code == 422 and "Trop de codes faux" in answer.text


async def test_the_thread_says_that_a_message_was_of_a_campaign(served: Console) -> None:
    """With a way to the campaign."""
    async with served.db.write() as session:
        own = await add_person(session, "web", topic=None)
        await add_application(session, own)
        code = await make_code(session, own.id)
    campaign_id = await add_campaign(served.db, is_released=False)
    adviser = await served.sign_in("adviser")
    await adviser.post(f"/campaigns/{campaign_id}/testers", {"code": code})
    async with served.db.read() as session:
        identity = (await session.scalars(select(Identity))).one()
    await adviser.post(f"/campaigns/{campaign_id}/test", {"address": str(identity.id), "variety": "fr"})
    await served.app.state.assistant.sending.step()
    page = (await adviser.get(f"/conversations/{own.id}")).text
    assert f'href="/console/campaigns/{campaign_id}"' in page and f"Campagne n° {campaign_id}" in page


async def test_a_name_stays_with_the_purpose_that_allows_it(served: Console) -> None:
    """Who agreed to hear of events did not agree to be called by the name of their application."""
    async with served.db.write() as session:
        person = await add_person(session)
        await add_application(session, person)
    editor = await served.sign_in("editor")
    campaign_id = await create(editor, purpose="application")
    await write(editor, campaign_id, **{"text-fr": "Bonjour {{ first_name }}, à bientôt."})
    answer = await editor.post(
        f"/campaigns/{campaign_id}/segment", SEGMENT | {"title": "Salons", "purpose": "events", "seen": "2"}
    )
    assert answer.status_code == 422
    assert "first_name" in answer.text and 'value="Salons"' in answer.text
    campaign = await read_campaign(served.db, campaign_id)
    assert (campaign.purpose, campaign.version) == ("application", 2)
    assert "campaign_segment_changed" not in {action for _, action, _ in await served.audited()}
    await write(editor, campaign_id, 2)
    answer = await editor.post(f"/campaigns/{campaign_id}/segment", SEGMENT | {"purpose": "events", "seen": "3"})
    assert answer.status_code == 303


async def test_nobody_overwrites_the_other_s_segment_unknowingly(served: Console) -> None:
    """Of two who have the form open the second one is told; what they typed stays, and saving again is knowingly."""
    editor, other = await served.sign_in("editor"), await served.sign_in("editor")
    campaign_id = await create(editor)
    path = f"/campaigns/{campaign_id}/segment"
    assert 'name="seen" value="1"' in (await other.get(path)).text
    assert (await editor.post(path, SEGMENT | {"title": "La première", "seen": "1"})).status_code == 303
    late = SEGMENT | {"title": "La seconde", "seen": "1"}
    answer = await other.post(path, late)
    assert answer.status_code == 409 and 'role="alert"' in answer.text
    assert 'value="La seconde"' in answer.text and 'name="seen" value="2"' in answer.text
    assert (await read_campaign(served.db, campaign_id)).title == "La première"
    assert (await other.post(path, late | {"seen": "2"})).status_code == 303
    assert (await read_campaign(served.db, campaign_id)).title == "La seconde"
