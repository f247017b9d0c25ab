"""The retriever's loss is ListNet over a batch; a batch holds no text and no topic twice."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from findtune.reranker.training.retriever_loss import SCALE, InBatchListLoss, sample_topics
from findtune.retrieval.encoder import load_encoder
from findtune.training.encoding import Features

COLUMNS = [["tea", "coffee"], ["green tea", "black coffee"], ["a ship", "a tree"]]


@pytest.fixture
def encoder(tiny_base: Path) -> SentenceTransformer:
    return load_encoder(tiny_base).eval()


@pytest.fixture
def features(encoder: SentenceTransformer) -> list[Features]:
    return [encoder.preprocess(texts) for texts in COLUMNS]


def test_with_one_relevant_document_the_loss_is_that_of_multiple_negatives(
    encoder: SentenceTransformer, features: list[Features]
) -> None:
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    stock = MultipleNegativesRankingLoss(encoder, scale=SCALE)(
        [dict(row) for row in features], labels
    )
    torch.testing.assert_close(InBatchListLoss(encoder)(features, labels), stock)


def test_shared_relevance_is_the_cross_entropy_to_the_shares(
    encoder: SentenceTransformer, features: list[Features]
) -> None:
    labels = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
    vectors = torch.tensor(encoder.encode(sum(COLUMNS, []), normalize_embeddings=True))
    logs = torch.log_softmax(SCALE * vectors[:2] @ vectors[2:].T, dim=1)
    # the documents are: first of tea, first of coffee, second of tea, second of coffee
    expected = -(0.75 * logs[0, 0] + 0.25 * logs[0, 2] + 1.0 * logs[1, 3]) / 2
    torch.testing.assert_close(InBatchListLoss(encoder)(features, labels), expected)


def test_no_batch_holds_two_lists_of_one_topic() -> None:
    rows = Dataset.from_dict({"question": [f"question {row}" for row in range(12)]})
    topics = ["tea"] * 3 + ["coffee"] * 3 + list("abcdef")
    settings = {"batch_size": 4, "drop_last": False, "generator": torch.Generator(), "seed": 1}
    batches = list(sample_topics(rows, topics=topics, **settings))
    assert sorted(row for batch in batches for row in batch) == list(range(12))
    for batch in batches:
        assert len({topics[row] for row in batch}) == len(batch)


@pytest.mark.parametrize(
    "topics",
    [
        [f"topic {row}" for row in range(60)],
        ["one user"] * 20 + [f"topic {row}" for row in range(40)],
    ],
    ids=["independent", "a third of one user"],
)
def test_every_row_is_read_however_many_batches_that_takes(topics: list[str]) -> None:
    rows = Dataset.from_dict({"question": [f"question {row}" for row in range(60)]})
    settings = {"batch_size": 8, "drop_last": False, "generator": torch.Generator(), "seed": 1}
    sampler = sample_topics(rows, topics=topics, **settings)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches = [batch for batch in sampler]
        assert len(batches) == len(sampler) >= len(rows) / 8  # where the trainer stops
        assert sorted(row for batch in batches for row in batch) == list(range(60))
        assert [batch for batch in sampler] == batches
