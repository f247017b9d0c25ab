"""Measures what an int8 copy loses on test: its nDCG@10 against that of the fp32 model.

Both read the same texts, so their difference is due to the copy alone. This also holds for a
refitted model, although its measures themselves are inflated, since it has learned these texts.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.embedder.evaluation import evaluate as embedders
from findtune.embedder.model.encode import encode
from findtune.embedder.model.list_ranking import measure_lists as measure_embedder_lists
from findtune.evaluation.significance import compare
from findtune.reranker.evaluation import evaluate as rerankers
from findtune.reranker.model.examination import read_examination
from findtune.reranker.model.ranked_lists import measure_lists
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.model.reranker import load as load_reranker
from findtune.retrieval.encoder import load_encoder
from findtune.stack.int8.network import run_on
from findtune.stack.int8.parts import run_reranker

MEASURE = "ndcg@10"


def judge_embedder(folder: Path, copy: Path, examples: Path, seed: int) -> dict[str, Record]:
    """Return the measures of an embedder and of its copy: kind of question -> result.

    folder: of the embedder; copy: the ONNX file; examples: the folder with test.jsonl.
    """
    held_out, encoder = embedders.read_held_out(examples), load_encoder(folder)
    fp32 = embedder_results(encoder, held_out)
    run_on(encoder, copy)
    evaluation = embedders.Evaluation(fp32, embedder_results(encoder, held_out))
    return {
        part.name: result(
            part.means("base"), part.means("tuned"), part.difference(seed), len(part.groups)
        )
        for part in embedders.parts_of(evaluation, held_out)
    }


def embedder_results(
    encoder: SentenceTransformer, held_out: embedders.HeldOut
) -> embedders.ModelResults:
    """Return an embedder's ranking measures; cosines of pairs are left empty."""
    encode_texts, none = partial(encode, encoder), np.zeros(0)
    texts = encode_texts(embedders.searched_texts(held_out)) if held_out.queries else none
    lists = held_out.lists
    return embedders.ModelResults(
        per_query=embedders.search_catalog(texts, held_out, encode_texts) if len(texts) else {},
        per_list=measure_embedder_lists(lists, encode_texts, [MEASURE]) if lists else {},
        scored_cosines=none,
        guard_cosines=none,
        guard_ranks=none,
        random_cosine=0.0,
    )


def judge_reranker(
    folder: Path, copies: Mapping[str, Path], examples: Path, seed: int
) -> dict[str, Record]:
    """Return the measures of a reranker and of its copies, with both kinds of weights.

    copies: name -> ONNX file. A search ranks with weights of its own, but its candidates are not
    part of test, so these weights are judged on the same lists.
    """
    held_out, reranker = rerankers.read_held_out(examples), load_reranker(folder)
    by_weights = {"lists": reranker, "lists_by_search_weights": reranker.for_search()}
    fp32 = {name: ndcg(each, held_out, folder) for name, each in by_weights.items()}
    run_reranker(reranker, folder, copies)  # both have the same networks
    results = {}
    for name, each in by_weights.items():
        before, after = fp32[name], ndcg(each, held_out, folder)
        difference = compare(before, after, MEASURE, seed, held_out.groups)
        means = [{MEASURE: float(values.mean())} for values in (before, after)]
        results[name] = result(means[0], means[1], difference, len(before))
    return results


def ndcg(reranker: Reranker, held_out: rerankers.HeldOut, folder: Path) -> np.ndarray:
    """Return the nDCG@10 of each list, (lists,), with the gains of the evaluation."""
    gains = held_out.decisive(read_examination(folder / "examination.json").eta)
    return measure_lists(reranker.scores(held_out.lists), gains)[MEASURE]


def result(
    fp32: Mapping[str, float], int8: Mapping[str, float], difference: Record, queries: int
) -> Record:
    """Return the measures of both, their difference, and the number of questions."""
    return {"fp32": dict(fp32), "int8": dict(int8), "difference": difference, "queries": queries}


def refuse_loss(part: str, results: Mapping[str, Record], max_loss: float) -> None:
    """Raise InputError for a copy that loses more than max_loss of nDCG@10 on all of test.

    results: kind of question -> measures. Every question has the same weight, whatever its kind.
    Raises InputError also when test has no question.
    """
    queries = [measures["queries"] for measures in results.values()]
    if not queries:
        raise InputError(
            f"test has no question that could judge the int8 copy of {part}; nothing was kept. "
            "Take the model out of export.models."
        )
    before, after = (
        float(np.average([row[name][MEASURE] for row in results.values()], weights=queries))
        for name in ("fp32", "int8")
    )
    if not before - after <= max_loss:  # a NaN is refused too
        raise InputError(
            f"the int8 copy of {part} loses {before - after:.4f} of {MEASURE} on test "
            f"({before:.4f} -> {after:.4f}), and export.max_loss of params.yaml allows "
            f"{max_loss:g}; nothing was kept. Raise it, or take the model out of export.models."
        )
