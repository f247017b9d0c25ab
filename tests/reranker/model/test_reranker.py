"""A reranker blends its models, and loads nothing that could run code."""

from dataclasses import replace
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
from findtune.reranker.model.ranked_lists import document_texts
from findtune.reranker.model.reranker import Reranker, load
from findtune.reranker.model.retriever_features import BASE_FEATURES, FEATURES, TUNED_FEATURES
from findtune.retrieval.encoder import load_encoder


@pytest.fixture(scope="module")
def reranker(tiny_base: Path) -> Reranker:
    """A reranker with a random head, uneven weights and two retrievers that differ."""
    changes = dict.fromkeys(FEATURES, 1 / 3) | {"cross_encoder": 0.3, "temperature": 0.2}
    weights = CROSS_ENCODER_ONLY.model_copy(update={**changes, "max_length": 40})
    for_search = weights.model_copy(update={"cross_encoder": 0.0, "bm25": 2.0})
    tuned, base = load_encoder(tiny_base), load_encoder(tiny_base)
    for weight in tuned.parameters():
        weight.data *= 1.5
    return Reranker(load_or_create(tiny_base, 40, seed=1), tuned, base, weights, for_search)


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


def test_each_model_can_score_alone(reranker: Reranker, lists: list[Record]) -> None:
    none = dict.fromkeys(FEATURES, 0.0)
    by_cross_encoder = reranker.with_weights(**none | {"cross_encoder": 1.0}).scores(lists)
    logits = predict_logits(reranker.cross_encoder, lists)
    assert [row.tolist() for row in by_cross_encoder] == [row.tolist() for row in logits]
    encoders = {"retriever": reranker.retriever, "base_retriever": reranker.base_retriever}
    for name, encoder in encoders.items():
        alone = reranker.with_weights(**none | {"cross_encoder": 0, name: 1})
        for row, scores in zip(lists, alone.scores(lists), strict=True):
            expected = encoder.encode(document_texts(row)) @ encoder.encode(row["query"])
            assert scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("names", "encoder"), [(TUNED_FEATURES, "retriever"), (BASE_FEATURES, "base_retriever")]
)
def test_an_encoder_none_of_whose_features_has_a_weight_is_never_called(
    reranker: Reranker, lists: list[Record], names: tuple[str, ...], encoder: str
) -> None:
    weightless = reranker.with_weights(**dict.fromkeys(names, 0.0))
    without = replace(weightless, **{encoder: cast(Any, None)})
    almost = reranker.with_weights(**dict.fromkeys(names, 1e-9))
    for scores, expected in zip(without.scores(lists), almost.scores(lists), strict=True):
        assert scores == pytest.approx(expected, abs=1e-6)


def test_a_cross_encoder_without_a_weight_is_never_called(
    reranker: Reranker, lists: list[Record]
) -> None:
    without = replace(reranker.with_weights(cross_encoder=0), cross_encoder=cast(Any, None))
    almost = reranker.with_weights(cross_encoder=1e-9).scores(lists)
    for scores, expected in zip(without.scores(lists), almost, strict=True):
        assert scores == pytest.approx(expected, abs=1e-5)


def test_a_search_has_weights_of_its_own(
    reranker: Reranker, lists: list[Record], tmp_path: Path
) -> None:
    reranker.save(tmp_path)
    loaded = load(tmp_path)
    assert (loaded.weights, loaded.search_weights) == (reranker.weights, reranker.search_weights)
    searching = loaded.for_search()
    assert searching.weights == reranker.search_weights != reranker.weights
    assert searching.weights.cross_encoder == 0
    by_hand = replace(reranker, weights=reranker.search_weights).scores(lists)
    for scores, expected in zip(searching.scores(lists), by_hand, strict=True):
        assert scores == pytest.approx(expected, abs=1e-5)


def test_a_reranker_of_an_earlier_release_searches_with_its_only_weights(
    reranker: Reranker, tmp_path: Path
) -> None:
    reranker.save(tmp_path)
    (tmp_path / "search_weights.json").unlink()
    assert load(tmp_path).for_search().weights == reranker.weights


def test_ranks_are_optional_and_count_where_a_list_has_them(
    reranker: Reranker, lists: list[Record]
) -> None:
    weights = dict.fromkeys(FEATURES, 0.0) | {"cross_encoder": 0, "shown_rank": 1}
    by_rank = reranker.with_weights(**weights)
    assert by_rank.scores(lists[2:])[0].tolist() == [0, 0, 0]
    documents = [row | {"rank": 7 - place} for place, row in enumerate(lists[2]["documents"])]
    [scores] = by_rank.scores([lists[2] | {"documents": documents}])
    assert scores == pytest.approx(-np.log2([8, 7, 6]))


@pytest.mark.parametrize("name", ["x.pkl", "retriever/x.py", "base_retriever/pytorch_model.bin"])
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
