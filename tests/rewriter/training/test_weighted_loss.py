"""The loss of a batch is the mean over its examples of weight times mean loss per token."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Seq2SeqTrainingArguments

from findtune.core.records import Record
from findtune.rewriter.model.backbone import IGNORED_LABEL
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.training.collator import WeightedCollator
from findtune.rewriter.training.fit import build_dataset
from findtune.rewriter.training.weighted_loss import WeightedTrainer
from findtune.training.arguments import trainer_arguments

SMOOTHING = 0.1
TARGETS: list[Record] = [
    {"query": query, "history": [], "target": target, "weight": weight}
    for query, target, weight in (
        ("male pupils", "boys", 1.0),
        ("how much land bears wheat?", "wheat harvest hectares", 0.25),
        ("rent", "median rent of private homes", 0.4),
    )
]


def unweighted_loss(rewriter: Rewriter, target: Record) -> float:
    """Return the mean smoothed loss per token of one example, computed without padding."""
    example = rewriter.backbone.encode_example(target["query"], target["target"])
    inputs, labels = {name: torch.tensor([row]) for name, row in example.items()}, example["labels"]
    logits = rewriter.model(**inputs).logits[0]
    if not rewriter.model.config.is_encoder_decoder:
        logits, labels = logits[:-1], labels[1:]  # a causal model predicts the next token
    losses = [
        (1 - SMOOTHING) * -row[label] + SMOOTHING * -row.mean()
        for row, label in zip(logits.log_softmax(-1), labels, strict=True)
        if label != IGNORED_LABEL
    ]
    return torch.stack(losses).mean().item()


def test_neither_padding_nor_the_batch_changes_the_loss_of_an_example(
    untrained: Rewriter, make_recipe: Any, tmp_path: Path
) -> None:
    shared = trainer_arguments(make_recipe(), "fp32", 13, progress=False)
    shared |= {"output_dir": str(tmp_path), "label_smoothing_factor": SMOOTHING}
    trainer = WeightedTrainer(untrained.model, Seq2SeqTrainingArguments(**shared))
    untrained.tokenizer.padding_side = untrained.backbone.padding_side
    collate = WeightedCollator(untrained.tokenizer)
    dataset = build_dataset(untrained.backbone, TARGETS)
    weights = np.array([target["weight"] for target in TARGETS]) / 0.55  # scaled to a mean of 1
    with torch.no_grad():
        losses = np.array([unweighted_loss(untrained, target) for target in TARGETS])
        for rows in ([0], [1], [2], [0, 1], [2, 0], [2, 1, 0]):
            batch = collate([dataset[row] for row in rows])
            loss = trainer.compute_loss(untrained.model, batch).item()
            assert loss == pytest.approx(np.mean((losses * weights)[rows]), abs=1e-5)
    assert len(set(losses.round(3))) == 3
