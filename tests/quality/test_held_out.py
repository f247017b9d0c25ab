"""Held-out data: counted by group, and few questions show large effects only."""

from pathlib import Path

import pytest

from findtune.core.files import write_jsonl
from findtune.core.records import Record
from findtune.quality.held_out import HeldOut, measure_held_out

# fmt: off
WORDS = ["jobs", "bread", "tea", "rain", "wolves", "births", "roads", "prices", "schools", "beds",
         "homes", "votes"]
# fmt: on


def write_examples(folder: Path, rows: list[Record], corpus: list[Record]) -> None:
    for split in ("train", "dev", "test"):
        write_jsonl(folder / f"{split}.jsonl", rows if split == "test" else rows[:3])
    write_jsonl(folder / "corpus.jsonl", corpus)


def list_row(number: int) -> Record:
    word, other = WORDS[number % 12], WORDS[(number * 7 + 3) % 12]
    texts = [f"{word} by year", f"{other} and {word}", f"{other} per head"]
    documents = [
        {"text": text, "gain": float(rank == number % 3)} for rank, text in enumerate(texts)
    ]
    query = f"how many {word} {number}"
    return {"kind": "list", "query": query, "group": f"{number // 2}", "documents": documents}


def lists(folder: Path, count: int) -> HeldOut:
    write_examples(folder, [list_row(number) for number in range(count)], [])
    return measure_held_out("reranker", folder)


def test_questions_of_one_topic_count_once(tmp_path: Path) -> None:
    held_out = lists(tmp_path, 40)
    assert held_out[:6] == ("reranker", 3, 3, 40, 20, "ndcg@10")


def test_more_questions_show_a_smaller_effect(tmp_path: Path) -> None:
    assert 0 < lists(tmp_path, 160).effect < lists(tmp_path, 24).effect <= 1


@pytest.mark.parametrize("count", [0, 1])
def test_so_few_questions_show_nothing(count: int, tmp_path: Path) -> None:
    assert lists(tmp_path, count).effect == 1


@pytest.mark.parametrize(("model", "kind"), [("embedder", "query"), ("rewriter", "question")])
def test_models_that_search_are_measured_on_their_corpus(
    model: str, kind: str, tmp_path: Path
) -> None:
    names = ("dcid", "dcids", "text") if kind == "query" else ("url", "picks", "query")
    corpus = [{names[0]: word, "text": f"{word} by region and year"} for word in WORDS]
    rows = [
        {"kind": kind, names[1]: [word], names[2]: f"{word} {number}"}
        | ({"known": True} if kind == "query" else {"group": word})
        for number, word in enumerate(2 * WORDS)
    ]
    write_examples(tmp_path, rows, corpus)
    held_out = measure_held_out(model, tmp_path)
    assert (held_out.test, held_out.measure[-3:]) == (24, "@10")
    assert 0 <= held_out.effect < 0.2  # both rankings answer nearly all of these questions


def test_an_embedder_without_a_catalog_is_judged_on_lists(tmp_path: Path) -> None:
    rows = [list_row(number) for number in range(40)]
    for row in rows:
        row["picked"] = [document["gain"] == 1 for document in row["documents"]]
        row["documents"] = [document["text"] for document in row["documents"]]
    write_examples(tmp_path, rows, [])
    held_out = measure_held_out("embedder", tmp_path)
    assert held_out == lists(tmp_path, 40)._replace(model="embedder")
    assert 0 < held_out.effect < 1


def test_an_embedder_is_judged_on_the_variables_that_it_learns(tmp_path: Path) -> None:
    corpus = [{"dcid": word, "text": f"{word} by region and year"} for word in WORDS]
    rows = [
        {"kind": "query", "dcids": [word], "text": word, "known": number < 5}
        for number, word in enumerate(WORDS)
    ]
    write_examples(tmp_path, rows, corpus)
    assert measure_held_out("embedder", tmp_path).test == 5
    write_examples(tmp_path, rows[5:], corpus)
    assert measure_held_out("embedder", tmp_path).test == 7


def test_a_rewriter_is_not_judged_on_questions_without_picks(tmp_path: Path) -> None:
    corpus = [{"url": word, "text": f"{word} by region and year"} for word in WORDS]
    rows = [
        {"kind": "question", "picks": [word] * (number < 5), "query": word, "group": word}
        for number, word in enumerate(WORDS)
    ]
    write_examples(tmp_path, rows, corpus)
    assert measure_held_out("rewriter", tmp_path)[3:5] == (5, 5)


def test_questions_of_train_are_nothing_to_learn_from(tmp_path: Path) -> None:
    question: Record = {"kind": "question", "picks": ["u"], "query": "q", "group": "g"}
    write_examples(tmp_path, [question], [{"url": "u", "text": "q"}])
    write_jsonl(tmp_path / "train.jsonl", [question, {**question, "kind": "rewrite"}])
    assert measure_held_out("rewriter", tmp_path).train == 1
