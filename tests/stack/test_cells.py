"""The cells: which can be made, which is simpler, and what a tuned model is put into."""

import pytest

from findtune.stack.cells import ROOMS, Cell, all_cells


def test_all_models_make_every_cell_and_the_simplest_is_the_question_by_words() -> None:
    cells = all_cells(ROOMS)
    assert len(cells) == 4 * 5 * 3
    assert cells[0] == Cell("question", "bm25", "none")


@pytest.mark.parametrize(
    ("models", "number", "absent"),
    [
        (["embedder"], 2 * 5, {"tuned rewriter", "tuned reranker"}),
        (["reranker"], 2 * 3 * 3, {"tuned embedder", "tuned rewriter"}),
        (["rewriter", "embedder"], 4 * 5, {"tuned reranker"}),
    ],
)
def test_a_cell_uses_only_models_that_are_there(
    models: list[str], number: int, absent: set[str]
) -> None:
    cells = all_cells(models)
    used = {f"tuned {room}" for cell in cells for room in cell.tuned_rooms}
    assert len(cells) == number
    assert not used & absent


def test_a_tuned_model_takes_the_place_of_its_base_and_leaves_the_rest() -> None:
    untuned = Cell("prf", "bm25+base", "base")
    assert untuned.tuned_rooms == []
    assert untuned.with_tuned(["embedder"]) == Cell("prf", "bm25+tuned", "base")
    assert untuned.with_tuned(ROOMS) == Cell("tuned", "bm25+tuned", "tuned")
    assert untuned.with_tuned(ROOMS).tuned_rooms == [*ROOMS]


def test_a_rewriter_costs_more_than_a_reranker_and_that_more_than_vectors() -> None:
    with_vectors = Cell("question", "bm25+tuned", "none")
    with_reranker = Cell("question", "bm25", "base")
    with_rewriter = Cell("base", "bm25", "none")
    assert with_vectors.simplicity < with_reranker.simplicity < with_rewriter.simplicity


def test_a_reranker_that_compares_vectors_costs_like_vector_search() -> None:
    words, vectors, both = (
        Cell("question", retriever, "none") for retriever in ("bm25", "base", "bm25+base")
    )
    reranked = Cell("question", "bm25", "tuned")
    assert words.cost(()) < reranked.cost(()) == vectors.cost(()) < both.cost(())
    assert both.cost(()) == both._replace(reranker="tuned").cost(())
    assert both.cost(["tuned"]) < reranked.cost(["tuned"])
