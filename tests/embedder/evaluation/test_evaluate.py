"""Base and tuned model are measured on the same held-out examples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from findtune.embedder.evaluation.evaluate import (
    Evaluation,
    HeldOut,
    details,
    evaluate_model,
    metrics,
    pair_differences,
    read_held_out,
    summarize,
)
from findtune.embedder.model.folder import save_models
from findtune.embedder.model.similarity import MIN_PAIRS
from findtune.retrieval.encoder import load_encoder

MEASURES = ["ndcg@10", "mrr@10", "recall@1", "recall@10"]
OTHERS = ["pairs_spearman", "pairs_mae", "guard_spearman", "guard_mrr@10", "random_cosine"]
LISTS = [
    {"query": query, "documents": ["men", "rice", "rent"], "picked": picked, "group": query}
    for query, picked in (("jobless men", [1, 0, 0]), ("grain", [0, 1, 0]), ("grain", [0, 0, 1]))
]
GUARD_QUERIES = [
    {"query": query, "text": text}
    for query, text in (
        ("soup", "The soup is hot."),
        ("hot", "The soup is hot."),
        ("snow", "Snow."),
    )
]


@pytest.fixture(scope="module")
def held_out(example_folder: Path) -> HeldOut:
    """The held-out examples, with every scored pair twice: with and without a trained sentence."""
    read = read_held_out(example_folder)
    pairs = [pair | {"seen": seen} for pair in read.scored for seen in (True, False)]
    return replace(read, scored=pairs, lists=LISTS, guard_queries=GUARD_QUERIES)


@pytest.fixture(scope="module")
def evaluation(tiny_base: Path, held_out: HeldOut) -> Evaluation:
    """The base model compared with itself."""
    return evaluate_model({"embedder": tiny_base}, tiny_base, held_out)


def test_the_metrics_have_both_models_every_difference_and_the_verdict(
    evaluation: Evaluation, held_out: HeldOut
) -> None:
    values = metrics(evaluation, held_out, {"interpolation": 0.5}, seed=13)
    assert set(values["base"]) == {*MEASURES, *OTHERS}
    assert values["base"] == values["tuned"]
    assert (values["interpolation"], values["verdict"]) == (0.5, "INCONCLUSIVE")
    assert values["scored_pairs"] == values["difference_pairs"]["pairs"] == len(held_out.scored)
    assert values["difference_pairs_unseen"]["pairs"] == len(held_out.scored) / 2
    catalogs = {query["catalog"] for query in held_out.queries if query["known"]}
    numbers = [values[f"difference_{catalog}"]["queries"] for catalog in catalogs]
    assert sum(numbers) == values["queries"]
    assert (values["difference"]["measure"], values["difference"]["mean"]) == ("ndcg@10", 0)


def test_known_variables_new_ones_and_lists_each_have_their_own_measures(
    evaluation: Evaluation, held_out: HeldOut
) -> None:
    gain = {name: values + 0.2 for name, values in evaluation.tuned.per_query.items()}
    for name in gain:
        gain[name][held_out.known] += 0.1
    better = Evaluation(evaluation.base, replace(evaluation.tuned, per_query=gain))
    values = metrics(better, held_out, {"interpolation": 1}, seed=13)
    assert values["queries"] + values["new_variables_queries"] == len(held_out.queries)
    assert min(values["queries"], values["new_variables_queries"]) > 0
    assert values["difference"]["mean"] == pytest.approx(0.3)
    assert values["difference_new_variables"]["mean"] == pytest.approx(0.2)
    rise = values["new_variables_tuned"]["mrr@10"] - values["new_variables_base"]["mrr@10"]
    assert rise == pytest.approx(0.2)
    assert values["feedback_queries"] == values["difference_feedback"]["queries"] == len(LISTS)
    assert values["feedback_base"] == values["feedback_tuned"]


def test_without_known_variables_the_verdict_rests_on_new_ones_and_without_a_catalog_on_lists(
    tiny_base: Path, held_out: HeldOut
) -> None:
    new = [query for query in held_out.queries if not query["known"]]
    for queries, corpus, number in ((new, held_out.corpus, len(new)), ([], [], len(LISTS))):
        rest = replace(held_out, queries=queries, corpus=corpus, guard_queries=[])
        evaluated = evaluate_model({"embedder": tiny_base}, tiny_base, rest)
        values = metrics(evaluated, rest, {"interpolation": 1}, seed=13)
        assert values["queries"] == number
        assert values["difference"]["mean"] == 0
        assert "guard_mrr@10" not in values["base"]
        assert "new_variables_queries" not in values
        header, rows = details(evaluated, rest)["per_query"]
        assert [row[0] for row in rows] == list(range(number))
        mean = np.mean([row[header.index("tuned_ndcg@10")] for row in rows])
        assert mean == pytest.approx(values["tuned"]["ndcg@10"])


def test_after_a_refit_the_model_from_before_it_is_judged(
    tiny_base: Path, held_out: HeldOut, tmp_path: Path
) -> None:
    before = load_encoder(tiny_base)
    refitted = load_encoder(tiny_base)
    with torch.no_grad():
        for weight in refitted.parameters():
            weight.zero_()
    save_models(refitted, before, tmp_path)
    evaluated = evaluate_model({"embedder": tiny_base}, tmp_path, held_out)
    values = metrics(evaluated, held_out, {"interpolation": 1, "refit": True}, seed=13)
    assert values["base"] == values["tuned"]
    assert values["refit"] is True


@pytest.mark.parametrize("number", [0, MIN_PAIRS - 1])
def test_too_few_scored_pairs_have_no_difference(
    evaluation: Evaluation, held_out: HeldOut, number: int
) -> None:
    few = replace(held_out, scored=held_out.scored[:number])
    base = replace(evaluation.base, scored_cosines=evaluation.base.scored_cosines[:number])
    assert pair_differences(Evaluation(base, base), few, seed=13) == {}
    assert summarize(base, few)["pairs_spearman"] == 0


def test_the_details_have_a_row_for_each_query_and_each_scored_pair(
    evaluation: Evaluation, held_out: HeldOut
) -> None:
    tables = details(evaluation, held_out)
    header, rows = tables["per_query"]
    assert header[:3] == ["query", "base_ndcg@10", "tuned_ndcg@10"]
    assert [row[0] for row in rows] == list(range(len(held_out.queries)))
    assert [row[header.index("known")] for row in rows] == [q["known"] for q in held_out.queries]
    header, rows = tables["details"]
    assert header == ["label", "base", "tuned"]
    assert [row[0] for row in rows] == [pair["score"] for pair in held_out.scored]
