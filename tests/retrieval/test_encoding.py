"""Texts that lie one behind the other have the vectors of padded ones."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from findtune.core.files import read_json
from findtune.core.processes import ENGINE, VARIABLE
from findtune.retrieval import encoding
from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.encoding import batches, can_be_unpadded, encode_texts

TEXTS = ["tea", "a much longer question about green tea in Japan", "coffee", "tea", "", "rice"]


@pytest.fixture
def encoder(tiny_base: Path) -> SentenceTransformer:
    return load_encoder(tiny_base)


@pytest.mark.parametrize(("max_tokens", "tokenized"), [(2048, 4096), (7, 4096), (1, 2)])
def test_vectors_are_those_of_the_library(
    encoder: SentenceTransformer, max_tokens: int, tokenized: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "MAX_TOKENS", max_tokens)
    monkeypatch.setattr(encoding, "TOKENIZED", tokenized)
    expected = encoder.encode(TEXTS, normalize_embeddings=True)
    vectors = encode_texts(encoder, TEXTS)
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(expected, abs=1e-6)
    # and the library itself gives the same as before
    assert encoder.encode(TEXTS, normalize_embeddings=True) == pytest.approx(expected, abs=1e-6)


def test_a_cluster_encodes_shards_and_the_vectors_are_the_same_to_the_last_bit(
    encoder: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "TOKENIZED", 4)
    expected = encode_texts(encoder, TEXTS)
    sizes: list[int] = []

    def ordered_map(function: Any, items: Any, processes: int) -> Iterator[Any]:
        function = pickle.loads(pickle.dumps(function))  # as it travels
        for item in items:
            sizes.append(len(item))
            yield function(item)

    monkeypatch.setattr(encoding, "ordered_map", ordered_map)
    monkeypatch.setattr(encoding, "MANY", 6)
    monkeypatch.setenv(VARIABLE, "2")
    for engine, wanted in (("local", []), ("ray", [4, 2])):
        monkeypatch.setenv(ENGINE, engine)
        assert encode_texts(encoder, TEXTS).tobytes() == expected.tobytes()
        assert sizes == wanted
    encode_texts(encoder, TEXTS[:5])  # too few to be worth it
    assert sizes == [4, 2]


def test_no_padding_is_read(encoder: SentenceTransformer) -> None:
    seen: list[torch.Tensor] = []
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]["input_ids"]))
    encode_texts(encoder, TEXTS)
    lengths = encoder.preprocess(TEXTS)["attention_mask"].sum(dim=1)
    assert [tokens.shape for tokens in seen] == [(1, int(lengths.sum()))]


def test_batches_hold_all_texts_in_order_and_few_tokens() -> None:
    texts = [(1,), (2, 2), (3, 3), (4,) * 9, (5,)]
    assert [len(batch) for batch in batches(texts, 4)] == [2, 1, 1, 1]
    assert [text for batch in batches(texts, 4) for text in batch] == texts


def test_another_device_than_a_cpu_reads_more_tokens_together() -> None:
    cpu, other = (encoding.tokens_together(torch.device(name)) for name in ("cpu", "meta"))
    assert (cpu, other) == (encoding.MAX_TOKENS, encoding.MAX_TOKENS_ON_GPU)


@pytest.mark.parametrize("changes", [{"default_prompt_name": "q"}, {"truncate_dim": 4}])
def test_what_only_the_library_knows_how_to_encode_is_left_to_it(
    encoder: SentenceTransformer, changes: dict[str, Any]
) -> None:
    encoder.prompts = {"q": "find: "}
    for name, value in changes.items():
        setattr(encoder, name, value)
    expected = encoder.encode(TEXTS, normalize_embeddings=True)
    assert encode_texts(encoder, TEXTS).tolist() == expected.tolist()


def test_what_stands_in_for_an_encoder_encodes_by_itself() -> None:
    stand_in: Any = SimpleNamespace(encode=lambda texts, **_: np.ones((len(texts), 2)))
    assert encode_texts(stand_in, ["a", "b"]).tolist() == [[1, 1], [1, 1]]


def test_a_saved_encoder_does_not_name_the_attention(
    encoder: SentenceTransformer, tmp_path: Path
) -> None:
    encode_texts(encoder, TEXTS)
    encoder.save_pretrained(str(tmp_path), create_model_card=False)
    assert "unpadded" not in str(read_json(tmp_path / "config.json"))


@pytest.mark.parametrize("change", ["causal", "window", "shared keys", "neighbours"])
def test_a_model_in_which_a_token_does_not_see_all_of_its_text_is_padded(
    encoder: SentenceTransformer, change: str
) -> None:
    transformer = encoder[0].model
    assert can_be_unpadded(encoder)
    if change == "causal":
        transformer.encoder.layer[0].attention.self.is_causal = True
    elif change == "window":
        transformer.config.sliding_window = 128
    elif change == "neighbours":
        transformer.config.trigram_input = True
    else:
        transformer.config.num_key_value_heads = 1
    assert not can_be_unpadded(encoder)
