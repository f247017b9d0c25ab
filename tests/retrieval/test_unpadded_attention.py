"""Attention without padding gives what attention over padded texts gives."""

import pytest
import torch

from findtune.retrieval import unpadded_attention
from findtune.retrieval.unpadded_attention import Blocks, cut

CPU = torch.device("cpu")
HEADS, SIZE = 2, 4


def attend_one_by_one(
    lengths: list[int], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> torch.Tensor:
    """Return the attention of each text by itself, (tokens, heads * dimensions)."""
    texts = zip(*(torch.split(rows, lengths, dim=1) for rows in (query, key, value)), strict=True)
    outputs = [torch.nn.functional.scaled_dot_product_attention(*text, scale=0.5) for text in texts]
    return torch.cat(outputs, dim=1).transpose(0, 1).flatten(1)


@pytest.mark.parametrize("lengths", [[5], [3, 3], [1, 7, 2, 2, 6], [4, 1, 9, 3, 3, 8, 2]])
@pytest.mark.parametrize("texts_per_block", [1, 3, 16])
def test_each_text_attends_to_itself_alone(
    lengths: list[int], texts_per_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpadded_attention, "TEXTS_PER_BLOCK", texts_per_block)
    torch.manual_seed(0)
    inputs = [torch.randn(HEADS, sum(lengths), SIZE, requires_grad=True) for _ in range(3)]
    weights = torch.randn(sum(lengths), HEADS * SIZE)
    results = []
    for output in (
        cut(lengths, CPU).attend(*inputs, scale=0.5),
        attend_one_by_one(lengths, *inputs),
    ):
        gradients = torch.autograd.grad((output * weights).sum(), inputs)
        results.append([output, *gradients])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_every_token_has_one_place_and_padding_is_never_read_back() -> None:
    blocks: Blocks = cut([2, 5, 3], CPU)
    assert sorted(set(blocks.slots[blocks.places].tolist())) == list(range(10))
    assert blocks.slots[blocks.places].tolist() == list(range(10))


def test_texts_of_one_length_need_no_mask() -> None:
    assert [block.mask is None for block in cut([4, 4], CPU).blocks] == [True]
    assert [block.mask is None for block in cut([4, 5], CPU).blocks] == [False]


def test_another_device_than_a_cpu_gets_few_large_blocks() -> None:
    lengths = [*range(1, 41)]
    assert [len(cut(lengths, torch.device(name)).blocks) for name in ("cpu", "meta")] == [3, 1]
