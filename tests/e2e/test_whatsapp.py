"""WhatsApp end to end: signed posts in, and replies out through Twilio's client, each checked by Twilio's specs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running import RunningApp, make_settings

from bot.app import whatsapp_words
from e2e.databases import new_database
from e2e.log import Log
from e2e.varieties import guess_variety
from e2e.whatsapp import OURS, PUBLIC_URL, WEBHOOK, Person, Twilio, list_choices, make_channel
from tests.channels.twilio_spec import ACCOUNT_SID, refusal


@pytest.fixture(scope="module")
def twilio() -> Twilio:
    """Twilio, with an account without templates."""
    return Twilio()


@pytest.fixture(scope="module")
def app(
    ports: tuple[int, int], rasa_url: str, twilio: Twilio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApp]:
    """The app with a WhatsApp sender."""
    settings = make_settings(
        port=ports[0],
        rasa_url=rasa_url,
        database_url=new_database(tmp_path_factory.mktemp("whatsapp")),
        public_url=PUBLIC_URL,
    )
    with RunningApp(settings, channels={"whatsapp": make_channel(twilio)}) as running:
        yield running


@pytest.fixture
def person(app: RunningApp, twilio: Twilio) -> Iterator[Person]:
    """Somebody new; every request to Twilio that followed must have been right."""
    yield Person(app, twilio)
    assert twilio.problems == []


def test_text(person: Person, log: Log) -> None:
    """A question gets its answer from our number with a status callback, and the log has both with Twilio's ids."""
    message = person.compose("bonsoir, faut payer combien pour JobInTech ?")
    assert person.post(message) == 200
    (inbound,) = log.wait_for_answers(person.address, 1)
    (sent,) = person.received()
    assert "gratuit" in sent["Body"]
    assert "Le360" in sent["Body"]
    assert (sent["From"], sent["StatusCallback"]) == (OURS, f"{PUBLIC_URL}{WEBHOOK}")
    assert (inbound["state"], inbound["intent"], inbound["external_id"]) == (
        "answered",
        "jobintech_cost",
        message["MessageSid"],
    )
    (outbound,) = log.list_replies(inbound["id"])
    assert (outbound["state"], outbound["answer_key"]) == ("sent", "utter_jobintech_cost")
    assert re.fullmatch(r"SM[0-9a-f]{32}", outbound["external_id"])


@pytest.mark.parametrize("variety", ["ary-Latn", "ary-Arab", "ar", "en"])
def test_variety(person: Person, log: Log, variety: str) -> None:
    """Questions in the other varieties are answered in them, the hint under the numbered list too."""
    asked = {
        "ary-Latn": "bghit chi incubateur f rabat l startup dyali",
        "ary-Arab": "بغيت شي حاضنة فالرباط للستارتاپ ديالي",
        "ar": "أبحث عن حاضنة أعمال لشركتي الناشئة في مدينة الرباط",
        "en": "is there an incubator in Rabat that would take my startup?",
    }
    person.write(asked[variety])
    log.wait_for_answers(person.address, 1)
    text = "\n".join(message["Body"] for message in person.received())
    assert "StartGate Rabat" in text
    assert guess_variety(text) == variety
    hint = text.rpartition("\n")[2]
    assert hint == whatsapp_words()[variety].numbered


@pytest.mark.parametrize("choice", ["3", " 3. ", "٣", "{title}", "{title} !", "{TITLE}"])
def test_choice(person: Person, log: Log, choice: str) -> None:
    """The number of a choice in either kind of digits, or its words, choose it."""
    person.write("il y a un incubateur pour ma startup sur Rabat ?")
    log.wait_for_answers(person.address, 1)
    # The first one is for the rest of the answer.
    title = list_choices(person.received()[-1]["Body"])[2]
    assert title == "StartGate Rabat"
    person.write(choice.format(title=title, TITLE=title.upper()))
    inbound = log.wait_for_answers(person.address, 2)[1]
    answer = person.received()[-1]["Body"]
    assert answer.startswith("StartGate Rabat")
    assert log.list_replies(inbound["id"])[0]["answer_key"] == "programme_details"
    assert guess_variety(answer) == "fr"


def test_number_without_choice(person: Person, log: Log) -> None:
    """A number beyond the list chooses nothing, and is answered all the same."""
    person.write("il y a un incubateur pour ma startup sur Rabat ?")
    log.wait_for_answers(person.address, 1)
    person.write("97")
    inbound = log.wait_for_answers(person.address, 2)[1]
    (outbound,) = log.list_replies(inbound["id"])
    assert outbound["answer_key"] not in ("programme_details", "apology")


def test_button_of_a_template(person: Person, log: Log) -> None:
    """A quick reply that was tapped is answered by its payload."""
    person.write("Technopark", ButtonText="Technopark", ButtonPayload="/event_search", MessageType="button")
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert inbound["payload"] == "/event_search"
    assert "GITEX Africa" in person.received()[0]["Body"]


def test_location_and_photo(person: Person, log: Log) -> None:
    """A location near Fès is understood as Fès, and a photo gets a friendly answer."""
    person.write("", MessageType="location", Latitude="34.06", Longitude="-4.97")
    log.wait_for_answers(person.address, 1)
    assert "Fès" in person.received()[0]["Body"]
    person.write("", NumMedia="1", MediaContentType0="image/jpeg", MediaUrl0="https://api.twilio.com/media/1")
    inbound = log.wait_for_answers(person.address, 2)[1]
    assert log.list_replies(inbound["id"])[0]["answer_key"] == "unsupported"


def test_status_callbacks(person: Person, log: Log) -> None:
    """Reports of delivery and reading reach the log, and one that comes late does not take it back."""
    person.write("on reçoit une bourse pendant la formation ou pas ?")
    (inbound,) = log.wait_for_answers(person.address, 1)
    sid = log.list_replies(inbound["id"])[0]["external_id"]

    def report(status: str) -> dict[str, Any]:
        fields = {
            "MessageSid": sid,
            "MessageStatus": status,
            "To": person.address,
            "From": OURS,
            "AccountSid": ACCOUNT_SID,
        }
        assert person.post(fields) == 200
        return log.list_replies(inbound["id"])[0]

    assert report("sent")["state"] == "sent"
    delivered = report("delivered")
    assert (delivered["state"], delivered["delivered_at"] is None, delivered["read_at"]) == ("delivered", False, None)
    read = report("read")
    assert (read["state"], read["read_at"] is None) == ("read", False)
    late = report("delivered")
    assert (late["state"], late["delivered_at"]) == ("read", delivered["delivered_at"])
    assert len(person.received()) == 1


def test_report_of_failure(person: Person, log: Log) -> None:
    """A report that a message failed marks it with Twilio's code."""
    person.write("on reçoit une bourse pendant la formation ou pas ?")
    (inbound,) = log.wait_for_answers(person.address, 1)
    sid = log.list_replies(inbound["id"])[0]["external_id"]
    fields = {
        "MessageSid": sid,
        "MessageStatus": "undelivered",
        "ErrorCode": "63016",
        "To": person.address,
        "From": OURS,
    }
    assert person.post(fields) == 200
    (outbound,) = log.list_replies(inbound["id"])
    assert outbound["state"] == "failed"
    assert "63016" in outbound["error"]


def test_wrong_signature(person: Person, log: Log) -> None:
    """A post that another token signed, or that was changed after signing, is refused and leaves no row."""
    before = log.rows("SELECT count(*) AS messages FROM messages")
    message = person.compose("bonsoir")
    assert person.post(message, token="f" * 32) == 403
    assert person.post({**message, "Body": "bonsoit"}, signed=message) == 403
    assert httpx.post(person._url, data=message).status_code == 403
    assert log.rows("SELECT count(*) AS messages FROM messages") == before
    assert log.rows("SELECT id FROM identities WHERE address = ?", person.address) == []


def test_signed_but_malformed(person: Person, log: Log) -> None:
    """A signed post without a sender is refused as malformed and leaves no row."""
    before = log.rows("SELECT count(*) AS messages FROM messages")
    message = person.compose("bonsoir")
    del message["From"]
    assert person.post(message) == 422
    assert log.rows("SELECT count(*) AS messages FROM messages") == before


def test_redelivery(person: Person, log: Log) -> None:
    """The same message, posted again, is taken but answered once."""
    message = person.compose("parle-moi un peu de 212 Founders")
    assert [person.post(message) for _ in range(3)] == [200, 200, 200]
    log.wait_for_answers(person.address, 1)
    assert person.post(message) == 200
    person.write("on reçoit une bourse pendant la formation ou pas ?")
    assert len(log.wait_for_answers(person.address, 2)) == 2
    assert ["212 Founders" in sent["Body"] for sent in person.received()] == [True, False]


def test_opted_out(person: Person, twilio: Twilio, log: Log) -> None:
    """Somebody who opted out at Twilio is marked and not tried again."""
    twilio.answers.append(refusal(400, 21610, "Attempt to send to unsubscribed recipient"))
    person.write("on reçoit une bourse pendant la formation ou pas ?")
    (inbound,) = log.wait_for_answers(person.address, 1)
    (outbound,) = log.list_replies(inbound["id"])
    assert (outbound["state"], outbound["next_attempt_at"]) == ("undeliverable", None)
    assert log.find_identity(person.address)["blocked_at"] is not None
    assert person.received() == []


def test_twilio_is_busy(person: Person, twilio: Twilio, log: Log) -> None:
    """A message that Twilio refuses for now goes out a little later, once."""
    twilio.answers.append(refusal(429, 20429, "Too many requests", Retry_After="1"))
    person.write("on reçoit une bourse pendant la formation ou pas ?")
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert [row["state"] for row in log.list_replies(inbound["id"])] == ["sent"]
    assert len(person.received()) == 1


def test_window(person: Person, log: Log) -> None:
    """The start of the 24-hour window is known of everybody who wrote."""
    person.write("bonsoir")
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert log.find_identity(person.address)["last_inbound_at"] is not None
    assert log.find_identity(person.address)["last_inbound_at"] <= inbound["finished_at"]
