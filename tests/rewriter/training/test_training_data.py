"""What is read of train: questions by their hash, and the words of all texts."""

from pathlib import Path

from findtune.core.files import write_jsonl
from findtune.core.records import Record
from findtune.retrieval.corpus import Corpus
from findtune.rewriter.training.training_data import (
    all_targets,
    fold_lexicon,
    learn_lexicon,
    read_train,
    sample_questions,
)

QUESTIONS: list[Record] = [
    {"kind": "question", "query": f"tea {number}", "history": [], "picks": ["a"] * (number % 2)}
    for number in range(20)
]


def test_the_same_answered_questions_are_sampled_whatever_their_order() -> None:
    sampled = sample_questions(QUESTIONS, 4)
    assert sample_questions(QUESTIONS[::-1], 4) == sampled
    assert sample_questions(QUESTIONS, 99)[:4] == sampled
    assert len(sample_questions(QUESTIONS, 99)) == 10  # the others have no pick
    assert sampled != [question for question in QUESTIONS if question["picks"]][:4]
    assert sample_questions(QUESTIONS, 0) == []


def test_corpus_questions_histories_and_targets_are_in_the_lexicon(tmp_path: Path) -> None:
    target = {"kind": "title", "query": "cups", "history": ["milk"], "target": "Tea pots"}
    write_jsonl(tmp_path / "train.jsonl", [QUESTIONS[0], target])
    (tmp_path / "names.json").write_text('["kenya"]', encoding="utf-8")
    corpus = Corpus({"a": "price of bread"}, {"a": "Bread"})
    lexicon = learn_lexicon(tmp_path, corpus, read_train(tmp_path))
    assert lexicon.names == {"kenya"}
    expected = "tea 0 cups milk pots price of bread"
    assert lexicon.vocabulary == {*expected.split()}


def test_words_that_only_left_out_targets_have_are_not_in_the_lexicon_of_a_fold(
    tmp_path: Path,
) -> None:
    targets = [
        {"kind": "rewrite", "query": f"tea {number}", "history": [], "target": f"{word} bread"}
        for number, word in enumerate(["pots", "cups"])
    ]
    write_jsonl(tmp_path / "train.jsonl", [*QUESTIONS[:2], *targets])
    (tmp_path / "names.json").write_text("[]", encoding="utf-8")
    rows, corpus = read_train(tmp_path), Corpus({"a": "price of milk"}, {"a": "Milk"})
    lexicon = fold_lexicon(tmp_path, corpus, rows, all_targets(rows)[1:])
    assert lexicon.vocabulary == {*["tea", "0", "1", "cups", "bread", "price", "of", "milk"]}


def test_a_question_that_many_ask_is_sampled_once() -> None:
    asked = [{**QUESTIONS[1], "query": text} for text in ("rent in Oslo", "Rents in Oslo?") * 50]
    sampled = sample_questions([*asked, *QUESTIONS], 99)
    assert len(sampled) == 11
