"""The JinaBERT computes what its formulas say."""

from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoConfig

from findtune.core.errors import InputError
from findtune.reranker.model.jina.architecture import (
    JinaConfig,
    JinaForSequenceClassification,
    attention_bias,
    head_slopes,
)
from findtune.reranker.model.jina.conversion import convert
from findtune.reranker.model.jina.loading import load_cross_encoder

TURBO = {  # jina-reranker-v1-turbo-en
    "vocab_size": 61_056,
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
}
TEXT = [0, 9, 13, 7, 2, 2, 8, 30, 11, 2]
PADDING = 1

Tensors = Mapping[str, torch.Tensor]


def load_network(folder: Path) -> JinaForSequenceClassification:
    network = load_cross_encoder(folder, 64).model
    assert isinstance(network, JinaForSequenceClassification)
    return network.eval()


@pytest.fixture(scope="module")
def network(converted_jina: Path) -> JinaForSequenceClassification:
    """The converted model, which no test changes."""
    return load_network(converted_jina)


def logits(network: JinaForSequenceClassification, **inputs: list[list[int]]) -> torch.Tensor:
    tensors: Any = {name: torch.tensor(value) for name, value in inputs.items()}
    with torch.inference_mode():
        result: torch.Tensor = network(**tensors).logits
    return result[:, 0]


def reference_logit(
    tensors: Tensors, words: list[int], types: list[int], slopes: list[float]
) -> float:
    """Return the logit of one text without padding, by the formulas, in fp64."""
    weights = {name: tensor.double() for name, tensor in tensors.items()}

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt()
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    embeddings = "bert.embeddings"
    word_rows = weights[f"{embeddings}.word_embeddings.weight"][words]
    type_rows = weights[f"{embeddings}.token_type_embeddings.weight"][types]
    x = norm(f"{embeddings}.LayerNorm", word_rows + type_rows)
    positions = torch.arange(len(words))
    bias = -torch.tensor(slopes)[:, None, None] * (positions[:, None] - positions).abs()
    for layer in ("bert.encoder.layer.0", "bert.encoder.layer.1"):
        attention, mlp = f"{layer}.attention", f"{layer}.mlp"
        query, key, value = (
            linear(f"{attention}.self.{part}", x).unflatten(1, (len(slopes), -1)).transpose(0, 1)
            for part in ("query", "key", "value")
        )
        shares = (query @ key.mT / sqrt(query.shape[-1]) + bias).softmax(-1)
        mixed = (shares @ value).transpose(0, 1).flatten(1)
        x = norm(f"{attention}.output.LayerNorm", x + linear(f"{attention}.output.dense", mixed))
        gate, value = linear(f"{mlp}.gated_layers", x).chunk(2, -1)
        gelu = 0.5 * gate * (1 + torch.erf(gate / sqrt(2)))
        x = norm(f"{mlp}.layernorm", x + linear(f"{mlp}.wo", gelu * value))
    return linear("classifier", torch.tanh(linear("bert.pooler.dense", x[0]))).item()


@pytest.mark.parametrize("choice", ["halved", "paper"])
def test_the_logits_are_those_of_the_formulas(
    tmp_path: Path,
    write_official: Callable[..., Path],
    jina_weights: Callable[..., Tensors],
    choice: str,
) -> None:
    official = write_official(tmp_path / "official", jina_weights())
    convert(official, tmp_path / "converted", alibi_slopes=choice)
    network, slopes = load_network(tmp_path / "converted"), head_slopes(12, choice)
    for words in (TEXT, TEXT[:1], TEXT * 3):
        types = [position % 2 for position in range(len(words))]
        expected = reference_logit(jina_weights(), words, types, slopes)
        result = logits(network, input_ids=[words], token_type_ids=[types])
        assert result.item() == pytest.approx(expected, abs=1e-5)


def test_heads_beyond_a_power_of_two_have_slopes_between_the_powers() -> None:
    powers = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    between = [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert head_slopes(8, "halved") == head_slopes(8, "paper") == powers
    assert head_slopes(12, "paper") == pytest.approx(powers + between)
    assert head_slopes(12, "halved") == pytest.approx(powers + [x / 2 for x in between])
    with pytest.raises(InputError, match="alibi_slopes is 'steep'; use halved or paper"):
        head_slopes(12, "steep")


def test_the_bias_falls_with_distance_and_hides_padding_from_every_head() -> None:
    bias = attention_bias([0.5, 0.25], torch.tensor([[1, 1, 1]]))
    assert bias[0, 0].tolist() == [[0, -0.5, -1], [-0.5, 0, -0.5], [-1, -0.5, 0]]
    assert bias[0, 1].tolist() == (bias[0, 0] / 2).tolist()
    attended = torch.tensor([[1] * 8 + [0] * 8, [0] * 16])
    bias = attention_bias(head_slopes(12, "halved"), attended)
    assert torch.isfinite(bias).all()
    assert torch.exp(bias[:, :, :, 8:]).sum() == 0
    assert torch.exp(bias[0, :, :, :8]).min() > 0


def test_the_official_shape_has_37_771_777_parameters_and_no_buffers(converted_jina: Path) -> None:
    tiny = AutoConfig.from_pretrained(converted_jina).to_dict()
    fields = {name: tiny[name] for name in JinaConfig.__annotations__} | TURBO
    with torch.device("meta"):
        model = JinaForSequenceClassification(JinaConfig(**fields, num_labels=1))
    assert sum(weight.numel() for weight in model.parameters()) == 37_771_777
    assert not list(model.buffers())


@pytest.mark.parametrize("padding", [1, 7, 50])
def test_padding_does_not_change_the_logit(
    network: JinaForSequenceClassification, padding: int
) -> None:
    words, attended = TEXT + [PADDING] * padding, [1] * len(TEXT) + [0] * padding
    padded = logits(network, input_ids=[words], attention_mask=[attended])
    assert padded.item() == pytest.approx(logits(network, input_ids=[TEXT]).item(), abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_text_of_padding_alone_gives_a_finite_logit(
    converted_jina: Path, dtype: torch.dtype
) -> None:
    network = load_network(converted_jina).to(dtype)
    words, attended = [[PADDING] * 9, [5] * 9], [[0] * 9, [1] * 9]
    assert torch.isfinite(logits(network, input_ids=words, attention_mask=attended)).all()


def test_a_long_text_leaves_no_tensor_in_the_model(network: JinaForSequenceClassification) -> None:
    before = set(network.state_dict())
    assert torch.isfinite(logits(network, input_ids=[TEXT * 200])).all()
    assert set(network.state_dict()) == before
    for module in network.modules():
        assert not [value for value in vars(module).values() if isinstance(value, torch.Tensor)]


def test_every_weight_has_a_finite_gradient_beside_padding(converted_jina: Path) -> None:
    network = load_network(converted_jina).train()
    words = torch.tensor([TEXT, TEXT[:2] + [PADDING] * 8])
    types = torch.arange(10).expand(2, 10) % 2
    logits = network(words, (words != PADDING).long(), types).logits
    logits.square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        # A key's bias adds the same to every score of a row, so only rounding is left.
        assert weight.grad.abs().max() > (0 if "key.bias" in name else 1e-6), name
