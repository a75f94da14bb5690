"""Answers of journeys with data of every shape that their texts know."""

from __future__ import annotations

from typing import Any, get_args

from bot.content import load_words
from bot.journeys.catalogue import JOURNEYS
from bot.messages import Answer
from bot.reach import Promise

_EVENT = {
    "name": "Atelier Démo",
    "city": "rabat",
    "place": "Technopark",
    "begins_at": "2026-12-05T17:30:00+00:00",
    "finishes_at": None,
    "is_demo": True,
}
_BARE_EVENT = {**_EVENT, "city": None, "place": None, "is_demo": False}
_PROGRAMME: dict[str, Any] = {
    "slug": "bidaya", "name": "Bidaya", "kind": "incubator", "operator": None, "city_slugs": ["casablanca"],
    "stages": ["idea"], "sectors": [], "offers": ["mentoring"], "takes_equity": False, "amount_min_dh": None,
    "amount_max_dh": 100_000, "duration_months": 6, "summary": {"fr": "-"}, "website": None, "uncertain": False,
    "reasons": ["need", "city", "stage", "all_sectors"],
}  # fmt: skip
_OPEN_PROGRAMME = {
    **_PROGRAMME, "city_slugs": [], "stages": [], "offers": [], "takes_equity": True, "amount_max_dh": None,
    "uncertain": True, "reasons": [],
}  # fmt: skip
_SAID = {
    "full_name": "-", "phone": "+212612345678", "email": "a@exemple.ma", "city": "rabat", "diploma": "bac+2",
    "situation": "jobseeker", "track": "undecided", "age": "29", "organisation": "-", "request": "-", "stage": "idea",
    "need": "money", "sector": "health",
}  # fmt: skip
PROMISES = get_args(Promise)
_COHORT = {
    "title": "Data", "operator": "ENSAM", "city": "rabat", "starts_on": "2027-01-11", "ends_on": "2027-05",
    "enrolment": "open", "enrol_until": "2027-01-04",
}  # fmt: skip
_BARE_COHORT = {**_COHORT, "operator": None, "city": None, "ends_on": None, "enrolment": None, "enrol_until": None}
_ENTRY = {"title": {"fr": "-"}, "summary": {"fr": "-"}, "publisher": "Le360"}
_LISTED = {
    **_EVENT, "slug": "x", "usual_month": None, "status": "confirmed", "starts_on": "2026-12-05", "ends_on": None,
    "last_starts_on": None, "last_ends_on": None, "summary": {"fr": "-"}, "price_dh": 50,
}  # fmt: skip
_STATES = tuple(load_words()["fr"].names["application_state"])


def _verdict(verdict: str, **changes: Any) -> Answer:
    data: dict[str, Any] = {
        "verdict": verdict, "reason": {}, "diploma": "bac+2", "situation": "employee", "age": None, "city": "rabat",
        "has_classes": True, "is_announced": False, "nearest": [], "alternatives": [],
    }  # fmt: skip
    return Answer("eligibility_verdict", data | changes)


JOURNEY_ANSWERS: tuple[Answer, ...] = (
    *(Answer(f"begin_{name}") for name in JOURNEYS),
    *(
        Answer(key, {"journey": name}, ((f'/resume_journey{{"journey": "{name}"}}', None),))
        for name in JOURNEYS
        for key in ("journey_resumed", "journey_cancelled", "journey_paused", "journey_waiting")
    ),
    Answer("journey_goes_on"),
    Answer("journey_over"),
    *(Answer("journey_noted", {"noted": {name: value}}) for name, value in _SAID.items()),
    Answer("journey_noted", {"noted": {"city": "rabat", "age": "29"}}),
    Answer("choose_correction", {}, tuple((f'/correct_answer{{"field": "{name}"}}', None) for name in _SAID)),
    *(
        Answer(f"ask_{field}", {"journey": name, "can_share": shares, "can_skip": shares, "answers": _SAID})
        for name, journey in JOURNEYS.items()
        for field in journey.fields
        for shares in (True, False)
    ),
    *(
        Answer(f"problem_{code}", data)
        for code in (
            *("diploma", "situation", "city", "track", "full_name", "name", "phone", "consent_application", "stage"),
            *("consent_contact", "review", "too_short", "age", "email", "need", "sector"),
        )
        for data in ({}, {"said": "200", "low": "15", "high": "75"})
    ),
    Answer("ask_review", {"journey": "preregistration", "answers": {**_SAID, "email": "none"}}),
    Answer("journey_noted", {"noted": {"email": "none"}}),
    Answer("problem_name_short", {"said": "Sara"}),
    Answer("problem_email_slip", {"said": "a@gmial.com", "meant": "a@gmail.com"}),
    _verdict("fits", is_announced=True),
    _verdict("fits"),
    _verdict("unclear", has_classes=False, nearest=["rabat", "fes"], age="29"),
    _verdict("unclear", alternatives=[{"name": "YouCode", "summary": {}, "website": None}]),
    _verdict("refused", has_classes=False),
    Answer("consent_refused"),
    *(
        Answer("application_received", {"reference": "JIT-000000", "may_contact": may_contact, "promise": promise})
        for may_contact in (True, False)
        for promise in PROMISES
    ),
    Answer("application_corrected", {"reference": "JIT-000000", "fields": ["phone", "city"]}),
    Answer("application_corrected", {"reference": "JIT-000000", "fields": []}),
    *(Answer("correction_closed", {"state": state}, (("/request_human", None),)) for state in _STATES),
    Answer("link_code_unsent", {}, (("/request_human", None),)),
    Answer("link_blocked"),
    Answer("more_gone"),
    Answer("erasure_kept"),
    Answer("register_which", {}, (("/event_register", None), ("/application_start", None))),
    Answer("withdraw_application", {"reference": "JIT-000000"}, (("/withdraw_application", None),)),
    Answer(
        "withdraw_confirm",
        {"reference": "JIT-000000"},
        (("/confirm_withdrawal", "@withdraw"), ("/keep_application", "@keep_application")),
    ),
    Answer("application_withdrawn", {"reference": "JIT-000000"}),
    Answer("application_kept"),
    Answer("compare_which"),
    Answer("link_kept"),
    *(
        Answer("subscribed", {"topic": topic, "already": already, "wish": wish, "promise": promise}, wider)
        for topic in ("cohorts", "events", "publications")
        for already in (True, False)
        for wish in ({}, {"city": "rabat"}, {"city": "rabat", "track": "data"}, {"topic": "ai"})
        for wider in ((), ((f'/subscribe_updates{{"topic": "{topic}", "city": "all"}}', "@everything"),))
        for promise in PROMISES
    ),
    *(
        Answer(key, {**data, "fact_slugs": []}, (("/unsubscribe", None),))
        for key, data in (
            ("news_cohort", _COHORT),
            ("news_cohort", _BARE_COHORT),
            ("news_event", {**_EVENT, "summary": {"fr": "-"}, "starts_on": "2026-12-05"}),
            ("news_event", {**_BARE_EVENT, "summary": {}, "starts_on": "2026-12-05", "begins_at": None}),
            ("news_event", {**_BARE_EVENT, "summary": {}, "starts_on": None, "begins_at": None}),
            ("news_publication", {**_ENTRY, "published_on": "2026-11", "url": "https://a.ma/x"}),
            ("news_publication", {**_ENTRY, "published_on": None, "url": None}),
        )
    ),
    *(
        Answer(key, {"city": city, "track": None, part: [_COHORT, _BARE_COHORT], "fact_slugs": []})
        for key, part in (("cohorts_upcoming", "cohorts"), ("cohorts_none", "latest"))
        for city in ("rabat", None)
    ),
    *(
        Answer("application_moved", {"reference": "JIT-000000", "state": state, "note": note})
        for state in _STATES
        for note in ("", "<b>09/12 10:00</b>")
    ),
    Answer("place_closed", {"name": "Atelier"}),
    *(
        Answer("place_withdrawn", {**event, "note": note})
        for event in (_EVENT, _BARE_EVENT)
        for note in ("", "+212 522 00 00 00")
    ),
    *(
        Answer(key, {"reference": "JIT-000000", "state": state})
        for key in ("application_exists", "application_moved")
        for state in _STATES
    ),
    Answer(
        "application_file",
        {
            "reference": "JIT-000000", "state": "checking", "city": "rabat", "track": "data",
            "history": [{"state": state, "day": "2026-11-28"} for state in _STATES],
        },
    ),
    Answer("request_sent", {"reference": "MNC-000000", "kind": "support"}),
    Answer("data_export", {"json": "https://a.ma/x.json", "pdf": "https://a.ma/x.pdf", "minutes": 30}),
    Answer("data_erased", {"reference": "DEL-000000", "day": "2026-11-28", "messages": 12, "applications": 1}),
    Answer(
        "my_data",
        {
            "since": "2026-11-28", "messages": 1, "channels": ["web"], "chosen_variety": "en", "subscriptions": [],
            "open_requests": 0, "application": "JIT-000000", "registrations": 2,
            "consents": [
                {"purpose": "application", "is_given": True, "day": "2026-11-28"},
                {"purpose": "contact", "is_given": False, "day": "2026-11-28"},
            ],
        },
    ),
    *(Answer(key, {"code": "LINK-000000", "minutes": 15}) for key in ("link_code", "link_code_requested")),
    Answer("link_code_sent", {"minutes": 15}),
    Answer("linked", {"journey": None}),
    Answer("linked", {"journey": "preregistration"}),
    Answer("link_failed"),
    Answer("link_same"),
    Answer(
        "link_confirm", {}, (('/confirm_link{"code": "LINK-000000"}', "@link_channels"), ("/keep_apart", "@keep_apart"))
    ),
    Answer("application_elsewhere", {"by": "phone"}, (("/send_link_code", None),)),
    Answer("application_elsewhere", {"by": "email"}),
    *(
        Answer(
            key,
            {
                **event, "reference": "EVT-0", "position": 3, "already": already, "until": event["begins_at"],
                "promise": promise, "reminders": ["event_tomorrow", "event_soon"],
            },
        )
        for key in (
            *("place_taken", "place_waiting", "place_offered", "place_lapsed", "place_cancelled"),
            *("event_tomorrow", "event_soon"),
        )
        for event in (_EVENT, _BARE_EVENT)
        for already in (True, False)
        for promise in PROMISES
    ),
    *(
        Answer("place_taken", {**_EVENT, "reference": "-", "already": False, "promise": each, "reminders": planned})
        for each in PROMISES
        for planned in (["event_soon"], [])
    ),
    *(Answer("place_elsewhere", {"name": "X", "website": "https://a.ma", "is_over": over}) for over in (True, False)),
    *(Answer(key) for key in ("place_choose", "place_none", "place_which", "places_none")),
    *(Answer("place_gone", {"name": name}) for name in ("X", None)),
    Answer(
        "places_list",
        {
            "places": [
                {**event, "state": state, "reference": "EVT-000000"}
                for event in (_EVENT, _BARE_EVENT)
                for state in ("registered", "waiting", "offered")
            ]
        },
    ),
    Answer(
        "event_details",
        {
            "event": {
                "slug": "x", "name": "X", "organiser": None, "city": "rabat", "usual_month": None, "summary": {},
                "status": "confirmed", "starts_on": "2026-12-05", "ends_on": None, "last_starts_on": None,
                "last_ends_on": None, "website": None, "begins_at": "2026-12-05T17:30:00+00:00",
                "place": "Technopark", "price_dh": 0, "map": "https://www.openstreetmap.org/", "is_demo": True,
            }
        },
    ),
    *(
        Answer(key, {"wanted": wanted, "programmes": [_PROGRAMME, _OPEN_PROGRAMME], "start": start, "more": more})
        for key in ("programmes_ranked", "programmes_unmatched")
        for wanted in ({"city": "rabat"}, {})
        for more in (0, 1, 4)
        for start in (0, 3)
    ),
    Answer("programmes_compared", {"programmes": [_PROGRAMME, _OPEN_PROGRAMME]}, (("/other_city", None),)),
    Answer("rate_thanks", {"value": "up"}),
    Answer("rate_thanks", {"value": "down"}),
    Answer("bot_is_back"),
    *(
        Answer(
            "checklist",
            {
                "documents": [{"title": {"fr": "-"}, "is_ready": ready} for ready in (True, all_ready)],
                "is_complete": all_ready,
            },
            (('/show_checklist{"document": "transcripts"}', None), ("/remind_checklist", None)),
        )
        for all_ready in (True, False)
    ),
    *(Answer("checklist_reminder_set", {"days": 3, "promise": promise}) for promise in PROMISES),
    Answer("checklist_reminder", {}, (("/show_checklist", None),)),
    *(
        Answer("human_requested", {"already": already, "there_until": until, "there_from": start})
        for already in (True, False)
        for until, start in ((None, None), ("2026-11-30T17:00+01:00", None), (None, "2026-12-01T09:00+01:00"))
    ),
    *(
        Answer(key, {"city": None, "month": None, "topic": None, "period": period, "events": [_LISTED]})
        for key in ("events_upcoming", "events_none")
        for period in (None, {"first": "2026-11-30", "last": "2026-12-06"})
    ),
)  # fmt: skip
