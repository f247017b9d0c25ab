"""A copy is kept only if it loses no more than allowed."""

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from findtune.core.errors import InputError
from findtune.core.files import write_jsonl

if TYPE_CHECKING:
    from findtune.stack.parts import Parts


def results(**losses: tuple[int, float]) -> dict[str, Any]:
    """Return the measures of some kinds of questions, by how many there are and what they lose."""
    return {
        kind: {"fp32": {"ndcg@10": 0.75}, "int8": {"ndcg@10": 0.75 - loss}, "queries": queries}
        for kind, (queries, loss) in losses.items()
    }


def test_every_question_counts_once_of_whatever_kind_it_is() -> None:
    from findtune.stack.int8.judge import refuse_loss

    refuse_loss("the tuned embedder", results(known=(90, 0.0), new=(10, 0.04)), 0.005)
    with pytest.raises(
        InputError, match="the tuned embedder loses 0.0080 of ndcg@10 on test .0.75"
    ):
        refuse_loss("the tuned embedder", results(known=(80, 0.0), new=(20, 0.04)), 0.005)


def test_a_loss_that_is_no_number_is_refused() -> None:
    from findtune.stack.int8.judge import refuse_loss

    with pytest.raises(InputError, match="loses nan"):
        refuse_loss("the tuned reranker", results(lists=(9, math.nan)), 0.005)


def test_a_reranker_is_judged_with_its_weights_for_lists_and_for_searches(
    parts: "Parts", encoder_copy: Path, cross_encoder_copy: Path, tmp_path: Path
) -> None:
    from findtune.reranker.model.blending import read_weights, write_weights
    from findtune.reranker.model.examination import NO_BIAS, write_examination
    from findtune.reranker.model.reranker import SEARCH_WEIGHTS
    from findtune.stack.int8.judge import judge_reranker

    folder = tmp_path / "reranker"
    shutil.copytree(parts.tuned["reranker"], folder)
    write_examination(folder / "examination.json", NO_BIAS)
    # a search ranks in reverse, and each list's second document was picked
    weights = read_weights(folder / SEARCH_WEIGHTS)
    reverse = {name: 0.0 for name in ("retriever", "title_cosine", "cross_encoder")}
    lists, search = ({**reverse, "bm25": value} for value in (-1.0, 1.0))
    write_weights(folder / "weights.json", weights.model_copy(update=lists))
    write_weights(folder / SEARCH_WEIGHTS, weights.model_copy(update=search))
    shown = {"shown": True, "seen": False, "rank": None, "score": None, "query_used": None}
    documents = [
        {"url": text, "title": "", "text": text, "gain": 0.0, "why": "", **shown}
        for text in ("rice that is harvested", "price of bread")
    ]
    same = {"documents": documents, "picks": ["price of bread"], "qrels": {}, "record": "r:1"}
    rows = [{"kind": "list", "query": "rice", "group": f"{number}", **same} for number in range(3)]
    write_jsonl(tmp_path / "test.jsonl", rows)
    copies = {"retriever": encoder_copy, "base_retriever": encoder_copy}
    results = judge_reranker(
        folder, copies | {"cross_encoder": cross_encoder_copy}, tmp_path, seed=13
    )
    assert results["lists"]["fp32"] == results["lists"]["int8"] == {"ndcg@10": 1}
    assert results["lists_by_search_weights"]["int8"]["ndcg@10"] == pytest.approx(0.6309, abs=1e-4)
    assert [row["queries"] for row in results.values()] == [3, 3]
