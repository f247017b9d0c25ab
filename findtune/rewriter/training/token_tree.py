"""Examples with a common beginning as one tree of tokens, so that shared tokens are computed once.

All examples of a causal model begin with the same instruction, and those of one question continue
with the question. A token attends only to its ancestors and has its depth as its position, so each
example gets the logits that it would get by itself. Source: the tree attention of SpecInfer (Miao
et al., ASPLOS 2024), section 4.1, here for training.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch


class TokenTree(NamedTuple):
    """A batch of texts, each a path from a root.

    tokens, depths: of each node, (1, nodes); ancestors: whether a node (row) attends to another
    node or itself (column), (1, 1, nodes, nodes); paths: the nodes of each text.
    """

    tokens: torch.Tensor
    depths: torch.Tensor
    ancestors: torch.Tensor
    paths: list[list[int]]

    @property
    def inputs(self) -> dict[str, torch.Tensor]:
        """The inputs of a causal model of transformers, whose logits are in the order of nodes."""
        names = ("input_ids", "position_ids", "attention_mask")
        return dict(zip(names, self[:3], strict=True))


def build_tree(texts: Sequence[Sequence[int]], device: torch.device) -> TokenTree:
    """Return the tree of some texts, given as tokens."""
    parents: list[int] = []
    tokens: list[int] = []
    numbers: dict[tuple[int, int], int] = {}  # (parent, token) -> node
    paths = []
    for text in texts:
        path: list[int] = []
        for token in text:
            parent = path[-1] if path else -1
            node = numbers.setdefault((parent, token), len(tokens))
            if node == len(tokens):
                parents.append(parent)
                tokens.append(token)
            path.append(node)
        paths.append(path)
    ancestors = torch.eye(len(tokens), dtype=torch.bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            ancestors[node] |= ancestors[parent]
    depths = ancestors.sum(dim=1) - 1
    return TokenTree(
        torch.tensor([tokens], device=device),
        depths[None].to(device),
        ancestors[None, None].to(device),
        paths,
    )
