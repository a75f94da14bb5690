"""The list of conversations and one thread: what they show to whom, and what staff add."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from staffed import Console, SignIn, add_member
from talks import contact_of, hear, meet, tell

from bot.clock import utc_now
from bot.console.conversations.pages import PAGE_SIZE, read_filters
from bot.console.roles import Role
from bot.db.models import Application, AuditEntry, Identity, Interaction
from bot.db.people import open_request
from bot.db.threads import add_note, add_tag

HOSTILE = "<script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>{{7*7}}"
PRIVATE = "je suis Zineb, 06 12 34 56 12, zineb@example.com"


def shown(page: str) -> list[int]:
    """The conversations of a list, in its order."""
    return [int(number) for number in re.findall(r'<li id="c(\d+)"', page)]


async def apply(console: Console, contact_id: int) -> None:
    """The person has an application."""
    async with console.db.write() as session:
        session.add(
            Application(
                reference="JIT-ABCDEF",
                contact_id=contact_id,
                full_name="Zineb Exemple",
                phone="+212612345612",
                email="zineb@example.com",
                city_slug="rabat",
                diploma="bac",
                situation="job_seeker",
                track_slug="undecided",
            )
        )  # fmt: skip


async def test_the_list_shows_what_there_is(any_console: Console) -> None:
    """Channel, variety, topic, state, unread, tags; the newest first; filters combine and stand in the address."""
    console = any_console
    first = await meet(console.db, channel="whatsapp", variety="ary-Latn", name="A")
    await hear(console.db, first, "chhal f taman ?", variety="ary-Latn", intent="jobintech_cost", confidence=0.4)
    second = await meet(console.db, name="B")
    await hear(console.db, second, "Bonjour", confidence=0.95)
    await tell(console.db, second, "Bienvenue")
    async with console.db.write() as session:
        await add_tag(session, first, "à rappeler")
        await open_request(session, first, "human", None)
    client = await console.sign_in("adviser")
    page = (await client.get("/conversations")).text
    assert shown(page) == [second, first]
    for words in ("WhatsApp", "Darija", "C&#39;est gratuit ?", "attend depuis 0 min", "à rappeler", "Bienvenue"):
        assert words in page
    assert shown((await client.get("/conversations?view=waiting")).text) == [first]
    assert shown((await client.get("/conversations?text=شحال")).text) == [first]
    assert shown((await client.get("/conversations?text=شحال&channel=telegram")).text) == []
    assert shown((await client.get("/conversations?confidence_max=0.5&tag=à rappeler&intent=jobintech_cost")).text) == [
        first
    ]
    assert shown((await client.get("/conversations?view=unread")).text) == [second, first]


async def test_the_list_pages_by_key(any_console: Console) -> None:
    """Each conversation is on exactly one page, whatever is written meanwhile."""
    console = any_console
    people = [await meet(console.db) for _ in range(PAGE_SIZE + 2)]
    for contact_id in people:
        await hear(console.db, contact_id)
    client = await console.sign_in("analyst")
    page = (await client.get("/conversations")).text
    seen = shown(page)
    await hear(console.db, people[-1], "encore")
    following = html.unescape(re.findall(r'href="/console(/conversations[^"]*)" rel="next"', page)[0])
    page = (await client.get(following)).text
    assert seen + shown(page) == people[::-1]
    assert 'rel="next"' not in page
    assert shown((await client.get("/conversations?after=nonsense")).text) == people[:1:-1]


async def test_who_waits_longest_is_on_top(console: Console, signed_in: SignIn) -> None:
    """Whatever they wrote since."""
    late, early = await meet(console.db), await meet(console.db)
    for contact_id in (early, late):
        await hear(console.db, contact_id)
        async with console.db.write() as session:
            await open_request(session, contact_id, "human", None)
    await hear(console.db, early, "toujours là")
    client = await signed_in("adviser")
    assert shown((await client.get("/conversations?view=waiting")).text) == [early, late]
    assert '<span class="cv-number">2</span>' in (await client.get("/")).text


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"confidence_min": "3"}, "confidence_min"),
        ({"confidence_min": "0.9", "confidence_max": "0.1"}, "confidence_min"),
        ({"from": "hier"}, "from"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"text": "??"}, "text"),
        ({"channel": "fax"}, "channel"),
        ({"tag": "x" * 65}, "tag"),
        ({"intent": "A B"}, "intent"),
    ],
)
async def test_a_wrong_filter_is_said_at_its_field(signed_in: SignIn, asked: dict[str, str], field: str) -> None:
    """The others count, and what was typed is still there."""
    _, errors = read_filters(asked | {"variety": "fr"})
    assert list(errors) == [field]
    page = await (await signed_in("adviser")).get("/conversations", params=asked | {"variety": "fr"})
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text and 'aria-invalid="true"' in page.text
    assert '<option value="fr" selected>' in page.text


async def test_the_list_is_asked_for_news(console: Console, signed_in: SignIn) -> None:
    """Nothing comes while nothing changed; then the rows alone."""
    contact_id = await meet(console.db)
    await hear(console.db, contact_id)
    client = await signed_in("adviser")
    page = (await client.get("/conversations")).text
    poll = html.unescape(re.findall(r'hx-get="/console(/conversations[^"]*)"', page)[0])
    asking = {"HX-Request": "true"}
    assert (await client.get(poll, headers=asking)).status_code == 204
    await hear(console.db, contact_id, "du nouveau")
    news = await client.get(poll, headers=asking)
    assert news.status_code == 200 and "du nouveau" in news.text and "<html" not in news.text
    assert "<html" in (await client.get(poll)).text


@pytest.mark.parametrize("role", ["administrator", "adviser", "editor", "analyst"])
async def test_personal_data_are_dots(console: Console, signed_in: SignIn, role: Role) -> None:
    """For everybody, until somebody who answers people asks for one conversation; the log says so, once a session."""
    contact_id, other = await meet(console.db, name="Zineb"), await meet(console.db, name="Zineb")
    for number in (contact_id, other):
        await hear(console.db, number, PRIVATE, entities=[{"entity": "person_name", "value": "Zineb"}])
    await apply(console, contact_id)
    async with console.db.write() as session:
        await add_note(session, contact_id, "rappeler Zineb au 06 12 34 56 12", "Équipe")
        session.add(
            Interaction(contact_id=contact_id, message_id=1, action="action_x", lookup={"name": "Zineb"},
                        outcome="done", duration_ms=1.0)
        )  # fmt: skip
    client = await signed_in(role)
    for path in ("/conversations", f"/conversations/{contact_id}"):
        page = (await client.get(path)).text
        assert "Zineb" not in page and "34 56" not in page and "zineb" not in page
        assert "Z••••" in page
    answer = await client.post(f"/conversations/{contact_id}/reveal")
    if role in ("editor", "analyst"):
        assert answer.status_code == 403
        return
    await client.post(f"/conversations/{contact_id}/reveal")
    page = (await client.get(f"/conversations/{contact_id}")).text
    assert "06 12 34 56 12" in page and "zineb@example.com" in page
    assert "Zineb" not in (await client.get(f"/conversations/{other}")).text
    assert [entry[1:] for entry in await console.audited()] == [("conversation_revealed", f"contact:{contact_id}")]
    assert client.member is not None
    again = await console.sign_in(member=client.member)
    async with console.db.write() as session:
        seen = await session.scalar(select(AuditEntry.done_at))
    assert seen is not None and "Zineb" not in (await again.get(f"/conversations/{contact_id}")).text


async def test_a_thread_shows_what_stands_behind(any_console: Console) -> None:
    """Directions, days, who spoke, buttons, delivery and errors, and what the machine understood and looked up."""
    console, yesterday = any_console, utc_now() - timedelta(days=1)
    contact_id = await meet(console.db, variety="ary-Arab")
    number = await hear(
        console.db, contact_id, "فين المراكز؟", yesterday, variety="ary-Arab", intent="jobintech_locations",
        confidence=0.71, ranking=[{"intent": "jobintech_locations", "confidence": 0.71}],
        entities=[{"entity": "city", "value": "rabat"}], timings={"rasa": 41.5},
    )  # fmt: skip
    async with console.db.write() as session:
        session.add(
            Interaction(contact_id=contact_id, message_id=number, action="action_list_centres",
                        lookup={"city": "rabat"}, rows_found=3, outcome="centres", duration_ms=4.25)
        )  # fmt: skip
    await tell(console.db, contact_id, "الرباط", variety="ary-Arab", buttons=[{"title": "الموقع", "url": "https://example.com"},
               {"title": "bad", "url": "javascript:x"}], state="failed", error="400: refused", attempts=3)  # fmt: skip
    member = await add_member(console.db, "adviser", name="Conseiller Exemple")
    await tell(console.db, contact_id, "Bonjour", is_staff=True, staff_id=member.id)
    page = (await (await console.sign_in(member=member)).get(f"/conversations/{contact_id}")).text
    for part in ('dir="rtl" lang="ary-Arab">فين المراكز؟', "71 %", "<meter", "action_list_centres",
                 "lignes trouvées\u00a0: 3",
                 "4.2 ms", "41.5 ms", "city", "400: refused", "pas envoyé", "3 essais", "Conseiller Exemple",
                 'href="https://example.com"'):  # fmt: skip
        assert part in page, part
    assert "javascript:" not in page
    assert page.count('class="cv-day"') == 2


async def test_who_sees_dots_can_not_ask_for_what_is_behind_them(console: Console, signed_in: SignIn) -> None:
    """A number or an address is not searched for by who may not see it: the same answer whether it is there or not."""
    contact_id = await meet(console.db)
    await hear(console.db, contact_id, "mon numéro est le 0661 22 33 44, salma.idrissi@example.com")
    row = f"/console/conversations/{contact_id}"
    for role in ("analyst", "editor"):
        client = await signed_in(role)
        for text in ("0661223344", "22 33 44", "salma.idrissi@example.com", "salma.idr", "0699999999"):
            answer = await client.get("/conversations", params={"text": text})
            assert answer.status_code == 422 and "Votre rôle cherche par mots" in answer.text
            assert f'value="{text}"' in answer.text and 'aria-describedby="text-hint text-error"' in answer.text
        assert row in (await client.get("/conversations?text=numéro")).text
    adviser = await signed_in("adviser")
    answer = await adviser.get("/conversations", params={"text": "salma.idrissi@example.com"})
    assert answer.status_code == 200 and row in answer.text


async def test_what_did_not_arrive_is_found(console: Console, signed_in: SignIn) -> None:
    """The filter is a box, a chip and a part of the address."""
    reached, lost = await meet(console.db), await meet(console.db)
    await tell(console.db, reached, "bien arrivé", state="delivered")
    await tell(console.db, lost, "jamais arrivé", state="failed")
    page = (await (await signed_in("analyst")).get("/conversations?undelivered=1")).text
    assert "jamais arrivé" in page and "bien arrivé" not in page
    assert 'name="undelivered" value="1" checked' in page and page.count("Pas distribué") >= 2


async def test_a_message_has_a_permanent_address(console: Console, signed_in: SignIn) -> None:
    """It leads to where the message stands, however far back; to a 404 for one that is nowhere."""
    contact_id = await meet(console.db)
    numbers = [await hear(console.db, contact_id, f"message {n}") for n in range(100)]
    client = await signed_in("analyst")
    answer = await client.get(f"/messages/{numbers[3]}")
    assert answer.headers["location"] == f"/console/conversations/{contact_id}?around={numbers[3]}#m{numbers[3]}"
    page = (await client.get(answer.headers["location"].removeprefix("/console"))).text
    assert f'id="m{numbers[3]}"' in page and f'id="m{numbers[99]}"' not in page
    for path in ("/messages/99999999999", "/messages/2147483647", "/conversations/2147483647",
                 "/conversations/99999999999", f"/conversations/{contact_id}?around=2147483647"):  # fmt: skip
        assert (await client.get(path)).status_code == 404


async def test_tags_and_notes(any_console: Console) -> None:
    """Each change is in the log without what was written; what is wrong comes back filled."""
    console = any_console
    contact_id = await meet(console.db)
    number = await hear(console.db, contact_id)
    client, path = await console.sign_in("adviser"), f"/conversations/{contact_id}"
    assert (await client.post(f"{path}/tags", {"tag": " à  rappeler "})).status_code == 303
    assert (await client.post(f"{path}/notes", {"note": "Rappeler lundi"})).status_code == 303
    page = (await client.get(path)).text
    assert "à rappeler" in page and "Rappeler lundi" in page
    for form, value in (("tags", {"tag": "x" * 49}), ("notes", {"note": "y" * 4_001})):
        refused = await client.post(f"{path}/{form}", value)
        assert refused.status_code == 422 and next(iter(value.values())) in refused.text
        assert 'aria-invalid="true"' in refused.text
    await client.post(f"{path}/read", {"upto": str(number)})
    assert (await contact_of(console.db, contact_id)).unread == 0
    await client.post(f"{path}/untag", {"tag": "à rappeler"})
    await client.post(f"{path}/untag", {"tag": "à rappeler"})
    assert [action for _, action, _ in await console.audited()] == [
        "conversation_tagged", "conversation_noted", "conversation_read", "conversation_untagged",
    ]  # fmt: skip
    async with console.db.read() as session:
        assert all("lundi" not in str(details) for details in await session.scalars(select(AuditEntry.details)))


async def test_hostile_text_is_escaped(console: Console, signed_in: SignIn) -> None:
    """In messages, names, file names, buttons, tags and notes, masked or not."""
    contact_id = await meet(console.db, name=HOSTILE)
    attachments = [{"kind": "document", "file_name": HOSTILE}, {"kind": HOSTILE}]
    await hear(console.db, contact_id, HOSTILE, attachments=attachments, intent="nlu_fallback",
               payload="/x" + HOSTILE[:40], entities=[{"entity": HOSTILE, "value": HOSTILE}])  # fmt: skip
    await tell(console.db, contact_id, HOSTILE, buttons=[{"title": HOSTILE, "url": HOSTILE}], error=HOSTILE)
    async with console.db.write() as session:
        await add_tag(session, contact_id, HOSTILE[:48])
        await add_note(session, contact_id, HOSTILE, HOSTILE[:64])
        identity = (await session.scalars(select(Identity))).one()
        identity.profile = {"name": HOSTILE, "username": HOSTILE}
    client = await signed_in("adviser")
    await client.post("/conversations/ready", {"title": HOSTILE[:60], "text": HOSTILE})
    for path in ("/conversations", f"/conversations/{contact_id}", "/conversations/ready"):
        assert_inert((await client.get(path)).text)
    await client.post(f"/conversations/{contact_id}/claim")
    for path in ("/conversations", f"/conversations/{contact_id}"):
        assert_inert((await client.get(path)).text)
    refused = await client.post(f"/conversations/{contact_id}/tags", {"tag": HOSTILE})
    assert_inert(refused.text)
    assert_inert((await client.get("/conversations", params={"text": HOSTILE, "tag": HOSTILE})).text)


def assert_inert(page: str) -> None:
    """No markup of a stranger's."""
    assert "<script>" not in page and "<img src=x" not in page and "49}" not in page
    assert re.search(r"<[^>]* onerror=[^>]*>", re.sub(r'"[^"]*"', '""', page)) is None
