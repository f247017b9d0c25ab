"""A reranker blends its models, and loads nothing that could run code."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import UnsafeModelError
from findtune.core.files import read_json
from findtune.core.records import Record
from findtune.reranker.model import cross_encoder
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY
from findtune.reranker.model.cross_encoder import has_head, load_or_create, predict_logits
from findtune.reranker.model.reranker import Reranker, load
from findtune.reranker.model.retriever_features import FEATURES, retriever_features
from findtune.retrieval.encoder import load_encoder


@pytest.fixture(scope="module")
def reranker(tiny_base: Path) -> Reranker:
    """A reranker with a random head and uneven weights."""
    changes = dict.fromkeys(FEATURES, 1 / 3) | {"cross_encoder": 0.3, "temperature": 0.2}
    weights = CROSS_ENCODER_ONLY.model_copy(update={**changes, "max_length": 40})
    return Reranker(load_or_create(tiny_base, 40, seed=1), load_encoder(tiny_base), weights)


def test_lists_without_documents_have_no_scores(reranker: Reranker, lists: list[Record]) -> None:
    assert reranker.scores([]) == []
    empty = {"query": "tea?", "documents": []}
    assert [len(scores) for scores in reranker.scores([empty])] == [0]
    scores = reranker.scores([lists[0], empty, lists[1]])
    assert [len(list_scores) for list_scores in scores] == [2, 0, 1]
    assert scores[0] == pytest.approx(reranker.scores([lists[0]])[0], abs=1e-5)


def test_the_cross_encoder_scores_each_document_on_its_own(
    reranker: Reranker, lists: list[Record]
) -> None:
    alone = [row | {"documents": [each]} for row in lists for each in row["documents"]]
    logits, expected = (
        np.concatenate(predict_logits(reranker.cross_encoder, rows)) for rows in (lists, alone)
    )
    assert logits[0] != logits[1]
    assert logits == pytest.approx(expected, abs=1e-5)


def test_either_model_can_score_alone(reranker: Reranker, lists: list[Record]) -> None:
    none = dict.fromkeys(FEATURES, 0.0)
    by_cross_encoder = reranker.with_weights(**none | {"cross_encoder": 1.0}).scores(lists)
    logits = predict_logits(reranker.cross_encoder, lists)
    assert [row.tolist() for row in by_cross_encoder] == [row.tolist() for row in logits]
    by_retriever = reranker.with_weights(**none | {"cross_encoder": 0, "retriever": 1})
    features = retriever_features(reranker.retriever, lists, 0.2)
    for scores, list_features in zip(by_retriever.scores(lists), features, strict=True):
        assert scores == pytest.approx(list_features[:, 0])


@pytest.mark.parametrize("name", ["x.pkl", "retriever/x.py", "base/pytorch_model.bin"])
def test_a_folder_with_code_or_a_pickle_is_refused(
    reranker: Reranker, tmp_path: Path, name: str
) -> None:
    reranker.save(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    for read in (load, lambda folder: load_or_create(folder, 40, seed=1)):
        with pytest.raises(UnsafeModelError, match=name):
            read(tmp_path)


def test_an_encoder_gets_a_head_that_depends_on_the_seed(
    tiny_base: Path, lists: list[Record]
) -> None:
    models = [load_or_create(tiny_base, 40, seed) for seed in (1, 1, 2)]
    first, same, other = (predict_logits(model, lists)[2].tolist() for model in models)
    assert not has_head(tiny_base)
    assert first == same != other
    encoder = SentenceTransformer(str(tiny_base)).state_dict()
    [words] = [name for name in encoder if name.endswith("word_embeddings.weight")]
    suffix = words.split(".", 2)[2]
    [kept] = [value for name, value in models[0].state_dict().items() if name.endswith(suffix)]
    assert kept.equal(encoder[words])


def test_a_classifier_keeps_its_head_whatever_the_seed(
    converted_jina: Path, lists: list[Record]
) -> None:
    assert has_head(converted_jina)
    expected = predict_logits(cross_encoder.load(converted_jina, 40), lists)[0].tolist()
    for seed in (1, 2):
        model = load_or_create(converted_jina, 40, seed)
        assert predict_logits(model, lists)[0].tolist() == expected


def test_at_most_max_length_tokens_are_read_and_no_more_than_the_model_can(tiny_base: Path) -> None:
    positions = read_json(tiny_base / "config.json")["max_position_embeddings"]
    text = "rice " * 100
    for max_length, expected in ((8, 8), (10 * positions, positions)):
        model = load_or_create(tiny_base, max_length, seed=1)
        tokens = cast(Any, model.preprocess([("men", text)]))
        assert tokens["input_ids"].shape == (1, expected)
        long = {"query": "men", "documents": [{"text": text}]}
        assert np.isfinite(predict_logits(model, [long])[0]).all()
