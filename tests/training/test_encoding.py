"""A training batch is encoded with little padding, no text twice, and the same result."""

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.encoding import Features, without_padding
from findtune.training import encoding
from findtune.training.encoding import encode_columns, fast_layers

QUESTIONS = ["tea", "a much longer question about green tea in Japan", "coffee"]
DOCUMENTS = ["Tea is a drink.", "tea", "Coffee grows in Brazil, and elsewhere in warm countries."]


@pytest.fixture
def encoder(tiny_base: Path) -> SentenceTransformer:
    return load_encoder(tiny_base)


@pytest.fixture
def columns(encoder: SentenceTransformer) -> list[Features]:
    """A column of questions and one of documents, each padded to its longest text."""
    return [encoder.preprocess(texts) for texts in (QUESTIONS, DOCUMENTS)]


@pytest.mark.parametrize("kept", [1000, 20, 0])
@pytest.mark.parametrize("attention", ["unpadded", "eager"])
def test_vectors_and_gradients_are_those_of_padded_columns(
    encoder: SentenceTransformer,
    columns: list[Features],
    attention: str,
    kept: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("findtune.retrieval.encoding.MAX_TOKENS", 12)
    monkeypatch.setattr(encoding, "CHUNK", 2)
    monkeypatch.setattr(encoding, "KEPT_TOKENS", kept)

    def result(vectors: list[torch.Tensor]) -> list[torch.Tensor]:
        encoder.zero_grad()
        (vectors[0] @ vectors[1].T).sum().backward()
        gradients = [
            weight.grad.clone() for weight in encoder.parameters() if weight.grad is not None
        ]
        return [*(column.detach() for column in vectors), *gradients]

    encoder.eval()
    padded = result([encoder(dict(column))["sentence_embedding"] for column in columns])
    encoder[0].model.set_attn_implementation(attention)
    for ours, theirs in zip(result(encode_columns(encoder, columns)), padded, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_each_text_is_encoded_once_without_padding(
    encoder: SentenceTransformer, columns: list[Features]
) -> None:
    seen: list[torch.Tensor] = []
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]["input_ids"]))
    with fast_layers(encoder):
        encode_columns(encoder, columns)
    distinct = {text for column in columns for text in without_padding(column)}
    [tokens] = seen
    assert tokens.shape == (1, sum(map(len, distinct)))
    assert len(distinct) < len([*QUESTIONS, *DOCUMENTS])


@pytest.mark.parametrize(("kept", "passes"), [(1000, 2), (0, 4)])
def test_beyond_some_tokens_the_pass_back_computes_activations_again(
    encoder: SentenceTransformer,
    columns: list[Features],
    kept: int,
    passes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("findtune.retrieval.encoding.MAX_TOKENS", 30)
    monkeypatch.setattr(encoding, "KEPT_TOKENS", kept)
    seen: list[None] = []
    encoder.register_forward_pre_hook(lambda *_: seen.append(None))
    with fast_layers(encoder):
        first, second = encode_columns(encoder, columns)
        (first @ second.T).sum().backward()
    assert len(seen) == passes


def test_a_padded_batch_between_steps_is_encoded_as_before(
    encoder: SentenceTransformer, columns: list[Features]
) -> None:
    encoder.eval()
    before = encoder(dict(columns[0]))["sentence_embedding"]
    with fast_layers(encoder):
        within = encoder(dict(columns[0]))["sentence_embedding"]
    torch.testing.assert_close(within, before)


def test_each_text_is_encoded_once_beside_texts_of_its_length(
    encoder: SentenceTransformer, columns: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 2)
    seen: list[torch.Tensor] = []
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]["attention_mask"]))
    encode_columns(encoder, columns)
    distinct = {text for column in columns for text in without_padding(column)}
    assert sum(len(mask) for mask in seen) == len(distinct) < len([*QUESTIONS, *DOCUMENTS])
    lengths = [int(length) for mask in seen for length in mask.sum(dim=1)]
    assert lengths == sorted(lengths, reverse=True)


def test_dropout_and_fused_attention_are_off_during_training_only(
    encoder: SentenceTransformer, columns: list[Features]
) -> None:
    layers = [layer for layer in encoder.modules() if isinstance(layer, torch.nn.Dropout)]
    for layer in layers:
        layer.p = 0.5
    attention = encoder[0].model.config._attn_implementation
    assert attention != "eager"
    encoder.train()
    with fast_layers(encoder):
        first, again = (encode_columns(encoder, columns)[0] for _ in range(2))
        assert encoder[0].model.config._attn_implementation == "unpadded"
    assert torch.equal(first, again)
    assert {layer.p for layer in layers} == {0.5}
    assert encoder[0].model.config._attn_implementation == attention
