"""Search methods are measured on held-out questions, with tiny models and without any."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from findtune.core.files import read_json, read_jsonl, write_jsonl
from findtune.retrieval.corpus import Corpus
from findtune.retrieval.kinds import RETRIEVERS
from findtune.retrieval.search import BM25Search, open_searches
from findtune.rewriter.evaluation import evaluate
from findtune.rewriter.evaluation.held_out import HeldOut, read_held_out
from findtune.rewriter.evaluation.methods import (
    SearchMethod,
    baseline_settings,
    measure_methods,
    search_methods,
)
from findtune.rewriter.evaluation.results import Evaluation, ModelRewrites
from findtune.rewriter.model.rewriter import load, load_as_rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.training.fit_result import FitResult

Tuned = dict[str, FitResult]
TEXTS = {"tea": "Tea that is drunk", "cup": "Cups and pots", "rice": "Rice that is eaten"}
TEXTS |= {"sun": "Sun and tea"}
TITLES = TEXTS | {"tea": "Tea drunk", "rice": "Rice eaten"}
BM25 = BM25Search(Corpus(TEXTS, TITLES))


def test_each_method_fuses_question_rewrites_and_titles(make_settings: Any) -> None:
    with_titles = make_settings(fb_docs=1)  # the title of the top document finds tea
    no_rewrites, rewrites = [[[], []]], [[["rice"], ["tea"]], [["zebra"], []]]
    methods = {"original": SearchMethod(make_settings(), no_rewrites)}
    methods |= {"prf": SearchMethod(with_titles, no_rewrites)}
    methods |= {"tuned": SearchMethod(with_titles, rewrites)}
    relevant = [["sun", "tea", "rice"], ["tea"]]
    result = measure_methods(methods, BM25, ["sun", "zebra"], relevant)
    recall = {name: measures["recall@10"].tolist() for name, measures in result.items()}
    assert recall["original"] == [1 / 3, 0]
    assert recall["prf"] == [2 / 3, 0]
    assert recall["tuned"] == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])  # means over seeds
    assert result["tuned"]["mrr@10"].tolist() == [1, 1 / 4]  # sun ranks first, tea second


def test_questions_without_a_relevant_document_are_left_out(make_settings: Any) -> None:
    grades: list[dict[str, int]] = [{"a": 3, "b": 0}, {}, {"b": 0}, {"c": 1}]
    questions = [{"query": "tea", "qrels": qrels} for qrels in grades]
    graded = HeldOut(questions, Corpus({}, {})).graded
    assert graded == [["a"], [], [], ["c"]]
    methods = {"original": SearchMethod(make_settings(), [[[]] * 4])}
    for relevant, number in ((graded, 2), ([[]] * 4, 0)):
        result = measure_methods(methods, BM25, ["tea"] * 4, relevant)
        assert len(result["original"]["recall@10"]) == number


def test_the_untuned_methods_are_searched_as_dev_liked_them(
    make_settings: Any, tmp_path: Path
) -> None:
    settings = make_settings(fb_docs=2)
    prf = make_settings(ships="titles", num_rewrites=0, fb_docs=5, rank_constant=60)
    base = make_settings(ships="base", num_rewrites=1)
    base.write(tmp_path / "base.json")
    original = make_settings(ships="question", num_rewrites=0)
    assert baseline_settings(tmp_path, settings) == {"original": original, "base": base}
    prf.write(tmp_path / "prf.json")
    baselines = baseline_settings(tmp_path, settings)
    assert baselines == {"original": original, "prf": prf, "base": base}
    rewrites = {model: [ModelRewrites([["x"]], [[model]], [[0.0]])] for model in ("base", "tuned")}
    assert search_methods({**baselines, "tuned": settings}, rewrites) == {
        "original": (original, [[[]]]),
        "prf": (prf, [[[]]]),
        "base": (base, [[["base"]]]),
        "tuned": (settings, [[["tuned"]]]),
    }


def test_each_searched_rewrite_is_also_searched_by_itself() -> None:
    assert evaluate.recall_of_each(BM25, ["tea", "cups", "zebra"], ["tea", "cup"]) == [
        0.5,
        0.5,
        0.0,
    ]
    assert evaluate.recall_of_each(BM25, [], ["tea"]) == []


@pytest.fixture(scope="module")
def held_out(rewriter_examples: Path) -> HeldOut:
    return read_held_out(rewriter_examples)


@pytest.fixture(scope="module")
def saved(tuned: Tuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tuned T5."""
    folder = tmp_path_factory.mktemp("saved")
    tuned["t5"].save(folder)
    settings = tuned["t5"].model.settings  # whatever dev selects of six questions
    settings.model_copy(update={"ships": "tuned", "num_rewrites": 2}).write(
        folder / "rewriter.json"
    )
    return folder


@pytest.fixture(scope="module")
def evaluation(tiny_t5: Path, tiny_base: Path, saved: Path, held_out: HeldOut) -> Evaluation:
    return evaluate.evaluate_model({"rewriter": tiny_t5, "embedder": tiny_base}, saved, held_out)


def test_only_questions_with_picks_count(
    rewriter_examples: Path, held_out: HeldOut, tmp_path: Path
) -> None:
    assert len(held_out.questions) > 3
    assert all(picks and set(picks) <= set(held_out.corpus.texts) for picks in held_out.picks)
    without_picks, *others = read_jsonl(rewriter_examples / "test.jsonl")
    write_jsonl(tmp_path / "test.jsonl", [without_picks | {"picks": []}, *others])
    shutil.copy(rewriter_examples / "corpus.jsonl", tmp_path)
    assert read_held_out(tmp_path).questions == held_out.questions[1:]
    assert held_out.first(2).questions == held_out.questions[:2]


def test_base_and_tuned_write_with_the_settings_that_suit_each_and_the_same_seeds(
    evaluation: Evaluation, saved: Path, held_out: HeldOut, tiny_t5: Path
) -> None:
    rewriter, search = load(saved), BM25Search(held_out.corpus)
    settings = RewriterSettings(**read_json(saved / "base.json"))
    base = load_as_rewriter(tiny_t5, settings, rewriter.lexicon)
    for name, model in (("base", base), ("tuned", rewriter)):
        expected = [
            evaluate.write_rewrites(model, held_out, search, seed) for seed in evaluate.EVAL_SEEDS
        ]
        assert evaluation.rewrites[name] == expected
    assert expected[1].samples == rewriter.sample(held_out.queries, evaluate.EVAL_SEEDS[1])
    assert expected[1].searched == rewriter.rewrites(held_out.queries, evaluate.EVAL_SEEDS[1])


def test_where_the_base_ships_its_rewrites_are_sampled_once(
    tiny_t5: Path,
    tiny_base: Path,
    saved: Path,
    held_out: HeldOut,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(*arguments: Any) -> ModelRewrites:
        sampled.append(arguments[-1])
        return write_rewrites(*arguments)

    sampled: list[int] = []
    write_rewrites = evaluate.write_rewrites
    monkeypatch.setattr(evaluate, "write_rewrites", write)
    bases, few = {"rewriter": tiny_t5, "embedder": tiny_base}, held_out.first(3)
    lexicon, settings = load(saved).lexicon, RewriterSettings(**read_json(saved / "base.json"))
    load_as_rewriter(tiny_t5, settings, lexicon).save(tmp_path)
    settings.write(tmp_path / "base.json")
    rewrites = evaluate.evaluate_model(bases, tmp_path, few, seeds=[1, 2]).rewrites
    assert sampled == [1, 2]
    assert rewrites["base"] == rewrites["tuned"]
    evaluate.evaluate_model(bases, saved, few, seeds=[1, 2])  # a tuned model ships
    assert sampled == [1, 2] * 3


def test_all_ways_to_search_are_measured_and_the_rewriters_own_one_decides(
    evaluation: Evaluation, saved: Path, held_out: HeldOut, tiny_base: Path
) -> None:
    settings = {**baseline_settings(saved, load(saved).settings), "tuned": load(saved).settings}
    methods = search_methods(settings, evaluation.rewrites)
    searches = open_searches(held_out.corpus, tiny_base)
    assert (evaluation.ships, evaluation.retriever) == ("tuned", "bm25")
    assert set(evaluation.by_retriever) == set(RETRIEVERS)
    for name, measures in evaluation.by_retriever.items():
        search = searches.by_name(name)
        expected = measure_methods(methods, search, held_out.queries, held_out.picks)
        np.testing.assert_equal(measures, expected)
    assert evaluation.decisive is evaluation.by_retriever["bm25"]
    assert set(evaluation.others) == {"dense", "hybrid"}


def test_no_embedder_is_needed_if_only_bm25_is_measured(
    tiny_t5: Path, saved: Path, held_out: HeldOut, tmp_path: Path
) -> None:
    bases, first = {"rewriter": tiny_t5, "embedder": tmp_path / "missing"}, held_out.first(2)
    evaluation = evaluate.evaluate_model(
        bases, saved, first, seeds=[13], with_other_retrievers=False
    )
    assert set(evaluation.by_retriever) == {"bm25"}
    assert [len(by_seed) for by_seed in evaluation.rewrites.values()] == [1, 1]


def test_where_the_question_ships_tuned_is_the_question_alone(
    bases: dict[str, Path], tiny_base: Path, saved: Path, held_out: HeldOut, tmp_path: Path
) -> None:
    folder = tmp_path / "question"
    shutil.copytree(saved, folder)
    settings = load(saved).settings
    question = settings.model_copy(update={"ships": "question", "num_rewrites": 0, "fb_docs": 0})
    question.write(folder / "rewriter.json")
    all_bases = {"rewriter": bases["t5"], "embedder": tiny_base}
    evaluation = evaluate.evaluate_model(all_bases, folder, held_out.first(4), seeds=[13])
    for measures in (*evaluation.by_retriever.values(), evaluation.graded):
        np.testing.assert_equal(measures["tuned"], measures["original"])
    facts = {"interpolation": 0, "num_rewrites": 0, "fb_docs": 0}
    result = evaluate.metrics(evaluation, held_out.first(4), facts, 13)
    assert result["ships"] == "question"
    assert result["difference"]["mean"] == result["difference"]["ci_low"] == 0
    assert result["difference"]["ci_high"] == 0
    assert result["tuned"]["num_rewrites"] == 0
