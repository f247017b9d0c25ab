"""Examples that begin alike share what they begin with, and predict what each would alone."""

from collections.abc import Callable

import pytest
import torch

from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.training.token_tree import build_tree
from findtune.rewriter.training.weighted_loss import QuestionSampler

CPU = torch.device("cpu")
TEXTS = [[5, 6, 7], [5, 6, 8, 9], [5, 6, 7], [4, 6], [5]]


def test_what_texts_begin_with_is_one_path() -> None:
    tree = build_tree(TEXTS, CPU)
    assert tree.tokens.tolist() == [[5, 6, 7, 8, 9, 4, 6]]
    assert tree.depths.tolist() == [[0, 1, 2, 2, 3, 0, 1]]
    assert tree.paths == [[0, 1, 2], [0, 1, 3, 4], [0, 1, 2], [5, 6], [0]]


def test_a_token_attends_to_its_own_text_alone() -> None:
    tree = build_tree(TEXTS, CPU)
    for path in tree.paths:
        for length, node in enumerate(path, start=1):
            assert tree.ancestors[0, 0, node].nonzero().flatten().tolist() == path[:length]


def test_a_model_predicts_in_a_tree_what_it_predicts_of_each_text(
    load_untrained: Callable[..., Rewriter],
) -> None:
    model = load_untrained("causal").model
    tree = build_tree(TEXTS, CPU)
    with torch.no_grad():
        logits = model(**tree.inputs).logits[0]
        for text, path in zip(TEXTS, tree.paths, strict=True):
            alone = model(input_ids=torch.tensor([text])).logits[0]
            assert torch.allclose(logits[path], alone, atol=1e-5)
            assert alone.std() > 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_examples_of_one_question_lie_together_in_an_order_that_the_seed_draws(seed: int) -> None:
    questions = [0, 1, 0, 2, 1, 0]
    torch.manual_seed(seed)
    sampler = QuestionSampler(questions)
    orders = [[*sampler] for _ in range(20)]
    assert len(sampler) == 6
    for order in orders:
        drawn = [questions[row] for row in order]
        assert sorted(order) == [0, 1, 2, 3, 4, 5]
        assert sum(a != b for a, b in zip(drawn, drawn[1:], strict=False)) == 2
    assert len({tuple(order) for order in orders}) > 1
    torch.manual_seed(seed)
    assert [*QuestionSampler(questions)] == orders[0]
