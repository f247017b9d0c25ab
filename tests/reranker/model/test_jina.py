"""A JinaBERT computes its formulas, converts, and loads only if nothing in its folder can run."""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers import AutoConfig, BertConfig, BertForSequenceClassification

from findtune.core.errors import InputError, UnsafeModelError
from findtune.reranker.model.jina.architecture import (
    JinaConfig,
    JinaForSequenceClassification,
    head_slopes,
)
from findtune.reranker.model.jina.conversion import convert
from findtune.reranker.model.jina.loading import load_cross_encoder, register

# jina-reranker-v1-turbo-en
WIDTHS = {"vocab_size": 61_056, "hidden_size": 384, "intermediate_size": 1536}
TURBO = WIDTHS | {"num_hidden_layers": 6}
TEXT = [0, 9, 13, 7, 2, 2, 8, 30, 11, 2]
PADDING = 1
PAIRS = [("jobless men", "Men without work."), ("rent", "rent " * 9), ("a", "b")]

Tensors = Mapping[str, torch.Tensor]
Weights = Callable[..., Tensors]
Write = Callable[..., Path]


def load_network(folder: Path) -> JinaForSequenceClassification:
    network: JinaForSequenceClassification = load_cross_encoder(folder, 64).model
    return network.eval()


def read_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


# The formulas


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
def test_the_logits_are_those_of_the_formulas_and_the_slopes_are_in_every_config(
    tmp_path: Path, write_official: Write, jina_weights: Weights, choice: str
) -> None:
    official = write_official(tmp_path / "official", jina_weights())
    convert(official, tmp_path / "converted", alibi_slopes=choice)
    load_cross_encoder(tmp_path / "converted", 64).save_pretrained(str(tmp_path / "saved"))
    for name in ("converted", "saved"):
        config = read_config(tmp_path / name)
        assert (config["alibi_slopes"], config["model_type"]) == (choice, "findtune-jina-bert")
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


def test_the_official_shape_has_37_771_777_parameters_and_no_buffers(converted_jina: Path) -> None:
    tiny = AutoConfig.from_pretrained(converted_jina).to_dict()
    fields = {name: tiny[name] for name in JinaConfig.__annotations__} | TURBO
    with torch.device("meta"):
        model = JinaForSequenceClassification(JinaConfig(**fields, num_labels=1))
    assert sum(weight.numel() for weight in model.parameters()) == 37_771_777
    assert not list(model.buffers())


@pytest.mark.parametrize("padding", [1, 7, 50])
def test_padding_does_not_change_a_logit_and_padding_alone_gives_a_finite_one(
    converted_jina: Path, padding: int
) -> None:
    network = load_network(converted_jina)
    [alone] = logits(network, input_ids=[TEXT])
    words = [TEXT + [PADDING] * padding, [PADDING] * (10 + padding)]
    attended = [[1] * len(TEXT) + [0] * padding, [0] * (10 + padding)]
    padded, empty = logits(network, input_ids=words, attention_mask=attended)
    assert padded.item() == pytest.approx(alone.item(), abs=1e-5)
    assert torch.isfinite(empty)
    network.bfloat16()
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


# Converting


def test_the_official_weights_are_kept_without_code_and_load_in_fp32(
    official_jina: Path, converted_jina: Path, jina_weights: Weights
) -> None:
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in converted_jina.iterdir()} == names
    for name in ("model.safetensors", "tokenizer.json"):
        assert (converted_jina / name).read_bytes() == (official_jina / name).read_bytes()
    assert "auto_map" not in (converted_jina / "config.json").read_text(encoding="utf-8")
    stored = load_file(official_jina / "model.safetensors")
    loaded = load_cross_encoder(converted_jina, 64).model.state_dict()
    assert loaded.keys() == stored.keys() == jina_weights().keys()
    for name, weight in loaded.items():
        assert (stored[name].dtype, weight.dtype) == (torch.bfloat16, torch.float32)
        assert torch.equal(weight, stored[name].float())


def test_tokens_are_those_of_the_official_tokenizer(
    official_jina: Path, converted_jina: Path
) -> None:
    official = Tokenizer.from_file(str(official_jina / "tokenizer.json"))
    tokenizer = load_cross_encoder(converted_jina, 64).tokenizer
    for pair in [("Jobless MEN", "Men without WORK"), ("a", "b")]:
        tokens = tokenizer(*pair)
        assert tokens["input_ids"] == official.encode(*pair).ids
        assert tokens.keys() == {"input_ids", "attention_mask"}  # as with RobertaTokenizer
    assert tokenizer.pad_token_id == 1


OTHER_ARCHITECTURES = {
    "position_embedding_type": "absolute",
    "feed_forward_type": "reglu",
    "hidden_act": "relu",
    "model_type": "roberta",
    "is_decoder": True,
    "num_labels": 2,
    "id2label": {"0": "no", "1": "yes"},
    "auto_map": {"AutoConfig": "jinaai/jina-bert-v2-qk-post-norm--configuration_bert.JinaBert"},
    "hidden_size": 25,
    "num_hidden_layers": "absent",
    "vocab_size": True,
    "layer_norm_eps": "small",
    "hidden_dropout_prob": 1.5,
}
# A config that does not mention these two is no JinaBERT either.
ABSENT = dict.fromkeys(("position_embedding_type", "feed_forward_type"), "absent")


@pytest.mark.parametrize(("field", "value"), [*OTHER_ARCHITECTURES.items(), *ABSENT.items()])
def test_a_config_of_another_architecture_is_refused_by_field(
    write_official: Write, jina_weights: Weights, tmp_path: Path, field: str, value: Any
) -> None:
    official = write_official(tmp_path / "official", jina_weights(), **{field: value})
    with pytest.raises(InputError, match=rf"config\.json: {field} "):
        convert(official, tmp_path / "converted", alibi_slopes="halved")
    assert not (tmp_path / "converted").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_an_official_folder_that_lacks_a_file_or_weights_is_refused(
    write_official: Write, jina_weights: Weights, tmp_path: Path, name: str
) -> None:
    official = write_official(tmp_path, jina_weights(layers=1))
    with pytest.raises(UnsafeModelError, match=r"missing: bert\.encoder\.layer\.1\."):
        convert(official, tmp_path / "converted", alibi_slopes="halved")
    (official / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        convert(official, tmp_path / "converted", alibi_slopes="halved")


# Loading


def test_the_official_folder_is_refused(official_jina: Path) -> None:
    with pytest.raises(UnsafeModelError, match="can run code when loaded"):
        load_cross_encoder(official_jina, 64)


BIAS = "bert.encoder.layer.1.mlp.wo.bias"
UNEXPECTED = "bert.encoder.layer.0.mlp.up.bias"
MISFITS = {
    "missing": ({BIAS: None}, f"missing: {BIAS}"),
    "unexpected": ({UNEXPECTED: torch.zeros(2)}, "no such tensors: .*up.bias"),
    "another shape": ({BIAS: torch.zeros(12)}, rf"{BIAS} has the shape \(12,\), not \(24,\)"),
    "two logits": ({"classifier.weight": torch.zeros(2, 24)}, "classifier.weight has the shape"),
    "infinite": ({BIAS: torch.full((24,), math.inf)}, f"NaN or infinite numbers in {BIAS}"),
    "NaN": ({BIAS: torch.full((24,), math.nan, dtype=torch.bfloat16)}, "NaN or infinite"),
}


@pytest.mark.parametrize(("changes", "message"), MISFITS.values(), ids=MISFITS)
def test_weights_that_do_not_fit_are_refused_by_name(
    converted_jina: Path, tmp_path: Path, changes: dict[str, torch.Tensor | None], message: str
) -> None:
    shutil.copytree(converted_jina, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors") | changes
    kept = {name: weight for name, weight in weights.items() if weight is not None}
    save_file(kept, tmp_path / "model.safetensors")
    with pytest.raises(UnsafeModelError, match=message):
        load_cross_encoder(tmp_path, 64)


@pytest.mark.parametrize(
    ("slopes", "message"), [("steep", "alibi_slopes is 'steep'"), (None, ".*'alibi_slopes'")]
)
def test_a_config_without_known_slopes_is_refused(
    converted_jina: Path, tmp_path: Path, slopes: str | None, message: str
) -> None:
    shutil.copytree(converted_jina, tmp_path, dirs_exist_ok=True)
    config = read_config(tmp_path) | {"alibi_slopes": slopes}
    kept = {key: value for key, value in config.items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(InputError, match=rf"config\.json:? {message}"):
        load_cross_encoder(tmp_path, 64)


def test_a_saved_model_loads_with_the_same_scores(converted_jina: Path, tmp_path: Path) -> None:
    model = load_cross_encoder(converted_jina, 64)
    model.save_pretrained(str(tmp_path), create_model_card=False)
    loaded = load_cross_encoder(tmp_path, 64)
    register()  # a second time, which is harmless
    stock = CrossEncoder(str(tmp_path), local_files_only=True)
    weights = loaded.model.state_dict()
    for name, weight in model.model.state_dict().items():
        assert torch.equal(weights[name], weight)
    # the place of a weight in memory may change the last bit of a product
    assert loaded.predict(PAIRS) == pytest.approx(model.predict(PAIRS), abs=1e-6)
    assert loaded.predict(PAIRS).tobytes() == stock.predict(PAIRS).tobytes()


@pytest.mark.parametrize("extra", [{}, {"bert.embeddings.position_ids": torch.arange(64)[None]}])
def test_a_stock_classifier_loads_as_well(
    converted_jina: Path, tmp_path: Path, extra: dict[str, torch.Tensor]
) -> None:
    for path in converted_jina.glob("tokenizer*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}
    config = BertConfig(vocab_size=40, hidden_size=24, intermediate_size=16, num_labels=1, **shape)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(weights | extra, tmp_path / "model.safetensors", metadata={"format": "pt"})
    loaded = load_cross_encoder(tmp_path, 64).model.state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weight) for name, weight in weights.items())
