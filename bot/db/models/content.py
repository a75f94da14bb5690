"""The content that staff keep: facts, trainings, programmes, events, publications, rules."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.db.base import Base


class Seeded:
    """Columns of a row that the product ships with and that staff may change.

    `seed_hash` is the hash of the shipped values at the last seeding; a row whose values differ from it was edited by
    staff, and seeding leaves it alone. A row that staff put aside stays, so that seeding does not bring it back and who
    refers to it still can; queries leave it out unless they say ``with_retired`` (see `bot.db.engine`).
    """

    #: Stable name, used in payloads, seed files and addresses: lower-case ASCII with hyphens, at most 32 characters.
    slug: Mapped[str] = mapped_column(String(32), primary_key=True)
    seed_hash: Mapped[str | None] = mapped_column(String(64))
    #: With a value, since conditions are written on the mixin itself.
    retired_at: Mapped[datetime | None] = mapped_column()


class Fact(Seeded, Base):
    """One sourced statement. Texts show its values and its source by `slug` (``jit-006``)."""

    __tablename__ = "facts"

    topic: Mapped[str] = mapped_column(String(32), index=True)
    statement_fr: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Name of who published it, short: "Le360", "MAP / allAfrica".
    publisher: Mapped[str] = mapped_column(String(120))
    source_title: Mapped[str]
    #: Null when the source is not a public address: then it is background and is never shown as a link.
    source_url: Mapped[str | None]
    #: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; null when the source is not dated.
    as_of: Mapped[str | None] = mapped_column(String(10))
    as_of_note: Mapped[str | None]
    confidence: Mapped[str] = mapped_column(String(8))


class City(Seeded, Base):
    """A town, with its region and place on the map (WGS 84 degrees), to name the nearest one to a shared location."""

    __tablename__ = "cities"

    name: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(64), index=True)
    latitude: Mapped[float]
    longitude: Mapped[float]


class Operator(Seeded, Base):
    """A school, company or body that runs trainings or programmes."""

    __tablename__ = "operators"

    name: Mapped[str] = mapped_column(String(120))
    website: Mapped[str | None]


class ContactPoint(Seeded, Base):
    """A way to reach Maroc Numeric Cluster: the one place from which answers take it."""

    __tablename__ = "contact_points"

    #: A code of `bot.db.seed.fields.CONTACT_KINDS`.
    kind: Mapped[str] = mapped_column(String(16))
    #: As it is shown, the same in every variety.
    value: Mapped[str] = mapped_column(String(160))
    #: The lowest first.
    rank: Mapped[int] = mapped_column(default=100)


class Track(Seeded, Base):
    """A field of JobInTech training."""

    __tablename__ = "tracks"

    name: Mapped[str] = mapped_column(String(120))
    #: Text by variety, what it is about in a sentence or two.
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)


class Cohort(Seeded, Base):
    """One announced or past class: a training at an operator, in a city, with the dates as far as they are known."""

    __tablename__ = "cohorts"

    track_slug: Mapped[str] = mapped_column(ForeignKey("tracks.slug"), index=True)
    operator_slug: Mapped[str | None] = mapped_column(ForeignKey("operators.slug"))
    city_slug: Mapped[str | None] = mapped_column(ForeignKey("cities.slug"), index=True)
    title: Mapped[str] = mapped_column(String(160))
    #: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, as precise as the source.
    starts_on: Mapped[str | None] = mapped_column(String(10))
    ends_on: Mapped[str | None] = mapped_column(String(10))
    #: First and last day on which the class may run by those dates, for queries; null when unknown.
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    duration_months: Mapped[float | None]
    #: ``open`` or ``closed``; null while nobody said.
    enrolment: Mapped[str | None] = mapped_column(String(8))
    #: The last day to enrol.
    enrol_until: Mapped[date | None]
    fact_slug: Mapped[str] = mapped_column(String(32))

    track: Mapped[Track] = relationship()
    operator: Mapped[Operator | None] = relationship()
    city: Mapped[City | None] = relationship()


class Programme(Seeded, Base):
    """A support programme for founders: incubator, accelerator, fund, loan, network or place to work."""

    __tablename__ = "programmes"

    name: Mapped[str] = mapped_column(String(120))
    #: incubator, accelerator, fund, loan, grant, network, training, coworking, label
    kind: Mapped[str] = mapped_column(String(16), index=True)
    operator_slug: Mapped[str | None] = mapped_column(ForeignKey("operators.slug"))
    #: City slugs; an empty list means the whole country or not tied to a place.
    city_slugs: Mapped[list[Any]] = mapped_column(default=list)
    #: idea, prototype, seed, growth, sme; empty when the sources do not say.
    stages: Mapped[list[Any]] = mapped_column(default=list)
    #: Sector codes; empty means all or not said.
    sectors: Mapped[list[Any]] = mapped_column(default=list)
    #: What it offers: money, place, mentoring, training, network.
    offers: Mapped[list[Any]] = mapped_column(default=list)
    takes_equity: Mapped[bool | None]
    amount_min_dh: Mapped[int | None]
    amount_max_dh: Mapped[int | None]
    duration_months: Mapped[float | None]
    #: Text by variety, two sentences at most.
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    website: Mapped[str | None]
    #: running: named as active by its sources; uncertain: old or temporary, to be checked; ended: no longer runs.
    status: Mapped[str] = mapped_column(String(16), default="running")
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)

    operator: Mapped[Operator | None] = relationship()


class Event(Seeded, Base):
    """A known event; its next date is null until somebody announces it."""

    __tablename__ = "events"

    name: Mapped[str] = mapped_column(String(120))
    organiser: Mapped[str | None] = mapped_column(String(120))
    city_slug: Mapped[str | None] = mapped_column(ForeignKey("cities.slug"), index=True)
    topics: Mapped[list[Any]] = mapped_column(default=list)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: 1 to 12; when it usually takes place.
    usual_month: Mapped[int | None]
    #: confirmed: the next dates were announced; to_confirm: expected by its rhythm; past: no further edition expected.
    status: Mapped[str] = mapped_column(String(16))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    #: The last edition known to have been held or announced.
    last_starts_on: Mapped[str | None] = mapped_column(String(10))
    last_ends_on: Mapped[str | None] = mapped_column(String(10))
    website: Mapped[str | None]
    #: When it begins and ends to the minute, once that is announced.
    begins_at: Mapped[datetime | None]
    finishes_at: Mapped[datetime | None]
    #: Where in town: hall and street.
    place: Mapped[str | None] = mapped_column(String(160))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    #: What it costs to come; 0 is free, null is not known.
    price_dh: Mapped[int | None]
    #: Whether one registers here, with the assistant; else with the organiser.
    is_registered_here: Mapped[bool] = mapped_column(default=False)
    #: Places for those who register here; null is as many as come.
    capacity: Mapped[int | None]
    #: When the team closed the registration here, before the event began.
    registration_closed_at: Mapped[datetime | None]
    #: How many came without having registered.
    walk_ins: Mapped[int] = mapped_column(default=0, server_default="0")
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    is_demo: Mapped[bool] = mapped_column(default=False)

    city: Mapped[City | None] = relationship()


class Publication(Seeded, Base):
    """An entry of the sector watch: what a named article or report says, with its link and date."""

    __tablename__ = "publications"

    #: Topic codes: strategy, ai, funding, jobs, training, startups, egovernment, outsourcing.
    topics: Mapped[list[Any]] = mapped_column(default=list)
    #: Text by variety: a one-line title, and a summary of two sentences at most.
    title: Mapped[dict[str, Any]] = mapped_column(default=dict)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    publisher: Mapped[str] = mapped_column(String(120))
    url: Mapped[str | None]
    published_on: Mapped[str | None] = mapped_column(String(10), index=True)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)


class EligibilityRule(Seeded, Base):
    """A rule of admission to JobInTech: the first by rank whose conditions a person meets gives the verdict."""

    __tablename__ = "eligibility_rules"

    #: What a person must be, by field: ``{"diploma": ["bac+3"], "situation": ["employee"], "age": [18, 35]}``. A list
    #: of codes means any of them, of two numbers the ages from and to. No condition: everybody.
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: fits: what the sources say speaks for it; unclear: they do not say; refused: they speak against it.
    verdict: Mapped[str] = mapped_column(String(16))
    #: Text by variety: the reason, in a sentence that speaks to the person.
    reason: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)


class Alternative(Seeded, Base):
    """Another free training, for those whom JobInTech may not take."""

    __tablename__ = "alternatives"

    name: Mapped[str] = mapped_column(String(120))
    #: As in `EligibilityRule`.
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: City slugs; an empty list means not tied to a place.
    city_slugs: Mapped[list[Any]] = mapped_column(default=list)
    website: Mapped[str | None]
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)


class ApplicationDocument(Seeded, Base):
    """A paper to bring to the application, as far as a source says so."""

    __tablename__ = "application_documents"

    #: Text by variety, a few words.
    title: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)
