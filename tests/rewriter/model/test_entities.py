"""Entities: a rewrite may change every word of a question but its numbers, years and names."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findtune.rewriter.model.entities import (
    extract_entities,
    find_names,
    keeps_entities,
    lost_entities,
)

NONE: frozenset[str] = frozenset()
NAMES = frozenset({"kenya", "nairobi", "who"})
MAY = "They met in May and left."


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["The rents of Nairobi rose.", "Who pays for it in Nairobi?"], {"nairobi"}),
        (["The rents of Nairobi rose."], set()),  # once is not enough
        ([*[MAY] * 8, "it may rain"], set()),  # 8 of 9 are too few
        ([*[MAY] * 16, "it may rain"], {"may"}),
        (["Rents Of Kisumu. The rents of Nairobi rose."] * 2, {"nairobi"}),
        (["what am I to do with vitamin C in 2019 and after that"] * 3, set()),
        (["цены в городе Казань растут", "οι τιμές στην Αθήνα"] * 2, {"казань", "αθήνα"}),
        (["Prices in Co\u0302te rose.", "Prices in Co\u0302te fell."], {"c\u00f4te"}),
        # In German, what follows "in" and never an article; other nouns are no names.
        (["Die Miete in Jena ist hoch.", "Der Preis für Brot in Jena wird steigen."], {"jena"}),
        (["Der Preis ist in Prozent.", "Die Miete wird in Prozent und im Prozent gezählt."], set()),
        # First words, headlines and texts without capitals have no names.
        (["it rained. Bread rose! Rice fell? Rents: Tea; Cups\nPay"] * 5, set()),
        (["Rents Of Nairobi And Kisumu", "RENTS OF NAIROBI, 2019", "Rents in Nairobi Town"], set()),
        (["", " ", "...", "☕ 🍵", "お茶の値段", "كم شاي؟", "12 in 2019"] * 5, set()),
    ],
)
def test_words_that_nearly_always_have_a_capital_are_names(
    texts: list[str], names: set[str]
) -> None:
    assert find_names(texts) == names


@pytest.mark.parametrize(
    ("question", "names", "entities"),
    [
        ("covid19 deaths of the under 5s in 2019", NONE, {"covid19", "5s", "2019"}),
        (
            "over 1,234,567.8 or 2.5 %, 12,5 of 1,2,3",
            NONE,
            {"1234567.8", "2.5", "12,5", "1", "2,3"},
        ),
        ("the 1,000s of 2019. 5 more", NONE, {"1000", "2019", "5"}),
        ("the ２０１９ census 人口 2018年 سكان ٢٠١٩", NONE, {"2019", "2018"}),
        ("how many am I to count? ☕ 👩‍👩‍👧", NONE, set()),
        ("rents in nairobi, KENYA", NAMES, {"nairobi", "kenya"}),
        ("", NAMES, set()),
        ("rents in nairobi", NONE, set()),
        ("What do rents cost in Kisumu?", NONE, {"kisumu"}),
        ("population Kenya", NONE, {"kenya"}),
        ("My rent rose in 2019. What is the average?", NONE, {"2019"}),
        ("Rents Of Kisumu", NONE, set()),
        ("RENTS IN KISUMU", NONE, set()),
        # In what may be a title, what follows a preposition of place.
        ("Rate of Rents in the Republic of the Ivory Coast", NONE, {"republic", "ivory", "coast"}),
        ("Exports from Kenya to the United Kingdom", NONE, {"kenya", "united", "kingdom"}),
        ("taux de Chômage en 2020", NONE, {"chômage", "2020"}),
        # German nouns have capitals, so there only known names and numbers count.
        ("Wie viele Arbeitslose gibt es in Jena 2020?", NONE, {"2020"}),
        ("Wie viele Mieter gibt es in Nairobi?", NAMES, {"nairobi"}),
        ("wieviel Miete zahlt man und wo", NONE, set()),
        ("2018年北京有多少GDP", NONE, {"2018", "gdp"}),
        ("ประชากร ๒๕๖๓", NONE, {"2563"}),
    ],
)
def test_numbers_known_names_and_capitals_are_entities(
    question: str, names: frozenset[str], entities: set[str]
) -> None:
    assert extract_entities(question, names) == entities


@pytest.mark.parametrize(
    ("question", "entities"),
    [
        ("Exports of Tea from Kenya to the United Kingdom", "kenya united kingdom"),
        (
            "Poverty in the United States and in the Republic of Kenya",
            "united states republic kenya",
        ),
        ("Flights from Lagos to Accra and on to Dakar via Abidjan", "lagos accra dakar abidjan"),
        ("Migration from South Sudan to Kenya and Uganda", "south sudan kenya uganda"),
        ("Trade between New Zealand and Papua New Guinea", "new zealand papua guinea"),
        ("Population of South Sudan", "south sudan"),
        ("Kenya vs South Africa", "south africa"),
        ("Compare Kenya, Uganda and Tanzania", "kenya uganda tanzania"),
        ("Is Kenya or Uganda or Ghana in the EAC?", "kenya uganda ghana eac"),
        ("Rate of Unemployment by Sex in Rio de Janeiro", "rio janeiro"),
        ("Median Household Income in Kenya by Age and Education", "kenya"),
        ("Is Poverty Falling in Kenya?", "kenya"),
        ("Access to Clean Water in Kenya", "kenya"),
        ("Exports to Kenya and South Sudan", "kenya south sudan"),
        # Other languages have no titles with capitals.
        ("Exportaciones de Kenia al Reino Unido", "kenia reino unido"),
        ("Commerce entre la France et le Royaume Uni", "france royaume uni"),
        ("Migratie van Zuid Soedan naar Kenia", "zuid soedan kenia"),
        ("Население России и Республики Беларусь", "россии республики беларусь"),
    ],
)
def test_a_title_like_question_protects_its_places(question: str, entities: str) -> None:
    assert extract_entities(question, NONE) == {*entities.split()}


@pytest.mark.parametrize(
    "question",
    [
        "Median Income of Households",
        "What Is the Median Income of Households",
        "Unemployment Rate by Age and Sex",
        "Which of the Two Big Countries Has More People per Doctor",
        "Health and Education Spending for Children at School",
        "Exports From Kenya To The United Kingdom",
        "EXPORTS FROM KENYA TO THE UNITED KINGDOM",
        "Anteil Kinder im Alter unter Armutsgrenze",
    ],
)
def test_the_capitals_of_a_title_alone_make_no_names(question: str) -> None:
    assert extract_entities(question, NONE) == set()


@pytest.mark.parametrize(
    ("question", "entities"),
    [
        ("Hvor mange mennesker bor der i København?", {"københavn"}),
        ("Hvor mange der bor i Oslo er unge?", {"oslo"}),
        ("Mit land er Danmark, og hvor mange bor der", {"danmark"}),
        ("Hvilken by i Norge har ein god skule?", {"norge"}),
        ("Hur många bor i Malmö?", {"malmö"}),
        ("Wie woont er in Nederland en in de buurt van Utrecht?", {"nederland", "utrecht"}),
        ("Waar werden de meeste huizen in Rotterdam gebouwd?", {"rotterdam"}),
        ("Hoeveel mense is daar in Kaapstad wat die taal praat?", {"kaapstad"}),
        ("Quels bei Roma e Milano", {"roma", "milano"}),
        # German, where a noun is no name.
        ("Wie hoch ist der Anteil der Arbeitslosen in Kenia?", set()),
        ("Was kostet die Miete für eine Wohnung mit Balkon?", set()),
        ("Anteil der Frauen und Kinder", set()),
        ("Wie viele Kinder hat er und wo wohnen die Eltern", set()),
    ],
)
def test_words_that_german_shares_with_other_languages_make_no_text_german(
    question: str, entities: set[str]
) -> None:
    assert extract_entities(question, NONE) == entities


def test_danish_and_dutch_documents_show_names() -> None:
    texts = [
        "Antallet der bor i Aarhus stiger.",
        "Der er mange i Aarhus.",
        "Aantal der inwoners van Delft",
        "Wie in de stad Delft woont",
    ]
    assert find_names(texts) == {"aarhus", "delft"}


@pytest.mark.parametrize(
    ("entities", "keeping", "losing"),
    [
        (set(), [""], []),
        ({"2019", "nairobi"}, ["Rents: NAIROBI, 2019"], ["", "rents in nairobi", "2019"]),
        ({"2019"}, ["the ２０１９ census"], ["rents in 20190", "rents in 201"]),
        ({"kenya"}, ["kenyan rents", "Kenya's rents"], ["rents of Uganda"]),
        ({"kenyan", "pensioners"}, ["pensioner rents of Kenya"], []),
        ({"us"}, ["US rents"], ["used rents"]),  # too short to have another form
        ({"laos"}, ["lao rents"], []),
        ({"niger", "india"}, ["Niger, India"], ["Nigeria, India", "Niger, Indiana"]),
        ({"2.5"}, ["2.5, or so"], ["5.2"]),
        ({"1000"}, ["people: 1,000."], ["1,000,000"]),
    ],
)
def test_any_form_of_a_word_keeps_it(
    entities: set[str], keeping: list[str], losing: list[str]
) -> None:
    kept = [text for text in keeping + losing if keeps_entities(text, entities, NONE)]
    assert kept == keeping


@pytest.mark.parametrize(("written", "entity"), [("niger", "nigerian"), ("nigerian", "niger")])
def test_a_demonym_belongs_to_the_longest_known_name(written: str, entity: str) -> None:
    assert not keeps_entities(f"{written} crops", {entity}, frozenset({"niger", "nigeria"}))
    assert keeps_entities(f"{written} crops", {entity}, frozenset({"niger"}))
    names = frozenset({"niger", "nigeria", "nigerian"})
    assert keeps_entities("nigerian crops", {"nigeria"}, names)


@given(question=st.text(max_size=40), names=st.frozensets(st.text(max_size=5), max_size=3))
def test_every_question_keeps_its_own_entities(question: str, names: frozenset[str]) -> None:
    assert keeps_entities(f"{question} and more", extract_entities(question, names), names)


@example(texts=["0<A𝐀"])  # a mathematical capital is a capital
@given(texts=st.lists(st.text(max_size=40), max_size=4))
def test_names_are_lower_case_words_of_the_texts(texts: list[str]) -> None:
    joined = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    assert all(name == name.casefold() and name in joined for name in find_names(texts * 2))


@pytest.mark.parametrize(
    ("entity", "keeping", "losing"),
    [
        ("méxico", "Mexico rents", "Morocco rents"),
        ("i̇zmir", "izmir kira", "rize kira"),
        ("москве", "население Москва", "население Минск"),
        ("австрии", "австрия", "австралия"),
        ("ираке", "ирак ираке", "иране"),
        ("2563", "ประชากร ๒๕๖๓", "ประชากร ๒๕๖๔"),
        ("2018", "2018年北京", "2019年北京"),
    ],
)
def test_accents_cases_and_scripts_of_digits_make_no_other_name(
    entity: str, keeping: str, losing: str
) -> None:
    assert lost_entities(keeping, {entity}, NONE) == []
    assert lost_entities(losing, {entity}, NONE) == [entity]


def test_a_turkish_name_is_kept_with_and_without_the_dot_of_its_i() -> None:
    names = find_names(["Nüfus büyüdü İstanbul kentinde.", "Kiralar arttı İstanbul kentinde."])
    entities = extract_entities("istanbul nüfusu", names)
    assert entities == {"istanbul"}
    assert not keeps_entities("ankara nüfusu", entities, names)
    assert keeps_entities("İstanbul nüfusu", entities, names)


def test_a_german_question_with_was_has_no_names_but_places() -> None:
    assert extract_entities("Was ist die Arbeitslosenquote in Kenia?", NONE) == set()
