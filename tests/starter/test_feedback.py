"""The starter feedback keeps its rules, `ingest` accepts it, and its data card counts it right."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner

from findtune.core.files import read_json, read_jsonl
from findtune.core.text import words
from findtune.reranker.evaluation.baselines import as_shown_scores, bm25_scores
from findtune.reranker.model.ranked_lists import measure_lists
from stages.ingest import main
from starter.compose_feedback import LISTS, SEARCHES, compose
from starter.feedback import is_browser

pytestmark = pytest.mark.needs_starter_feedback

FOLDER = Path("data/training_data").absolute()
KINDS = (
    "Original question",
    "User reformulation",
    "Statistical term",
    "Words of an answer",
    "Key words only",
    "Made explicit",
    "Rephrased",
    "Broader",
    "Related subject",
    "Narrower",
)
LACK = re.compile(
    r"\b(no|without|nothing|lacks?|neither|not) (\w+ ){0,2}"
    r"(data|figures?|numbers?|statistics?|rates?|tables?|counts?|sources?|use|totals?|method)\b"
    r"|\b(says?|tells?|holds?|contains?) (nothing|no)\b|nothing (on|about)|not about|nobody counts",
    re.IGNORECASE,
)
FOREIGN = re.compile(
    r"[¿äöüßéèñç]|\b(combien|ventes|revenu|tasa|muertes|obesidad|pasajeros|alcaldesas|woran|und|"
    r"welches|wie viele|asylanträge)\b",
    re.IGNORECASE,
)
ASKS = re.compile(r"(how|what|which|who|where|why|is|are|do|does|did|can|have|has|at)\b", re.I)
STYLES = ("keywords", "whole sentence", "typo", "letter", "another language")
CARD = " ".join(Path("data/README.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def starter() -> SimpleNamespace:
    """Return the starter feedback: its files, and all searches and shown sources.

    ranked: the lists as the evaluation reads them. gains: 1 for each picked source of each list.
    """
    lists = read_json(FOLDER / LISTS)["reranker_data"]
    records = read_json(FOLDER / SEARCHES)["query_rewriting_data"]
    corpus = {row["url"]: row for row in read_jsonl(FOLDER / "corpus.jsonl")}
    return SimpleNamespace(
        lists=lists,
        records=records,
        corpus=corpus,
        grades=read_json(FOLDER / "judgments.json"),
        searches=[search for row in records for search in row["query_source_mapping"].values()],
        shown=[source for row in lists for source in row["all_sources"]],
        ranked=[
            {"query": row["query"], "documents": [{"text": text(x)} for x in row["all_sources"]]}
            for row in lists
        ],
        gains=[
            np.array([int(x["url"] in row["positive_sources"]) for x in row["all_sources"]])
            for row in lists
        ],
    )


def text(source: dict[str, str]) -> str:
    """Return the text of a shown source that the reranker reads."""
    return ". ".join(filter(None, (source["title"], source.get("snippet"))))


def ndcg(scores: list[np.ndarray], gains: list[np.ndarray]) -> float:
    """Return the mean nDCG@10 of the lists, as the evaluation measures it."""
    return float(measure_lists(scores, gains)["ndcg@10"].mean())


def random_ndcg(gains: list[np.ndarray]) -> float:
    """Return the expected nDCG@10 of the lists in random order."""
    discounts = 1 / np.log2(np.arange(2, 12))
    means = [
        row.mean() * discounts[: len(row)].sum() / discounts[: row.sum()].sum() for row in gains
    ]
    return float(np.mean(means))


def length_scores(ranked: list[dict], sign: int) -> list[np.ndarray]:
    """Return scores that rank by the length of the text."""
    return [np.array([sign * len(x["text"]) for x in row["documents"]]) for row in ranked]


def test_there_are_enough_questions_and_sources(starter: SimpleNamespace) -> None:
    assert len(starter.lists) == len({row["query"] for row in starter.lists}) >= 500
    assert len(starter.corpus) >= 3000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 7_000_000


def test_a_list_shows_10_to_15_sources_and_1_to_3_picks(starter: SimpleNamespace) -> None:
    for row in starter.lists:
        picks, listed = row["positive_sources"], [shown["url"] for shown in row["all_sources"]]
        assert 10 <= len(set(listed)) == len(listed) <= 15, row["query"]
        assert 1 <= len(picks) <= 3
        assert sorted(picks + row["negative_sources"]) == sorted(listed)
        assert starter.grades[row["query"]].keys() <= set(listed)


def test_composing_the_feedback_again_changes_no_byte(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER.name
    shutil.copytree(FOLDER, folder)
    compose(folder)
    for name in (LISTS, SEARCHES):
        assert (folder / name).read_bytes() == (FOLDER / name).read_bytes()


def test_a_record_does_not_tell_how_its_picks_were_made(starter: SimpleNamespace) -> None:
    names = {"query", "history", "all_sources", "positive_sources", "negative_sources", "timestamp"}
    assert all(row.keys() <= names for row in starter.lists)
    assert all(shown.keys() <= {"url", "title", "snippet"} for shown in starter.shown)
    share = np.mean([is_browser(row["query"]) for row in starter.lists])
    assert 0.28 < share < 0.38


def test_every_source_is_in_the_corpus_word_for_word_on_an_invented_host(
    starter: SimpleNamespace,
) -> None:
    assert all((urlsplit(url).hostname or "").endswith(".example") for url in starter.corpus)
    for shown in starter.shown:
        entry = starter.corpus[shown["url"]]
        assert (shown["title"], shown.get("snippet", "")) == (entry["title"], entry["text"])
    for search in starter.searches:
        for source in search["sources"]:
            entry = starter.corpus[source["url"]]
            assert source.get("title", entry["title"]) == entry["title"]


def test_a_search_record_belongs_to_the_list_of_its_question(starter: SimpleNamespace) -> None:
    for record, ranked in zip(starter.records, starter.lists, strict=True):
        mapping = record["query_source_mapping"]
        assert record["original_query"] == ranked["query"] == next(iter(mapping))
        assert record["selected_sources"] == ranked["positive_sources"]
        assert record.get("history") == ranked.get("history")
        assert len(mapping) == 6
        assert {search["reasoning"] for search in mapping.values()} <= set(KINDS)


def test_no_snippet_says_that_a_page_holds_no_data(starter: SimpleNamespace) -> None:
    assert not [row["url"] for row in starter.corpus.values() if LACK.search(row["text"])]


def test_picks_are_as_long_as_other_sources(starter: SimpleNamespace) -> None:
    lengths = np.array([len(text(shown)) for shown in starter.shown])
    picked = np.concatenate(starter.gains).astype(bool)
    assert lengths[picked].mean() == pytest.approx(lengths[~picked].mean(), rel=0.03)
    chance = random_ndcg(starter.gains)
    for sign in (1, -1):
        by_length = ndcg(length_scores(starter.ranked, sign), starter.gains)
        assert by_length == pytest.approx(chance, abs=0.03)


def test_words_help_but_mislead_sometimes(starter: SimpleNamespace) -> None:
    words_alone = ndcg(bm25_scores(starter.ranked), starter.gains)
    chance = random_ndcg(starter.gains)
    as_shown = ndcg(as_shown_scores(starter.ranked), starter.gains)
    assert chance + 0.1 < words_alone
    assert 0.45 <= words_alone <= 0.65
    assert chance + 0.1 < as_shown <= 0.7
    numbers = f"BM25 {words_alone:.2f}, as shown {as_shown:.2f}, random {chance:.2f}"
    assert numbers in CARD


def misspelt(question: str, known: set[str]) -> bool:
    """Return whether a word of a question is unknown, and one edit away from a known word."""
    for word in words(question.lower()):
        if len(word) >= 5 and word.isalpha() and word not in known and known & {*edits(word)}:
            return True
    return False


def edits(word: str) -> Iterator[str]:
    """Yield the texts of five letters or more that are one edit away from a word."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        yield from (head + letter + tail for letter in letters)


def style(question: str, known: set[str]) -> str:
    """Return the style of a question."""
    if len(question.split()) >= 40:
        return "letter"
    if FOREIGN.search(question):
        return "another language"
    if misspelt(question, known):
        return "typo"
    asks = question.endswith(("?", ".")) or (ASKS.match(question) and len(question.split()) > 4)
    return "whole sentence" if asks else "keywords"


def test_questions_come_in_five_styles(starter: SimpleNamespace) -> None:
    texts = [f"{row['title']} {row['text']}" for row in starter.corpus.values()]
    known = {word for entry in texts for word in words(entry.lower())}
    known |= {
        word
        for row in starter.records
        for query, search in row["query_source_mapping"].items()
        if search["reasoning"] not in ("Original question", "User reformulation")
        for word in words(query.lower())
    }
    styles = Counter(style(row["query"], known) for row in starter.lists)
    assert styles["another language"] >= 10
    for name in STYLES[:4]:
        assert styles[name] >= 0.08 * len(starter.lists), (name, styles)
    assert ", ".join(f"{styles[name]} {name}" for name in STYLES) in CARD, styles


def test_users_reformulate_and_ask_on(starter: SimpleNamespace) -> None:
    own = [
        [*(search["reasoning"] for search in row["query_source_mapping"].values())].count(KINDS[1])
        for row in starter.records
    ]
    sessions = sum(2 <= number <= 3 for number in own)
    histories = [row["history"] for row in starter.records if "history" in row]
    assert sessions >= 100
    assert len(histories) >= 60
    assert all(history and all(map(str.strip, history)) for history in histories)
    assert f"{sessions} records with the user's own reformulations" in CARD
    assert f"{len(histories)} records with a history" in CARD


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("reranker", "ranked_lists"),
        ("reranker", "judgments"),
        ("rewriter", "searches"),
        ("rewriter", "corpus"),
    ],
)
def test_ingest_accepts_all_of_it(
    starter: SimpleNamespace, model: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FOLDER.name).symlink_to(FOLDER)
    shutil.copyfile("params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [model, kind], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    counts = read_json(Path(f"data/clean/{model}/{kind}.counts.json"))
    assert counts.get("rejected", 0) == 0
    if kind != "corpus":
        assert counts.get("records", counts.get("queries")) == len(starter.lists)


def test_the_card_counts_questions_and_sources(starter: SimpleNamespace) -> None:
    times = Counter(shown["url"] for shown in starter.shown)
    bare = [not row["text"] for row in starter.corpus.values()]
    bare_shown = [not shown.get("snippet") for shown in starter.shown]
    days = [row["timestamp"][:10] for row in (*starter.lists, *starter.records)]
    browsers = sum(is_browser(row["query"]) for row in starter.lists)
    for phrase in (
        f"{len(starter.lists)} questions on people",
        f"{len(bare)} in the corpus, {len(times)} of them shown, "
        f"{sum(number > 1 for number in times.values())} in more than one list",
        f"{sum(bare)} of the corpus ({100 * np.mean(bare):.1f} %), {sum(bare_shown)} of the "
        f"{len(bare_shown)} shown ({100 * np.mean(bare_shown):.1f} %)",
        f"{browsers} of {len(starter.lists)} lists have position bias",
        f"{min(days)} to {max(days)}",
    ):
        assert phrase in CARD, phrase


def test_the_card_counts_grades_and_picks(starter: SimpleNamespace) -> None:
    graded = Counter(grade for row in starter.grades.values() for grade in row.values())
    graded[0] = len(starter.shown) - graded.total()
    number = Counter(len(row["positive_sources"]) for row in starter.lists)
    picked = sum(picks * lists for picks, lists in number.items())
    good = graded[2] + graded[3]
    picked_good = sum(
        starter.grades[row["query"]].get(url, 0) >= 2
        for row in starter.lists
        for url in row["positive_sources"]
    )
    for phrase in (
        ", ".join(f"{graded[grade]} of grade {grade}" for grade in (3, 2, 1, 0)),
        f"{picked}: one in {number[1]} lists, two in {number[2]}, three in {number[3]}",
        f"of {good} sources of grade 2 or 3, {picked_good} were picked",
    ):
        assert phrase in CARD, phrase


def test_the_card_counts_searches_and_what_they_miss(starter: SimpleNamespace) -> None:
    kinds = Counter(search["reasoning"] for search in starter.searches)
    missed = picked = 0
    for record in starter.records:
        searches, picks = record["query_source_mapping"].values(), {*record["selected_sources"]}
        picked += len(picks)
        missed += len(picks - {shown["url"] for search in searches for shown in search["sources"]})
    for phrase in (
        *(
            ", ".join(f"{kinds[kind]} {kind.lower()}" for kind in names)
            for names in (KINDS[1:2], KINDS[2:6], KINDS[6:])
        ),
        f"{missed} of the {picked} picks are in no",
    ):
        assert phrase in CARD, phrase
