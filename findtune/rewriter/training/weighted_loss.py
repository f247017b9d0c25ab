"""The loss of a language model on weighted examples."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Seq2SeqTrainer

from findtune.core.errors import CollapseError
from findtune.rewriter.model.backbone import IGNORED_LABEL
from findtune.rewriter.training.token_tree import build_tree
from findtune.training import ranks
from findtune.training.ranks import SharedBatches
from findtune.training.resumption import Resumable

Batch = Mapping[str, torch.Tensor]


class Predictions(NamedTuple):
    """The predictions for the labels of a batch, one example after another.

    labels: (labels,); rows: the number of each label's example, (labels,); logits: (labels,
    vocabulary).
    """

    labels: torch.Tensor
    rows: torch.Tensor
    logits: torch.Tensor


class QuestionSampler(Sampler[int]):
    """Yields the questions in random order, with all examples of each in a row."""

    def __init__(self, questions: Sequence[int]) -> None:
        """Prepare; questions: the number of each example's question."""
        self.rows: dict[int, list[int]] = {}
        for row, question in enumerate(questions):
            self.rows.setdefault(question, []).append(row)

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    def __iter__(self) -> Iterator[int]:
        rows = [*self.rows.values()]
        for number in torch.randperm(len(rows)).tolist():
            yield from rows[number]


class WeightedTrainer(SharedBatches, Resumable, Seq2SeqTrainer):
    """The trainer of transformers with weighted examples, those of one question in a row."""

    train_dataset: Dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> QuestionSampler:
        """Return the order of an epoch; transformers has no public way to set it."""
        return QuestionSampler((train_dataset or self.train_dataset)["question"])

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> torch.Tensor:
        """Return the mean over the examples of weight times mean loss per token.

        With several ranks, it is this rank's share. inputs: as WeightedCollator returns them.
        Raises CollapseError for a non-finite loss.
        """
        examples = len(inputs["labels"])
        if ranks.count() > 1:
            rows = ranks.rows_of(examples)
            inputs = {name: tensor[rows] for name, tensor in inputs.items()}
        config: Any = cast(PreTrainedModel, self.model).config  # `model` may be wrapped
        predict = predict_in_rows if config.is_encoder_decoder else predict_in_tree
        labels, row_of, logits = predict(model, inputs)
        token_losses = F.cross_entropy(
            logits.float(),
            labels,
            reduction="none",
            label_smoothing=self.args.label_smoothing_factor,
        )
        weights = inputs["weights"]
        tokens = torch.bincount(row_of, minlength=len(weights)).clamp_min(1)
        sums = torch.zeros_like(weights).index_add(0, row_of, token_losses)
        loss: torch.Tensor = (sums / tokens * weights).mean()
        if not torch.isfinite(loss):
            raise CollapseError("the loss is not finite; lower learning_rate, or use fp32.")
        return loss * ranks.weight_of(examples) if ranks.count() > 1 else loss


def predict_in_rows(model: torch.nn.Module, inputs: Batch) -> Predictions:
    """Return the predictions of an encoder-decoder, which reads each example separately."""
    fields = {name: tensor for name, tensor in inputs.items() if name != "weights"}
    has_label = inputs["labels"] != IGNORED_LABEL
    logits = model(**fields).logits[has_label]
    return Predictions(inputs["labels"][has_label], has_label.nonzero()[:, 0], logits)


def predict_in_tree(model: torch.nn.Module, inputs: Batch) -> Predictions:
    """Return the predictions of a causal model, which reads shared tokens only once."""
    labels, tokens = inputs["labels"], inputs["input_ids"]
    is_text, is_label = inputs["attention_mask"].bool(), labels != IGNORED_LABEL
    rows = zip(tokens, is_text, strict=True)
    tree = build_tree([row[is_real].tolist() for row, is_real in rows], tokens.device)
    nodes = torch.zeros_like(tokens)
    nodes[is_text] = torch.tensor([*chain(*tree.paths)], device=tokens.device)
    before = nodes[:, :-1][is_label[:, 1:]]  # the first token of a text is no label
    logits = model(**tree.inputs, logits_to_keep=before).logits[0]
    return Predictions(labels[is_label], is_label.nonzero()[:, 0], logits)
