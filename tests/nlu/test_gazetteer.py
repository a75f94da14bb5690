"""Entities by their names and shapes: found in every variety, at their exact places, and nowhere else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from annotations import list_lines
from rasa.shared.nlu.training_data.message import Message

from nlu.components.gazetteer import LONGEST_NAME_WORDS, GazetteerEntityExtractor, find_entities, load_names

FOUND: list[tuple[str, str, str, str]] = [
    # text, kind, value, the part of the text
    ("Casablanca", "city", "casablanca", "Casablanca"),
    ("un incubateur à Rabat ?", "city", "rabat", "Rabat"),
    ("j'habite FÈS.", "city", "fes", "FÈS"),
    ("f'casa wla la", "city", "casablanca", "casa"),
    ("fcasa", "city", "casablanca", "fcasa"),
    ("lrabat", "city", "rabat", "lrabat"),
    ("b tanja", "city", "tanger", "tanja"),
    ("mn l9nitra 3afak", "city", "kenitra", "l9nitra"),
    ("dar lbida", "city", "casablanca", "dar lbida"),
    ("فالرباط", "city", "rabat", "فالرباط"),
    ("بالرباط", "city", "rabat", "بالرباط"),
    ("للرباط", "city", "rabat", "للرباط"),
    ("فكازا", "city", "casablanca", "فكازا"),
    ("وفالدار البيضاء", "city", "casablanca", "وفالدار البيضاء"),
    ("بالدار البيضا", "city", "casablanca", "بالدار البيضا"),
    ("رَبَاط", "city", "rabat", "رَبَاط"),
    ("طنجـــة", "city", "tanger", "طنجـــة"),
    ("في مراكش؟", "city", "marrakech", "مراكش"),
    ("فالجديدة", "city", "el-jadida", "فالجديدة"),
    ("(Agadir)", "city", "agadir", "Agadir"),
    ("*Oujda*", "city", "oujda", "Oujda"),
    ("#tetouan", "city", "tetouan", "tetouan"),
    ("Salé 😀", "city", "sale", "Salé"),
    ("ma ville est Salé", "city", "sale", "Salé"),
    ("Beni   Mellal", "city", "beni-mellal", "Beni   Mellal"),
    ("Tan-Tan", "city", "tan-tan", "Tan-Tan"),
    ("j'ai un bac+2", "diploma", "bac+2", "bac+2"),
    ("Bac + 3 en poche", "diploma", "bac+3", "Bac + 3"),
    ("عندي باك+٢", "diploma", "bac+2", "باك+٢"),
    ("3ndi lbac", "diploma", "bac", "lbac"),
    ("j'ai le bac, 2 ans à l'étranger", "diploma", "bac", "le bac"),
    ("I have a master's degree", "diploma", "bac+5", "master's degree"),
    ("عندي الإجازة", "diploma", "bac+3", "الإجازة"),
    ("lijaza f l'economie", "diploma", "bac+3", "lijaza"),
    ("ليس لدي شهادة", "diploma", "none", "ليس لدي شهادة"),
    ("j'ai pas de diplôme", "diploma", "none", "j'ai pas de diplôme"),
    ("la formation en cybersécurité", "track", "cybersecurity", "cybersécurité"),
    ("formation f la cyber", "track", "cybersecurity", "la cyber"),
    ("Full-Stack", "track", "full-stack", "Full-Stack"),
    ("du node.js ?", "track", "full-stack", "node.js"),
    ("الذكاء الاصطناعي", "track", "ai", "الذكاء الاصطناعي"),
    ("devops?", "track", "devops", "devops"),
    ("C'est quoi Innov Invest ?", "programme", "innov-invest", "Innov Invest"),
    ("e-technopark", "programme", "e-technopark", "e-technopark"),
    ("شنو هو تكنوبارك", "programme", "technopark", "تكنوبارك"),
    ("C'est où GITEX Africa ?", "event", "gitex-africa", "GITEX Africa"),
    ("ديفوكس فوقاش", "event", "devoxx-morocco", "ديفوكس"),
    ("les assises nationales de l'intelligence artificielle", "event", "assises-ia-2025",
     "assises nationales de l'intelligence artificielle"),
    ("quels événements en mai ?", "date", "month:5", "mai"),
    ("any event in May", "date", "month:5", "May"),
    ("في شتنبر", "date", "month:9", "شتنبر"),
    ("f ghocht", "date", "month:8", "ghocht"),
    ("Décembre", "date", "month:12", "Décembre"),
    ("le bilan 2026", "date", "year:2026", "2026"),
    ("سنة 2027", "date", "year:2027", "2027"),
    ("f sif", "date", "season:summer", "sif"),
    ("من بعد رمضان", "date", "feast:ramadan", "رمضان"),
    ("le 15/12", "date", "day:12-15", "15/12"),
    ("le 09-08", "date", "day:08-09", "09-08"),
    ("l'année 2025-2026", "date", "year:2026", "2026"),
    ("cet été", "date", "season:summer", "cet été"),
    ("je cherche une formation réseaux", "track", "networks", "formation réseaux"),
    ("I am 31 and unemployed", "age", "31", "31"),
    ("is it for 30 years old people", "age", "30", "30"),
    ("sa7bti 32 sana", "age", "32", "32"),
    ("parle-moi en arabe", "language", "ar", "en arabe"),
    ("tu parles tamazight ?", "language", "tamazight", "tamazight"),
    ("hder m3aya b darija", "language", "ary-Latn", "darija"),
    ("بالدارجة عفاك", "language", "ary-Arab", "بالدارجة"),
    ("in English please", "language", "en", "in English"),
    ("mon mail : Salma.Exemple+a@Example.co.ma.", "email", "salma.exemple+a@example.co.ma",
     "Salma.Exemple+a@Example.co.ma"),
    ("ليميل ديالي s_e-1@mail.example.com", "email", "s_e-1@mail.example.com", "s_e-1@mail.example.com"),
    ("j'ai 24 ans", "age", "24", "24"),
    ("24ans", "age", "24", "24"),
    ("I'm 31", "age", "31", "31"),
    ("19 years old", "age", "19", "19"),
    ("3ndi 22 3am", "age", "22", "22"),
    ("3omri 27 w khddam", "age", "27", "27"),
    ("عمري 34 واش مازال نتقبل", "age", "34", "34"),
    ("عندي ٢٥ سنة", "age", "25", "٢٥"),
    ("my son is 19 and has the bac", "age", "19", "19"),
    ("24", "age", "24", "24"),
    ("je viens de safi", "city", "safi", "de safi"),
    ("ana mn jdida", "city", "el-jadida", "mn jdida"),
    ("Maroc Digital 2030", "topic", "strategy", "Maroc Digital 2030"),
    ("السن ديالي 37", "age", "37", "37"),
    ("AI course in Rabat", "track", "ai", "AI course"),
    ("la formation l'IA", "track", "ai", "l'IA"),
    ("la formation l'IA", "topic", "ai", "l'IA"),
    ("une formation cloud", "track", "cloud", "cloud"),
    ("تكوين فالحوسبة السحابية", "track", "cloud", "فالحوسبة السحابية"),
    ("عمري 26 عامًا", "age", "26", "26"),
    ("ضابط سابق وعمري 38، مسموح؟", "age", "38", "38"),
    ("خويا عمرو 33", "age", "33", "33"),
    ("دابا قفلت 30، تعديت السن؟", "age", "30", "30"),
    ("نبدا وأنا 24", "age", "24", "24"),
    ("weldi 3ndo 22 w bgha ytsejel", "age", "22", "22"),
    ("bnti 3ndha 17, momkin?", "age", "17", "17"),
    ("ana 28 machi 18", "age", "28", "28"),
    ("licence pro en réseaux", "diploma", "bac+3", "licence pro"),
    ("une formation QA", "track", "testing", "QA"),
    ("f la cyber", "track", "cybersecurity", "la cyber"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["licence pro en réseaux, fac de Settat", "BTS في الشبكات", "master data", "dut f sql"]
)
def test_what_a_diploma_is_in_is_no_wanted_training(text: str) -> None:
    """Somebody who says what they have studied has not said what they want to learn."""
    assert "track" not in {entity.entity for entity in find_entities(text)}


@pytest.mark.parametrize("text", ["bac+2, data", "j'ai une licence et je veux faire data", "عندي باك وباغي داتا"])
def test_what_is_asked_for_beside_a_diploma_is_wanted(text: str) -> None:
    """A diploma in a message hides no training but the field that it is in."""
    assert ("track", "data") in {(entity.entity, entity.value) for entity in find_entities(text)}


PHONES = [
    "0661234567",
    "06 61 23 45 67",
    "06-61-23-45-67",
    "06.61.23.45.67",
    "06/61/23/45/67",
    "+212661234567",
    "+212 6 61 23 45 67",
    "+212 (0)6 61 23 45 67",
    "(+212) 661-234567",
    "+212 0661234567",
    "00212661234567",
    "00 212 661 23 45 67",
    "212661234567",
    "0 661 234 567",
    "٠٦٦١٢٣٤٥٦٧",
    "٠٦ ٦١ ٢٣ ٤٥ ٦٧",
]

ORDINARY = """
had session jdida|wach wajda|J'AI FAIM|J'EN AI BESOIN|JE VOUS AI ECRIT|sur 25 ans|depuis 20 ans|hadi 15 3am
j'ai été refusé|ça a été long|I need financial aid|I was laid off|c'est laid|just testing|ui merci|a swift answer
50%|20 €|+50|#25|عندي 20 ورقة|j'ai 14 et demi de moyenne|2000 personnes|2026€|2000$|abc2026|loi n° 09-08|la 09-08
faut-il savoir programmer en HTML|une certification AWS
a networking event|التنمية الريفية|entreprise allemande|je me suis embarqué
j'ai faim|j'ai une question|c'est sale ici|la rue est sale|un sale temps|laptops for sale|bac à sable|le bac a sable
une belle maison|mais oui|ma maison|la mairie|May I apply?|I may come later|we may be late|it may not work|may be
sept mois|il y a sept personnes|ma tata habite loin|safi baraka|safi|sala lprogram|واش سالا البرنامج
أنا أب لثلاثة أطفال|انا اب|دورة مهمة وجديدة|أفكار جديدة|بعيون مفتوحة|سيدي، عندي سؤال
20 ans d'expérience|20 years of experience|15 ans d'expérience|عندي 20 عام ديال التجربة|20 سنة من الخبرة
100 ans de solitude|12 ans|99 ans|25 عاملا|2026 dh|15h30
loi 09-08|القانون 09-08|24/7|06 dh|code 1234567890|réf 06612345678901
0123456789|066123456|@salma|salma@|salma@example|a@b|rendez-vous à 10 h
شكرا بزاف|واخا خويا|السلام عليكم|الله يخليك|واش كاين شي حد|bghit ndir chi haja|la wakha|mrhba bik|hello my friend
see you soon|how are you|d'accord merci|je vais bien|le lac|l'ac|marshmallow|la carte mère|défi relevé|il est tard
الشركة عندها 30 موظف|khouya 3ndo 20 employé|وأنا 15 دقيقة كنتسنى|mol lcyber gal lia
j'écris d'un cyber café|مول السيبير حدانا
les fesses|le marsouin|notre maire|agilité|fascination|casaque|rabattre|safir|الرباطة|كازاخستان|👍|...|-|
""".replace("\n", "|")


@pytest.mark.parametrize(("text", "kind", "value", "part"), FOUND)
def test_finds(text: str, kind: str, value: str, part: str) -> None:
    """An entity is found once, with its canonical value, exactly where it stands."""
    (found,) = [entity for entity in find_entities(text) if entity.entity == kind and entity.value == value]
    assert text[found.start : found.end] == part


@pytest.mark.parametrize("typed", PHONES)
@pytest.mark.parametrize("around", ["{}", "mon numéro : {}.", "رقمي {} شكرا", "appelez ({}) svp"])
def test_finds_moroccan_phone_numbers(typed: str, around: str) -> None:
    """Every way of writing a mobile number is one entity, in international form."""
    text = around.format(typed)
    (phone,) = [entity for entity in find_entities(text) if entity.entity == "phone"]
    assert phone.value == "+212661234567"
    # An opening bracket may belong to the sentence or to the number.
    assert text[phone.start : phone.end].strip("()") == typed.strip("()")


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0522 12 34 56", "+212522123456"),
        ("0712345678", "+212712345678"),
        ("08 01 00 00 01", "+212801000001"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("0034612345678", "+34612345678"),
    ],
)
def test_finds_other_prefixes(typed: str, value: str) -> None:
    """Landlines, newer mobile ranges, service numbers and those of people abroad are phone numbers too."""
    assert [(entity.entity, entity.value) for entity in find_entities(typed)] == [("phone", value)]


@pytest.mark.parametrize("text", [text for text in ORDINARY.split("|") if text])
def test_finds_nothing_in_ordinary_sentences(text: str) -> None:
    """Words that look like a name, a month, an age or a number are left alone."""
    found = [entity for entity in find_entities(text) if entity.entity not in ("topic", "situation", "sector", "stage")]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("de Casa-Rabat à Fès/Meknès", ["casablanca", "rabat"]),
        ("Rabat, Tanger. Agadir", ["rabat", "tanger", "agadir"]),
        ("juin/juillet", ["month:6", "month:7"]),
        ("bac, 3 ans", ["bac"]),
        ("bac. 2 ans", ["bac"]),
        ("bac 3", ["bac+3"]),
        ("Dar, Beida", []),
        ("gitex; africa", ["gitex-africa"]),
    ],
)
def test_punctuation_separates_names(text: str, expected: list[str]) -> None:
    """Names stand beside each other with any punctuation, and no name reaches over a comma or a full stop."""
    kinds = ("city", "date", "diploma", "event")
    assert [entity.value for entity in find_entities(text) if entity.entity in kinds][
        : len(expected) or None
    ] == expected


@pytest.mark.parametrize(
    "text",
    [
        "je ne suis pas étudiant",
        "je ne suis plus salarié",
        "I'm not a student",
        "ana machi talib",
        "أنا ماشي طالب",
        "أنا لا أدرس",
        "لست موظفا",
    ],
)
def test_what_somebody_is_not_says_nothing_of_them(text: str) -> None:
    assert [entity for entity in find_entities(text) if entity.entity == "situation"] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("je ne travaille pas", "jobseeker"),
        ("لا أعمل حاليا", "jobseeker"),
        ("ومخدامش", "jobseeker"),
        ("pas de diplôme, étudiant", "student"),
        ("chômeur, pas encore diplômé", "jobseeker"),
    ],
)
def test_what_somebody_is_is_found_beside_a_no(text: str, value: str) -> None:
    assert [entity.value for entity in find_entities(text) if entity.entity == "situation"] == [value]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("I didn't finish high school, no bac", ["none"]),
        ("I don't have the bac", ["none"]),
        ("ma3ndich lbac", ["none"]),
        ("انا ماعنديش الباك", ["none"]),
        ("هل يمكنني التسجيل وليس لدي باكالوريا؟", ["none"]),
        ("je n'ai pas de licence, j'ai le bac", ["bac"]),
        ("no problem, I have the bac", ["bac"]),
        ("j'ai un bac+2", ["bac+2"]),
    ],
)
def test_a_diploma_that_somebody_lacks(text: str, values: list[str]) -> None:
    assert [entity.value for entity in find_entities(text) if entity.entity == "diploma"] == values


def test_the_longest_name_wins() -> None:
    """A name inside a longer one is not found beside it."""
    found = find_entities("GITEX Future Health Africa")
    assert [(entity.value, entity.start, entity.end) for entity in found if entity.entity == "event"] == [
        ("gitex-future-health-africa", 0, 26)
    ]


def test_one_message_with_everything() -> None:
    """Several entities of a message come in order, each at its place."""
    text = "Aya, 22 ans, bac+2, de فاس : cybersécurité en mai, aya@example.com, 06 61 23 45 67"
    found = [
        (entity.entity, entity.value, text[entity.start : entity.end])
        for entity in find_entities(text)
        if entity.entity not in ("topic", "sector")
    ]
    assert found == [
        ("age", "22", "22"),
        ("diploma", "bac+2", "bac+2"),
        ("city", "fes", "فاس"),
        ("track", "cybersecurity", "cybersécurité"),
        ("date", "month:5", "mai"),
        ("email", "aya@example.com", "aya@example.com"),
        ("phone", "+212661234567", "06 61 23 45 67"),
    ]


def as_typed(spelling: str) -> str:
    """A listed name as somebody types it who means it: "AI" counts in capitals only."""
    return spelling.upper() if spelling == "ai" else spelling


class TestLookups:
    def test_every_spelling_finds_its_value(self) -> None:
        """Each name of nlu/lookups is found as it is spelt there, whole, with each of its values."""
        names = load_names()
        assert len(names) > 1_500
        missed = [
            (spelling, kind, value)
            for spelling, meanings in names.items()
            for kind, value in meanings
            if (kind, value, 0, len(spelling))
            not in [(found.entity, found.value, found.start, found.end) for found in find_entities(as_typed(spelling))]
        ]
        assert not missed

    def test_no_name_is_longer_than_what_is_looked_for(self) -> None:
        """Every name has at most the words that the matcher joins."""
        assert max(len(name.replace("-", " ").split()) for name in load_names()) <= LONGEST_NAME_WORDS

    def test_a_spelling_under_two_values_is_refused(self, tmp_path: Path) -> None:
        """One spelling, in any way of typing it, stands for one value of a kind, or loading fails."""
        (tmp_path / "city.yml").write_text("fes: [Fès]\nother: [FES]\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"city\.yml: 'FES' stands under fes and other"):
            load_names.__wrapped__(tmp_path)

    def test_a_value_without_a_list_is_refused(self, tmp_path: Path) -> None:
        """A lone word instead of a list is told, instead of being read letter by letter."""
        (tmp_path / "city.yml").write_text("fes: Fès\n", encoding="utf-8")
        with pytest.raises(ValueError, match="must have a list"):
            load_names.__wrapped__(tmp_path)

    def test_a_spelling_may_stand_for_several_kinds(self, tmp_path: Path) -> None:
        """What is a track and a topic is both."""
        (tmp_path / "topic.yml").write_text("ai: [IA]\n", encoding="utf-8")
        (tmp_path / "track.yml").write_text("ai: [ia]\n", encoding="utf-8")
        assert load_names.__wrapped__(tmp_path) == {"ia": (("topic", "ai"), ("track", "ai"))}


class TestTrainingMessages:
    #: Measured on nlu/examples, less two points or so. Languages that we do not speak and tracks that are not offered
    #: are marked by their authors and have no value to be found.
    FLOORS: ClassVar[dict[str, float]] = {
        "city": 0.974,
        "diploma": 0.949,
        "track": 0.915,
        "programme": 0.952,
        "event": 0.955,
        "language": 0.9,
        "email": 0.98,
        "phone": 0.98,
        "region": 0.919,
        "date": 0.913,
        "topic": 0.93,
        "sector": 0.968,
        "stage": 0.962,
        "situation": 0.846,
        "age": 0.77,
    }

    def test_recall(self) -> None:
        """Of the entities that the authors marked, at least the measured share is found, kind by kind."""
        marked: Counter[str] = Counter()
        hit: Counter[str] = Counter()
        for line in list_lines():
            found = find_entities(line.text)
            for mark in line.marks:
                marked[mark.kind] += 1
                hit[mark.kind] += any(
                    entity.entity == mark.kind and entity.start < mark.end and mark.start < entity.end
                    for entity in found
                )
        recall: dict[str, float] = {kind: hit[kind] / marked[kind] for kind in marked}
        for kind, share in sorted(recall.items()):
            print(f"gazetteer recall: {kind} {share:.3f} of {marked[kind]}")
        assert {kind: share for kind, share in recall.items() if share < self.FLOORS.get(kind, 0)} == {}
        assert all(marked[kind] >= 25 for kind in self.FLOORS)

    def test_positions_are_whole_words(self) -> None:
        """Whatever is found in the training messages has no space or punctuation at its ends."""
        seen = 0
        for line in list_lines():
            for entity in find_entities(line.text):
                part = line.text[entity.start : entity.end]
                assert part and part == part.strip(" .,;:!?؟،؛\"'«»-/"), (line, part)
                seen += 1
        assert seen > 1_500


def test_the_component_adds_to_what_others_found() -> None:
    """Rasa's message gets the entities with their text, places and extractor, beside those it had."""
    message = Message({"text": "un incubateur à Fès", "entities": [{"entity": "x"}]})
    silent = Message({"text": None})
    GazetteerEntityExtractor().process([message, silent])
    assert message.get("entities") == [
        {"entity": "x"},
        {
            "entity": "city",
            "value": "fes",
            "text": "Fès",
            "start": 16,
            "end": 19,
            "extractor": "GazetteerEntityExtractor",
        },
    ]
    assert silent.get("entities") == []
    assert "entities" in message.as_dict(only_output_properties=True)


def test_long_texts_take_no_time() -> None:
    """The longest text that the channel lets in is searched at once, whatever it is made of."""
    from time import perf_counter

    for unit in ("a", "a.", "06 ", "dar ", "ش", "a@", "25 ans ", "+212", "(+212) "):
        started = perf_counter()
        find_entities((unit * 1_000)[:1_000])
        assert perf_counter() - started < 1.0, unit
