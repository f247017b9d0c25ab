"""A ranker's score is the sum of its signals, and relevance never reorders it."""

from math import exp, sqrt
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from test_jina import tensors, write_official

from findtune import jina
from findtune.encoders import load as load_encoder
from findtune.errors import CollapseError, UnsafeModelError
from findtune.files import read_json
from findtune.records import Record
from findtune.reranker.model import (
    SIGNALS,
    Ranker,
    Weights,
    blended,
    company,
    cross_encoder,
    has_head,
    load,
    logits,
    relevance,
    signals,
)

EVEN: dict[str, float] = {
    **dict.fromkeys(SIGNALS, 1.0),
    "cross_encoder": 1,
    "sharpness": 0.2,
    "temperature": 1,
    "threshold": 0,
    "max_length": 40,
}


def listed(query: str, *texts: str) -> Record:
    """Return a list; what stands before a colon is a source's title."""
    return {
        "query": query,
        "sources": [{"text": it, "title": it.partition(":")[0]} for it in texts],
    }


LISTS = [
    listed("jobless men", "Work: Men without work.", "rice"),
    listed("rice crop", "Harvest, Wheat: Land on which wheat was cut."),
    listed("rice", "rice", "Rain: rain in winter", "rice"),
]


def weights(**changes: float) -> Weights:
    return Weights(**EVEN | changes)


@pytest.fixture(scope="module")
def ranker(tiny_base: Path) -> Ranker:
    """A ranker of chance."""
    model = cross_encoder(tiny_base, 40, seed=1)
    uneven = weights(cross_encoder=0.3, retriever=1 / 3, company=0.1, temperature=2 / 3)
    return Ranker(model, load_encoder(tiny_base), uneven)


# The signals


def turned(*degrees: float) -> np.ndarray:
    """Return unit vectors of two dimensions."""
    around = np.radians(degrees)
    return np.stack([np.cos(around), np.sin(around)], axis=1)


def test_company_is_the_mean_cosine_with_the_others_that_the_retriever_likes() -> None:
    # the question is as the first source; the others are 60 and 90 degrees away from it
    found = company(turned(0, 60, 90), turned(0)[0], 0.25)
    like = [1, exp(-(1 - 0.5) / 0.25), exp(-1 / 0.25)]
    half, near = 0.5, sqrt(3) / 2  # cosines of 60 and 30 degrees
    assert found == pytest.approx(
        [
            (like[1] * half + like[2] * 0) / (like[1] + like[2]),
            (like[0] * half + like[2] * near) / (like[0] + like[2]),
            (like[0] * 0 + like[1] * near) / (like[0] + like[1]),
        ]
    )


def test_company_leaves_a_source_itself_out() -> None:
    assert company(turned(0, 90), turned(45)[0], 0.2) == pytest.approx([0, 0])
    assert company(turned(0, 0, 90), turned(45)[0], 0.2) == pytest.approx([0.5, 0.5, 0])


def test_one_source_alone_is_in_no_company() -> None:
    assert company(turned(30), turned(0)[0], 0.2).tolist() == [0]


@settings(max_examples=100, deadline=None)
@given(
    degrees=st.lists(st.floats(0, 360), min_size=1, max_size=6),
    sharpness=st.sampled_from([1e-3, 0.2, 1e3]),
)
def test_company_is_a_cosine_however_sharply_it_is_weighed(
    degrees: list[float], sharpness: float
) -> None:
    found = company(np.float32(turned(*degrees)), np.float32(turned(0)[0]), sharpness)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1 + 1e-5


def test_the_signals_are_cosine_company_and_the_company_of_titles(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    found = signals(encoder, LISTS, 0.2)
    assert [it.shape for it in found] == [(len(it["sources"]), len(SIGNALS)) for it in LISTS]
    for it, signal in zip(LISTS, found, strict=True):
        question = encoder.encode(it["query"])
        texts, titles = (
            encoder.encode([source[name] for source in it["sources"]]) for name in ("text", "title")
        )
        told = dict(zip(SIGNALS, signal.T, strict=True))
        assert told["retriever"] == pytest.approx(texts @ question, abs=1e-5)
        assert told["company"] == pytest.approx(company(texts, question, 0.2), abs=1e-5)
        assert told["title_company"] == pytest.approx(company(titles, question, 0.2), abs=1e-5)
    assert found[2][0] == pytest.approx(found[2][2])
    assert found[2][0, 0] == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_the_signals_do_not_hang_on_the_order_in_which_numbers_are_added(seed: int) -> None:
    # which differs from processor to processor; the dimensions of a text's vector stand for it

    class Retriever:
        """Reads every text as a vector of chance, its dimensions forwards or backwards."""

        def __init__(self, step: int) -> None:
            self.step = step

        def encode(self, texts: list[str], **_: Any) -> np.ndarray:
            chance = np.random.default_rng(seed).normal(size=(len(texts), 384))
            unit = chance / np.linalg.norm(chance, axis=1, keepdims=True)
            return unit.astype(np.float32)[:, :: self.step]

    sources = [{"text": f"text {at}", "title": f"title {at}"} for at in range(20)]
    lists = [{"query": "question", "sources": sources}]
    one, two = (signals(cast(Any, Retriever(step)), lists, 0.2) for step in (1, -1))
    assert one[0].tolist() == two[0].tolist()


def test_a_source_without_a_title_is_in_the_company_of_its_text(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    bare = LISTS[0] | {"sources": [it | {"title": ""} for it in LISTS[0]["sources"]]}
    full = LISTS[0] | {"sources": [it | {"title": it["text"]} for it in LISTS[0]["sources"]]}
    one, other = signals(encoder, [bare, full], 0.2)
    assert one.tolist() == other.tolist()


def test_a_list_of_nothing_has_no_scores(ranker: Ranker) -> None:
    empty = {"query": "tea?", "sources": []}
    assert ranker.scores([]) == []
    assert [len(it) for it in ranker.scores([empty])] == [0]
    mixed = ranker.scores([LISTS[0], empty, LISTS[1]])
    assert [len(it) for it in mixed] == [len(LISTS[0]["sources"]), 0, len(LISTS[1]["sources"])]
    assert mixed[0] == pytest.approx(ranker.scores([LISTS[0]])[0], abs=1e-5)


def test_no_lists_have_no_signals(tiny_base: Path) -> None:
    assert signals(load_encoder(tiny_base), [], 0.2) == []


def test_the_logits_are_those_of_each_pair_alone(ranker: Ranker) -> None:
    found = logits(ranker.cross_encoder, LISTS)
    assert [it.shape for it in found] == [(2,), (1,), (3,)]
    for it, scores in zip(LISTS, found, strict=True):
        for source, score in zip(it["sources"], scores, strict=True):
            alone = [it | {"sources": [source]}]
            assert logits(ranker.cross_encoder, alone)[0].item() == pytest.approx(score, abs=1e-5)
    assert found[0][0] != found[0][1]


# The sum


def said(*values: float) -> np.ndarray:
    """Return the signals of two sources: the values, and half of them."""
    return np.array([[*values], [value / 2 for value in values]])


def test_a_score_is_the_sum_of_the_signals_by_their_weights() -> None:
    counts = weights(cross_encoder=2, retriever=4, company=10, title_company=100)
    [found] = blended([np.array([1.0, -2.0])], [said(0.5, 0.1, 0.02)], counts)
    assert found == pytest.approx([2 + 2 + 1 + 2, -4 + 1 + 0.5 + 1])


def test_without_the_retriever_the_cross_encoder_scores_alone(ranker: Ranker) -> None:
    alone = ranker.weighing(**dict.fromkeys(SIGNALS, 0.0) | {"cross_encoder": 1.0})
    for one, two in zip(alone.scores(LISTS), logits(ranker.cross_encoder, LISTS), strict=True):
        assert one.tolist() == two.tolist()


def test_without_the_cross_encoder_the_retriever_scores_alone(ranker: Ranker) -> None:
    alone = ranker.weighing(**dict.fromkeys(SIGNALS, 0.0) | {"cross_encoder": 0, "retriever": 1})
    near = signals(ranker.retriever, LISTS, 0.2)
    for one, two in zip(alone.scores(LISTS), near, strict=True):
        assert one == pytest.approx(two[:, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["read", "near"])
def test_a_score_that_is_no_number_is_refused(bad: float, where: str) -> None:
    read, near = [np.ones(2), np.ones(2)], [said(1, 1, 1), said(1, 1, 1)]
    blended(read, near, weights())
    {"read": read, "near": near}[where][1][0] = bad
    with pytest.raises(CollapseError, match="a score is no number"):
        blended(read, near, weights())


# Relevance


def test_relevance_is_a_sigmoid_around_the_threshold() -> None:
    found = relevance(np.array([1.0, 3.0, 5.0]), weights(temperature=2, threshold=3))
    assert found == pytest.approx([1 / (1 + exp(1)), 0.5, 1 / (1 + exp(-1))])


SCORES = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(scores=SCORES, temperature=st.sampled_from([1.0, 1.7, 30.0]))
def test_relevance_never_reorders_and_keeps_distinct_scores_distinct(
    scores: list[float], temperature: float
) -> None:
    found = relevance(np.float32(scores), weights(temperature=temperature))
    assert ((found >= 0) & (found <= 1)).all()
    apart = np.subtract.outer(np.float32(scores), np.float32(scores))
    visible = np.abs(apart) > 1e-6  # what two scores in fp32 may differ by at this size
    assert (np.sign(np.subtract.outer(found, found)) == np.sign(apart))[visible].all()


@pytest.mark.filterwarnings("error")
def test_the_most_extreme_score_has_a_relevance() -> None:
    found = relevance(np.array([-1e30, -800.0, 0, 800.0, 1e30]), weights(temperature=1e-4))
    assert found.tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize("key", ["temperature", "sharpness"])
@pytest.mark.parametrize("value", [0, -1])
def test_weights_that_would_reorder_are_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        weights(**{key: value})


# The folder


def test_a_saved_ranker_scores_the_same_to_the_last_digit(ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    again = load(tmp_path)
    assert again.weights == ranker.weights
    for one, two in zip(ranker.scores(LISTS), again.scores(LISTS), strict=True):
        assert one.tolist() == two.tolist()
        assert ranker.relevance(one).tolist() == again.relevance(two).tolist()


def test_saving_twice_gives_the_same_bytes(ranker: Ranker, tmp_path: Path) -> None:
    for name in ("one", "two"):
        ranker.save(tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["x.pkl", "retriever/x.py", "base/pytorch_model.bin"])
def test_a_folder_with_what_could_run_is_refused(ranker: Ranker, tmp_path: Path, name: str) -> None:
    ranker.save(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(UnsafeModelError, match=name):
        load(tmp_path)


# The cross-encoder


def test_an_encoder_gets_a_head_that_the_seed_draws(tiny_base: Path) -> None:
    one, again, other = (cross_encoder(tiny_base, 40, seed) for seed in (1, 1, 2))
    assert not has_head(tiny_base)
    assert logits(one, LISTS)[2].tolist() == logits(again, LISTS)[2].tolist()
    assert logits(one, LISTS)[2].tolist() != logits(other, LISTS)[2].tolist()
    encoder = SentenceTransformer(str(tiny_base)).state_dict()
    words = next(name for name in encoder if name.endswith("word_embeddings.weight"))
    [kept] = [it for name, it in one.state_dict().items() if name.endswith(words.split(".", 2)[2])]
    assert kept.equal(encoder[words])


def test_a_classifier_keeps_its_head_whatever_the_seed(ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    assert has_head(tmp_path)
    for seed in (1, 2):
        found = logits(cross_encoder(tmp_path, 40, seed), LISTS)
        assert found[0].tolist() == logits(ranker.cross_encoder, LISTS)[0].tolist()


def test_a_jina_bert_keeps_its_head(tmp_path: Path) -> None:
    official = write_official(tmp_path / "official", tensors())
    jina.native(official, tmp_path / "ours", slopes="halved")
    assert has_head(tmp_path / "ours")
    found = logits(cross_encoder(tmp_path / "ours", 40, seed=1), LISTS)
    assert found[0].tolist() == logits(jina.load(tmp_path / "ours", 40), LISTS)[0].tolist()


@pytest.mark.parametrize("name", ["weights.pkl", "modeling.py"])
def test_a_base_with_what_could_run_is_refused(ranker: Ranker, tmp_path: Path, name: str) -> None:
    ranker.cross_encoder.save_pretrained(str(tmp_path), create_model_card=False)
    (tmp_path / name).touch()
    with pytest.raises(UnsafeModelError, match=name):
        cross_encoder(tmp_path, 40, seed=1)


def test_no_more_tokens_are_read_than_asked_for_or_than_a_model_has_places_for(
    ranker: Ranker, tiny_base: Path, tmp_path: Path
) -> None:
    places = read_json(tiny_base / "config.json")["max_position_embeddings"]
    long = [listed("men", "rice " * 100)]
    for most, wanted in ((8, 8), (10 * places, places)):
        ranker.weighing(max_length=most).save(tmp_path)
        for model in (load(tmp_path).cross_encoder, cross_encoder(tiny_base, most, seed=1)):
            tokens: Any = model.preprocess([("men", "rice " * 100)])
            assert tokens["input_ids"].shape == (1, wanted)
            assert np.isfinite(logits(model, long)[0]).all()
