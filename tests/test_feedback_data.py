"""The starter feedback is what the data card says of it, and `ingest` takes all of it."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bm25s
import numpy as np
import pytest
import snowballstemmer
import starter
from click.testing import CliRunner

from findtune.bm25 import Index
from findtune.splits import near
from stages.ingest import main

if not starter.FEEDBACK:
    pytest.skip(starter.REASON, allow_module_level=True)

FOLDER = Path("data/training_data")
Record = dict[str, Any]


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


CARD = " ".join(Path("data/README.md").read_text(encoding="utf-8").split())
LISTS: list[Record] = read("reranker_training_data.json")["reranker_data"]
REWRITTEN: list[Record] = read("query_rewriting_training_data.json")["query_rewriting_data"]
JUDGED: dict[str, dict[str, int]] = read("judgments.json")
POOL: list[Record] = [
    json.loads(line) for line in (FOLDER / "corpus.jsonl").read_text("utf-8").splitlines()
]
TEXTS = [f"{source['title']}. {source['text']}" for source in POOL]
URLS = [source["url"] for source in POOL]
GOOD = ("Statistical term", "Words of an answer", "Key words only", "Made explicit")
BAD = ("Rephrased", "Broader", "Related subject", "Narrower")


def shown() -> Iterator[tuple[Record, Record, int]]:
    """Yield each list, each source that it shows, and the grade of the source."""
    for it in LISTS:
        for source in it["all_sources"]:
            yield it, source, JUDGED[it["query"]].get(source["url"], 0)


def searches() -> Iterator[Record]:
    for it in REWRITTEN:
        yield from it["query_source_mapping"].values()


def good_sources(it: Record) -> int:
    return sum(grade >= 2 for grade in JUDGED[it["query"]].values())


def picks(it: Record) -> list[str]:
    found: list[str] = it["positive_sources"]
    return found


def test_there_is_enough_to_learn_from() -> None:
    assert len(LISTS) >= 300
    assert len(POOL) >= 600
    assert all(10 <= len(it["all_sources"]) <= 15 for it in LISTS)
    assert sum(good_sources(it) < 3 for it in LISTS) >= 50


def test_a_pick_was_shown_and_is_good_and_the_best_stands_first() -> None:
    for it in LISTS:
        urls = [source["url"] for source in it["all_sources"]]
        assert len(set(urls)) == len(urls), it["query"]
        assert sorted(picks(it) + it["negative_sources"]) == sorted(urls), it["query"]
        grades = [JUDGED[it["query"]].get(url, 0) for url in picks(it)]
        assert len(grades) == min(3, good_sources(it)) > 0, it["query"]
        assert grades == sorted(grades, reverse=True), it["query"]
        assert grades[-1] >= 2, it["query"]


def test_the_judgments_grade_what_was_shown_and_leave_out_the_zeros() -> None:
    assert list(JUDGED) == [it["query"] for it in LISTS]
    for it in LISTS:
        assert JUDGED[it["query"]].keys() <= {source["url"] for source in it["all_sources"]}
    assert {grade for grades in JUDGED.values() for grade in grades.values()} == {1, 2, 3}


def test_every_source_is_in_the_pool_word_for_word() -> None:
    pool = {source["url"]: source for source in POOL}
    assert len(pool) == len(POOL)
    found = [source for it in searches() for source in it["sources"]]
    for source in found + [source for _, source, _ in shown()]:
        it = pool[source["url"]]
        assert (source["title"], source.get("snippet", "")) == (it["title"], it["text"])


def test_every_host_is_an_invented_one() -> None:
    assert all((urlsplit(url).hostname or "").endswith(".example") for url in URLS)


def test_no_two_questions_are_near_same() -> None:
    stems = [(it["query"], set(near(it["query"]).split())) for it in LISTS]
    for (one, mine), (two, its) in combinations(stems, 2):
        assert len(mine & its) < 0.6 * len(mine | its), (one, two)


def test_a_rewritten_question_is_one_that_was_shown_a_list() -> None:
    assert [it["original_query"] for it in REWRITTEN] == [it["query"] for it in LISTS]
    for it, ranked in zip(REWRITTEN, LISTS, strict=True):
        asked = [search["query"] for search in it["query_source_mapping"].values()]
        assert asked == list(it["query_source_mapping"])
        assert asked[0] == it["original_query"]
        assert len(asked) == 6
        assert it["selected_sources"] == picks(ranked)
        assert {source["query_used"] for source in ranked["all_sources"]} <= set(asked)


def test_a_good_rewrite_is_what_brought_a_source_that_the_question_did_not() -> None:
    assert {it["reasoning"] for _, it, _ in shown()} == {"Original question", *GOOD}
    for it in REWRITTEN:
        kinds = [search["reasoning"] for search in it["query_source_mapping"].values()]
        assert sum(kind in GOOD for kind in kinds) in (2, 3)


def test_a_search_has_the_five_sources_that_bm25_puts_first() -> None:
    # bm25s with its own English stop words, which are more than ours
    stems = snowballstemmer.stemmer("english").stemWords
    options = {"stopwords": "en", "stemmer": stems, "show_progress": False}
    index = bm25s.BM25()
    index.index(bm25s.tokenize(TEXTS, **options), show_progress=False)
    asked = bm25s.tokenize([it["query"] for it in searches()], return_ids=False, **options)
    for it, words in zip(searches(), asked, strict=True):
        scores = index.get_scores([word for word in words if word in index.vocab_dict])
        best = [at for at in np.argsort(-scores, kind="stable")[:5] if scores[at] > 0]
        assert [source["url"] for source in it["sources"]] == [URLS[at] for at in best]


def test_our_own_index_finds_nearly_the_same() -> None:
    # It knows fewer stop words: of one search in 2880 it puts less than 60 % among its first ten.
    index = Index(TEXTS)
    shares = []
    for it in searches():
        best = {URLS[at] for at in index.best(it["query"], 10)}
        shares.append(np.mean([source["url"] in best for source in it["sources"]]))
    assert sum(share < 0.6 for share in shares) <= 1
    assert np.mean(shares) > 0.99


@pytest.mark.parametrize("kind", ["reranker", "judgments", "rewriting"])
def test_ingest_takes_all_of_it(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / FOLDER).symlink_to(FOLDER.absolute())
    shutil.copyfile("params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(main, [kind], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    [path] = Path("data/clean").rglob(f"{kind}.counts.json")
    counts = json.loads(path.read_text(encoding="utf-8"))
    assert counts.get("rejected", 0) == 0
    assert counts.get("records", counts.get("questions")) == len(LISTS)


# The card


def test_the_card_counts_questions_and_sources() -> None:
    often = Counter(source["url"] for _, source, _ in shown())
    several = sum(times > 1 for times in often.values())
    assert f"{len(LISTS)} questions on people" in CARD
    assert f"{len(POOL)} in the pool, {len(often)} of them shown, {several} in more than" in CARD
    bare = [not source["text"] for source in POOL]
    bare_shown = [not source.get("snippet") for _, source, _ in shown()]
    pool = f"{sum(bare)} of the pool ({np.mean(bare):.1%})".replace("%", " %")
    assert f"{pool}, {sum(bare_shown)} of the {len(bare_shown)} shown" in CARD
    assert f"shown ({np.mean(bare_shown):.1%})".replace("%", " %") in CARD


def test_the_card_counts_grades_and_picks() -> None:
    grades = Counter(grade for _, _, grade in shown())
    assert ", ".join(f"{grades[grade]} of grade {grade}" for grade in (3, 2, 1, 0)) in CARD
    most = Counter(len(picks(it)) for it in LISTS)
    picked = sum(len(picks(it)) for it in LISTS)
    assert f"{picked}: one in {most[1]} lists, two in {most[2]}, three in {most[3]}" in CARD
    few = sum(good_sources(it) < 3 for it in LISTS)
    assert f"lists with fewer than three sources of grade 2 or 3 | {few} |" in CARD
    good = grades[2] + grades[3]
    assert f"of {good} sources of grade 2 or 3, {picked} were picked" in CARD
    assert f"the other {good - picked} are a fourth or fifth" in CARD


def test_the_card_counts_rewrites_and_what_they_miss() -> None:
    kinds = Counter(it["reasoning"] for it in searches())
    for named in (GOOD, BAD):
        assert ", ".join(f"{kinds[kind]} {kind.lower()}" for kind in named) in CARD
    assert sum(kinds[kind] for kind in GOOD + BAD) == 5 * len(REWRITTEN)
    fewer = sum(len(it["sources"]) < 5 for it in searches())
    assert f"{fewer} of the {kinds.total()} searches match fewer" in CARD
    missed = sum(len({*it["selected_sources"]} - brought(it)) for it in REWRITTEN)
    assert f"{missed} of the {sum(len(picks(it)) for it in LISTS)} picks are in no search" in CARD


def brought(it: Record) -> set[str]:
    """Return the URLs that the searches for a question bring."""
    found = it["query_source_mapping"].values()
    return {source["url"] for search in found for source in search["sources"]}


def test_the_card_tells_the_times() -> None:
    times = [it["timestamp"] for it in (*LISTS, *REWRITTEN)]
    assert f"{min(times)[:10]} to {max(times)[:10]}" in CARD


def test_the_card_tells_how_words_mislead() -> None:
    first = [next(iter(it["query_source_mapping"].values()))["sources"][0] for it in REWRITTEN]
    picked = sum(
        it["url"] in asked["selected_sources"] for it, asked in zip(first, REWRITTEN, strict=True)
    )
    assert f"BM25's first source was picked in {picked} of {len(LISTS)} lists" in CARD
    index, places = Index(TEXTS), {url: at for at, url in enumerate(URLS)}
    by_words, by_chance = [], []
    for it in LISTS:
        urls = [source["url"] for source in it["all_sources"]]
        scores = index.scores(it["query"])[[places[url] for url in urls]]
        gains = np.isin(urls, picks(it))[np.argsort(-scores, kind="stable")]
        by_words.append(ndcg(gains, gains.sum()))
        by_chance.append(ndcg(np.full(len(urls), gains.mean()), gains.sum()))
    words, chance = np.mean(by_words), np.mean(by_chance)
    assert f"lower (nDCG@10 {words:.2f}) than in a random one ({chance:.2f})" in CARD


def ndcg(gains: np.ndarray, picked: int) -> float:
    """Return nDCG@10 of a list in its order; of the mean gain everywhere, that of all orders."""
    discounts = 1 / np.log2(np.arange(2, 12))
    found = gains[:10] * discounts[: len(gains)]
    return float(found.sum() / discounts[:picked].sum())
