"""The seed data: what it says is sound, and loading it never undoes what staff changed."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.models import (
    Alternative,
    ApplicationDocument,
    City,
    Cohort,
    EligibilityRule,
    Event,
    Fact,
    Operator,
    Programme,
    Publication,
    Track,
)
from bot.db.seed import SEED_FOLDER, SeedError, read_seed, seed
from bot.db.seed.fields import EVENT_TOPICS, PUBLICATION_TOPICS, SECTORS, STAGES
from bot.messages import PAYLOAD_LIMIT_BYTES, VARIETIES

LOOKUPS = Path(__file__).parents[2] / "nlu" / "lookups"
TABLES: tuple[Any, ...] = (
    Fact,
    City,
    Operator,
    Track,
    Cohort,
    Programme,
    Event,
    Publication,
    EligibilityRule,
    Alternative,
    ApplicationDocument,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with its tables."""
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/seed.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files, to change."""
    copy = tmp_path / "seed"
    shutil.copytree(SEED_FOLDER, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def normal_form(spelling: str) -> str:
    """Case, accents and hamzas off, as the NLU's normaliser does, for comparing spellings."""
    folded = unicodedata.normalize("NFKD", spelling.casefold())
    without_marks = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w@+.%]+", " ", without_marks.replace("ة", "ه").replace("ى", "ي")).split())


class TestLoading:
    async def test_fills_every_table_with_what_the_files_hold(self, database: Database) -> None:
        """Every table has as many rows as its files have entries, and more than none."""
        async with database.write() as session:
            report = await seed(session)
        counts = {"facts": sum(len(load_yaml(path)) for path in (SEED_FOLDER / "facts").glob("*.yml"))}
        counts |= {
            model.__tablename__: len(load_yaml(SEED_FOLDER / f"{model.__tablename__}.yml"))
            for model in TABLES
            if model is not Fact
        }
        assert min(counts.values()) > 0
        assert report.inserted == counts
        async with database.read() as session:
            for model in TABLES:
                assert await session.scalar(select(func.count()).select_from(model)) == counts[model.__tablename__]

    async def test_seeding_twice_changes_nothing(self, database: Database) -> None:
        """A second run inserts and updates no row, and finds all unchanged."""
        async with database.write() as session:
            first = await seed(session)
        async with database.write() as session:
            second = await seed(session)
        assert (second.inserted, second.updated, second.kept_edited) == ({}, {}, {})
        assert second.unchanged == first.inserted

    async def test_an_edited_row_survives_a_release_and_an_unedited_one_follows_it(
        self, database: Database, folder: Path
    ) -> None:
        """Staff's values stay when the file changes; a row that nobody touched takes the new values."""
        async with database.write() as session:
            await seed(session, folder)
        async with database.write() as session:
            edited = await session.get_one(Programme, "bidaya")
            edited.summary = {**edited.summary, "fr": "Texte de l'équipe."}
        replace_once(folder / "programmes.yml", "name: Bidaya", "name: Bidaya Maroc")
        replace_once(folder / "programmes.yml", "name: LaFactory", "name: La Factory de Casablanca")
        async with database.write() as session:
            report = await seed(session, folder)
        assert (report.inserted, report.updated, report.kept_edited) == ({}, {"programmes": 1}, {"programmes": 1})
        async with database.read() as session:
            kept = await session.get_one(Programme, "bidaya")
            assert (kept.name, kept.summary["fr"]) == ("Bidaya", "Texte de l'équipe.")
            assert (await session.get_one(Programme, "lafactory")).name == "La Factory de Casablanca"

    async def test_an_edit_that_a_release_catches_up_with_follows_releases_again(
        self, database: Database, folder: Path
    ) -> None:
        """Once the files ship what staff wrote, the row counts as unedited."""
        async with database.write() as session:
            await seed(session, folder)
        async with database.write() as session:
            (await session.get_one(City, "fes")).name = "Fez"
        replace_once(folder / "cities.yml", "name: Fès", "name: Fez")
        async with database.write() as session:
            assert (await seed(session, folder)).kept_edited == {}
        replace_once(folder / "cities.yml", "name: Fez", "name: Fès")
        async with database.write() as session:
            assert (await seed(session, folder)).updated == {"cities": 1}

    async def test_a_row_that_staff_wrote_is_not_overwritten(self, database: Database) -> None:
        """A row of staff's own under a shipped slug, with no seed hash, is theirs."""
        async with database.write() as session:
            session.add(City(slug="fes", name="Ma ville", region="Fès-Meknès", latitude=34.0, longitude=-5.0))
        async with database.write() as session:
            assert (await seed(session)).kept_edited == {"cities": 1}
        async with database.read() as session:
            assert (await session.get_one(City, "fes")).name == "Ma ville"

    async def test_a_new_translation_reaches_unedited_rows(self, database: Database, folder: Path) -> None:
        """A variety's file that arrives later adds its texts beside those that are there."""
        for path in (folder / "texts").glob("*.yml"):
            if path.stem != "fr":
                path.unlink()
        async with database.write() as session:
            await seed(session, folder)
        (folder / "texts" / "en.yml").write_text("tracks:\n  data: Data, in English.\n", encoding="utf-8")
        async with database.write() as session:
            assert (await seed(session, folder)).updated == {"tracks": 1}
        async with database.read() as session:
            summary = (await session.get_one(Track, "data")).summary
        assert (set(summary), summary["en"]) == ({"fr", "en"}, "Data, in English.")

    async def test_a_cohort_has_the_days_that_its_dates_allow(self, database: Database) -> None:
        """A month begins on its first day and ends on its last; an unknown date gives no day."""
        async with database.write() as session:
            await seed(session)
        async with database.read() as session:
            uir = await session.get_one(Cohort, "par-003")
            mobile = await session.get_one(Cohort, "par-011")
            unknown = await session.get_one(Cohort, "par-008")
        assert (uir.starts_on, uir.first_day, uir.last_day) == ("2023-12", date(2023, 12, 1), date(2024, 4, 30))
        assert (mobile.first_day, mobile.last_day) == (date(2025, 9, 1), date(2026, 2, 1))
        assert (unknown.first_day, unknown.last_day) == (None, None)

    async def test_a_wrong_file_changes_nothing(self, database: Database, folder: Path) -> None:
        """All files are read and checked before the first row is written."""
        replace_once(folder / "publications.yml", "published_on: 2025-01\n", "published_on: 2025-13\n")
        async with database.write() as session:
            with pytest.raises(SeedError):
                await seed(session, folder)
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(Fact)) == 0


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("file", "old", "new", "message"),
        [
            pytest.param(
                "programmes.yml", "  stages: [idea]", "  stage: [idea]",
                r"programmes\.yml: technopark-boost-up-lab: stage: is an unknown key; did you mean 'stages'\?",
                id="unknown key",
            ),
            pytest.param(
                "tracks.yml", "  name: DevOps\n", "",
                r"tracks\.yml: devops: name: is missing; write it", id="missing key",
            ),
            pytest.param(
                "tracks.yml", "fact_slugs: [par-007]", "fact_slugs: [par-999]",
                r"tracks\.yml: devops: fact_slugs: 'par-999' is not a slug of facts; did you mean 'par-0", id="unknown fact",
            ),
            pytest.param(
                "programmes.yml", "city_slugs: [ben-guerir]", "city_slugs: [benguerir]",
                r"startgate-ben-guerir: city_slugs: 'benguerir' is not a slug of cities; did you mean 'ben-guerir'\?",
                id="unknown city",
            ),
            pytest.param(
                "cohorts.yml", "operator_slug: dxc", "operator_slug: ibm",
                r"cohorts\.yml: par-022: operator_slug: 'ibm' is not a slug of operators; write one", id="unknown operator",
            ),
            pytest.param(
                "cohorts.yml", "track_slug: software", "track_slug: softwares",
                r"par-022: track_slug: 'softwares' is not a slug of tracks; did you mean 'software'\?", id="unknown track",
            ),
            pytest.param(
                "cohorts.yml", "starts_on: 2023-12\n", "starts_on: 2023-13\n",
                r"cohorts\.yml: par-003: starts_on: '2023-13' is not a date; write YYYY, YYYY-MM or YYYY-MM-DD", id="bad date",
            ),
            pytest.param(
                "cohorts.yml", "ends_on: 2024-04\n", "ends_on: 2023-04\n",
                r"par-003: ends_on: 2023-04 is before starts_on, 2023-12", id="end before start",
            ),
            pytest.param(
                "events.yml", "  topics: [ai]\n", "  topics: [ai]\n  starts_on: 2027-04\n",
                r"ai-made-in-morocco-2026: starts_on: '2027-04' is not a day; write YYYY-MM-DD", id="month for a day",
            ),
            pytest.param(
                "events.yml", "usual_month: 4", "usual_month: 13",
                r"gitex-africa: usual_month: 13 is not a whole number from 1 to 12", id="bad month",
            ),
            pytest.param(
                "programmes.yml", "stages: [idea, seed, growth]", "stages: [idea, seeds, growth]",
                r"technopark: stages: 'seeds' is not one of the codes: idea, prototype, seed", id="bad code",
            ),
            pytest.param(
                "operators.yml", "slug: uia,", "slug: uir,",
                r"operators\.yml: uir: slug: is already taken", id="duplicated slug",
            ),
            pytest.param(
                "facts/mnc.yml", "slug: mnc-001", "slug: jit-001",
                r"facts/mnc\.yml: jit-001: slug: is already taken in facts/jobintech\.yml", id="slug of another file",
            ),
            pytest.param(
                "tracks.yml", "slug: digital-management", "slug: Digital_Management",
                r"'Digital_Management' is not a slug; write lower-case ASCII", id="bad slug",
            ),
            pytest.param(
                "tracks.yml", "slug: digital-management", "slug: digital-management-of-all-things",
                r"has 32 characters; a slug has at most 28", id="slug too long",
            ),
            pytest.param(
                "facts/jobintech.yml", "source_url: https://www.lavieeco.com", "source_url: github-index:12 #",
                r"jit-001: source_url: 'github-index:12' is not a public address; write one with http\(s\)://, or null",
                id="no public address",
            ),
            pytest.param(
                "facts/jobintech.yml", "source_url: https://www.lavieeco.com/", "source_url: http://18.193.228.73/",
                r"jit-001: source_url: 'http://18\.193\.228\.73/.*' is a bare machine", id="bare machine",
            ),
            pytest.param(
                "cities.yml", "latitude: 33.57, longitude: -7.59", "latitude: -7.59, longitude: 33.57",
                r"casablanca: latitude: -7\.59 is not a number from 20 to 37", id="swapped coordinates",
            ),
            pytest.param(
                "texts/fr.yml", '  devops: "Le DevOps', '  devops: "' + "x" * 260 + "Le DevOps",
                r"texts/fr\.yml: tracks: devops: summary: has \d+ characters; at most 260 fit", id="text too long",
            ),
            pytest.param(
                "texts/fr.yml", "  devops: ", "  dev-ops: ",
                r"texts/fr\.yml: tracks: dev-ops: is not a slug of tracks; did you mean 'devops'\?", id="text of nothing",
            ),
            pytest.param(
                "texts/fr.yml", "  partech-2024:\n    title:", "  partech-2024:\n    heading:",
                r"publications: partech-2024: heading: is an unknown key; known are title, summary", id="unknown text",
            ),
            pytest.param(
                "tracks.yml", "  name: DevOps\n", "  name: DevOps\n  name: Dev\n",
                r"tracks\.yml: is not readable YAML: 'name' is there twice", id="key twice",
            ),
            pytest.param(
                "tracks.yml", "  name: DevOps\n", "  name: [DevOps\n", r"tracks\.yml: is not readable YAML", id="bad YAML",
            ),
        ],
    )  # fmt: skip
    def test_says_where_the_mistake_is_and_what_would_be_right(
        self, folder: Path, file: str, old: str, new: str, message: str
    ) -> None:
        """The error names the file, the slug and the field, and what to write."""
        replace_once(folder / file, old, new)
        with pytest.raises(SeedError, match=message):
            read_seed(folder)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param(lambda folder: (folder / "events.yml").unlink(), r"events\.yml: is missing", id="no file"),
            pytest.param(
                lambda folder: (folder / "texts" / "fr.yml").unlink(), r"texts/fr\.yml: is missing", id="no French"
            ),
            pytest.param(
                lambda folder: (folder / "texts" / "es.yml").write_text("tracks: {}"),
                r"texts/es\.yml: is not named after a variety; known are fr, ary-Latn",
                id="unknown variety",
            ),
            pytest.param(
                lambda folder: replace_once(folder / "texts" / "fr.yml", "  devops:", "  # devops:"),
                r"texts/fr\.yml: tracks: devops: summary: is missing",
                id="no text",
            ),
            pytest.param(
                lambda folder: (folder / "events.yml").write_text("gitex: {}"),
                r"events\.yml: must be a list of entries",
                id="no list",
            ),
            pytest.param(
                lambda folder: (folder / "events.yml").write_text("- name: GITEX"),
                r"events\.yml: entry 1: has no slug",
                id="no slug",
            ),
            pytest.param(
                lambda folder: (folder / "events.yml").write_bytes(b"- slug: \xe9t\xe9"),
                r"events\.yml: is not UTF-8",
                id="Latin-1",
            ),
            pytest.param(
                lambda folder: (folder / "facts" / "mnc.yml").rename(folder / "facts" / "cluster.yml"),
                r"facts/cluster\.yml: mnc-001: topic: 'cluster' is not one of the codes: jobintech",
                id="unknown topic",
            ),
        ],
    )
    def test_says_what_a_folder_lacks(self, folder: Path, change: Callable[[Path], Any], message: str) -> None:
        """A missing, misnamed or misshapen file is named."""
        change(folder)
        with pytest.raises(SeedError, match=message):
            read_seed(folder)


class TestContent:
    def test_every_cited_fact_exists(self) -> None:
        """No entry leans on a fact that is not shipped, and every entry leans on one."""
        shipped = read_seed(SEED_FOLDER)
        facts = {row["slug"] for row in shipped[Fact]}
        for model in (Track, Cohort, Programme, Event, Publication):
            for row in shipped[model]:
                cited = row["fact_slugs"] if "fact_slugs" in row else [row["fact_slug"]]
                assert cited, f"{row['slug']} cites no fact"
                assert set(cited) <= facts, row["slug"]

    def test_every_known_training_but_one_is_a_cohort(self) -> None:
        """par-027 names no field of training; all other facts on trainings have their class."""
        shipped = read_seed(SEED_FOLDER)
        told = {row["slug"] for row in shipped[Fact] if row["topic"] == "jobintech_parcours"}
        assert told - {row["fact_slug"] for row in shipped[Cohort]} == {"par-027"}

    def test_no_source_address_is_private(self) -> None:
        """What is background is never stored as a link."""
        for row in read_seed(SEED_FOLDER)[Fact]:
            assert row["source_url"] is None or row["source_url"].startswith(("http://", "https://")), row["slug"]
            assert "github-index" not in str(row["source_url"]), row["slug"]
            assert "18.193.228.73" not in str(row["source_url"]), row["slug"]

    def test_a_publication_has_the_source_of_its_first_fact(self) -> None:
        """The link and date under a summary are those of the fact that it rests on."""
        shipped = read_seed(SEED_FOLDER)
        facts = {row["slug"]: row for row in shipped[Fact]}
        for row in shipped[Publication]:
            first = facts[row["fact_slugs"][0]]
            expected = (first["publisher"], first["source_url"], first["as_of"])
            assert (row["publisher"], row["url"], row["published_on"]) == expected, row["slug"]

    def test_no_event_has_a_date_that_nobody_announced(self) -> None:
        """Shipped events have no next date, and none is called confirmed."""
        for row in read_seed(SEED_FOLDER)[Event]:
            assert (row["starts_on"], row["ends_on"]) == (None, None), row["slug"]
            assert row["status"] in ("to_confirm", "past"), row["slug"]

    @pytest.mark.parametrize(
        ("model", "payload"),
        [
            (Programme, '/incubator_details{{"programme":"{}"}}'),
            (Track, '/jobintech_tracks{{"track":"{}"}}'),
            (Event, '/event_register{{"event":"{}"}}'),
            (City, '/jobintech_locations{{"city":"{}"}}'),
            (Publication, '/publications_search{{"topic":"{}"}}'),
        ],
    )
    def test_every_slug_fits_a_button(self, model: Any, payload: str) -> None:
        """A button that carries the slug stays within the channels' limit."""
        for row in read_seed(SEED_FOLDER)[model]:
            assert len(payload.format(row["slug"]).encode()) <= PAYLOAD_LIMIT_BYTES, row["slug"]


#: Subjects that people ask for and JobInTech is not known to teach: the answer says so.
NOT_TAUGHT = {
    "cloud", "networks", "design", "iot", "blockchain", "testing", "games", "robotics", "automation", "vr",
    "audiovisual",
}  # fmt: skip


class TestLookups:
    @pytest.mark.parametrize(
        ("lookup", "model", "unknown"),
        [("city", City, set()), ("track", Track, NOT_TAUGHT), ("programme", Programme, set()), ("event", Event, set())],
    )
    def test_canonical_values_are_the_slugs_of_the_seed(self, lookup: str, model: Any, unknown: set[str]) -> None:
        """What the NLU recognises and what the database holds have the same names, but for what is not taught."""
        slugs = {row["slug"] for row in read_seed(SEED_FOLDER)[model]}
        assert set(load_yaml(LOOKUPS / f"{lookup}.yml")) == slugs | unknown
        assert not slugs & unknown

    @pytest.mark.parametrize(
        ("lookup", "codes"),
        [
            ("stage", STAGES),
            ("sector", SECTORS),
            ("topic", {*EVENT_TOPICS, *PUBLICATION_TOPICS}),
            # Besides those that we speak, those that people ask for: the answer is the menu.
            ("language", (*VARIETIES, "tamazight", "es", "de", "it")),
            (
                "diploma",
                ("none", "niveau-bac", "technicien", "bac", "bac+1", "bac+2", "bac+3", "bac+4", "bac+5", "doctorat"),
            ),
            ("situation", ("student", "jobseeker", "employee", "self-employed", "graduate")),
        ],
    )
    def test_canonical_values_are_the_codes(self, lookup: str, codes: Any) -> None:
        """Every code has its spellings, and no other value is recognised."""
        assert set(load_yaml(LOOKUPS / f"{lookup}.yml")) == set(codes)

    def test_regions_are_those_of_the_towns(self) -> None:
        """A recognised region finds the towns of the database."""
        assert set(load_yaml(LOOKUPS / "region.yml")) == {row["region"] for row in read_seed(SEED_FOLDER)[City]}

    @pytest.mark.parametrize("path", sorted(LOOKUPS.glob("*.yml")), ids=lambda path: path.stem)
    def test_a_spelling_means_one_thing(self, path: Path) -> None:
        """No spelling stands under two values of a file, whatever its case, accents and hamzas."""
        meaning: dict[str, str] = {}
        for value, spellings in load_yaml(path).items():
            assert spellings, f"{value} has no spelling"
            for spelling in spellings:
                assert isinstance(spelling, str), f"quote {spelling!r} under {value}"
                other = meaning.setdefault(normal_form(spelling), value)
                assert other == value, f"{spelling!r} is under {other} and {value}"

    @pytest.mark.parametrize("path", sorted(LOOKUPS.glob("*.yml")), ids=lambda path: path.stem)
    def test_no_spelling_is_written_twice(self, path: Path) -> None:
        """A value lists a spelling once."""
        for value, spellings in load_yaml(path).items():
            assert len(spellings) == len(set(spellings)), f"{value}: {[s for s in spellings if spellings.count(s) > 1]}"
