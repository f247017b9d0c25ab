"""Base and tuned model are measured on the same held-out examples."""

from dataclasses import replace
from pathlib import Path

import pytest

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
from findtune.embedder.model.similarity import MIN_PAIRS

MEASURES = ["ndcg@10", "mrr@10", "recall@1", "recall@10"]
PAIR_MEASURES = ["pairs_spearman", "pairs_mae", "guard_spearman", "random_cosine"]


@pytest.fixture(scope="module")
def held_out(example_folder: Path) -> HeldOut:
    """The held-out examples, with every scored pair twice: with and without a trained sentence."""
    read = read_held_out(example_folder)
    pairs = [pair | {"seen": seen} for pair in read.scored for seen in (True, False)]
    return HeldOut(read.corpus, read.queries, pairs, read.guard)


@pytest.fixture(scope="module")
def evaluation(tiny_base: Path, held_out: HeldOut) -> Evaluation:
    """The base model compared with itself."""
    return evaluate_model({"embedder": tiny_base}, tiny_base, held_out)


def test_the_metrics_have_both_models_every_difference_and_the_verdict(
    evaluation: Evaluation, held_out: HeldOut
) -> None:
    values = metrics(evaluation, held_out, {"interpolation": 0.5}, seed=13)
    assert set(values["base"]) == {*MEASURES, *PAIR_MEASURES}
    assert values["base"] == values["tuned"]
    assert (values["interpolation"], values["verdict"]) == (0.5, "INCONCLUSIVE")
    assert values["queries"] == len(held_out.queries) > 0
    assert values["scored_pairs"] == values["difference_pairs"]["pairs"] == len(held_out.scored)
    assert values["difference_pairs_unseen"]["pairs"] == len(held_out.scored) / 2
    catalogs = {query["catalog"] for query in held_out.queries}
    numbers = [values[f"difference_{catalog}"]["queries"] for catalog in catalogs]
    assert sum(numbers) == values["queries"]
    assert (values["difference"]["measure"], values["difference"]["mean"]) == ("ndcg@10", 0)


@pytest.mark.parametrize("number", [0, MIN_PAIRS - 1])
def test_too_few_scored_pairs_have_no_difference(
    evaluation: Evaluation, held_out: HeldOut, number: int
) -> None:
    few = HeldOut(held_out.corpus, held_out.queries, held_out.scored[:number], held_out.guard)
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
    header, rows = tables["details"]
    assert header == ["label", "base", "tuned"]
    assert [row[0] for row in rows] == [pair["score"] for pair in held_out.scored]
