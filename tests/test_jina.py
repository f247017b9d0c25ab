"""The native JinaBERT reads the official tensors and does what its formulas say."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
)

from findtune.errors import InputError, UnsafeModelError
from findtune.jina import (
    JinaConfig,
    JinaForSequenceClassification,
    attention_bias,
    head_slopes,
    load,
    native,
    register,
)

REMOTE = "jinaai/jina-bert-implementation--"
OFFICIAL = {
    "_name_or_path": "jinaai/jina-bert-implementation",
    "architectures": ["JinaBertForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "attn_implementation": "torch",
    "auto_map": {
        "AutoConfig": f"{REMOTE}configuration_bert.JinaBertConfig",
        "AutoModelForSequenceClassification": f"{REMOTE}modeling_bert.JinaBertModel",
    },
    "classifier_dropout": None,
    "emb_pooler": "mean",
    "feed_forward_type": "geglu",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 24,
    "initializer_range": 0.02,
    "intermediate_size": 16,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 8192,
    "model_max_length": 8192,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "alibi",
    "torch_dtype": "bfloat16",
    "transformers_version": "4.26.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 40,
}
TURBO = {  # jina-reranker-v1-turbo-en
    "vocab_size": 61_056,
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
}
LETTERS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "Ġ": 4} | {
    letter: 5 + at for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
}
PAIRS = [("jobless men", "Men without work."), ("rent", "rent " * 9), ("a", "b")]
TEXT = [[0, 9, 13, 7, 2, 2, 8, 30, 11, 2]]


def tensors(hidden: int = 24, inner: int = 16, layers: int = 2) -> dict[str, torch.Tensor]:
    """Return tensors of chance under the names of the official checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (40, hidden),
        "bert.embeddings.token_type_embeddings.weight": (2, hidden),
        "bert.pooler.dense.weight": (hidden, hidden),
        "bert.pooler.dense.bias": (hidden,),
        "classifier.weight": (1, hidden),
        "classifier.bias": (1,),
    }
    norms = ["bert.embeddings.LayerNorm"]
    for layer in (f"bert.encoder.layer.{at}" for at in range(layers)):
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}.attention.{name}.weight"] = (hidden, hidden)
            shapes[f"{layer}.attention.{name}.bias"] = (hidden,)
        shapes[f"{layer}.mlp.gated_layers.weight"] = (2 * inner, hidden)
        shapes[f"{layer}.mlp.wo.weight"] = (hidden, inner)
        shapes[f"{layer}.mlp.wo.bias"] = (hidden,)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.mlp.layernorm"]
    for norm in norms:
        shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (hidden,)
    chance = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=chance) * 0.5 for name, shape in shapes.items()}


def write_official(folder: Path, weights: Mapping[str, torch.Tensor], **changes: Any) -> Path:
    """Write a folder as the hub has it, with the code and the pickle that lie beside."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {key: value for key, value in (OFFICIAL | changes).items() if value != "absent"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "modeling_bert.py").write_text("raise SystemExit", encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    letters = Tokenizer(models.BPE(LETTERS, [], unk_token="<unk>"))
    letters.normalizer = normalizers.Lowercase()
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    letters.save(str(folder / "tokenizer.json"))
    told = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 8192}
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    special = {"pad_token": "<pad>", "cls_token": {"content": "<s>"}, "sep_token": "</s>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with the official names, twelve heads and bf16 tensors."""
    halved = {name: weight.bfloat16() for name, weight in tensors().items()}
    return write_official(tmp_path_factory.mktemp("official"), halved)


@pytest.fixture(scope="module")
def ours(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, made native."""
    folder = tmp_path_factory.mktemp("ours")
    native(official, folder, slopes="halved")
    return folder


@pytest.fixture(scope="module")
def model(ours: Path) -> JinaForSequenceClassification:
    """The native model, loaded once and never trained."""
    return inner(load(ours, 64))


def inner(loaded: CrossEncoder) -> JinaForSequenceClassification:
    found = loaded.model
    assert isinstance(found, JinaForSequenceClassification)
    return found.eval()


def logits(model: JinaForSequenceClassification, **inputs: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(**{key: torch.tensor(it) for key, it in inputs.items()}).logits
    return found[:, 0]


# The formulas, one number at a time


def reference(
    weights: Mapping[str, torch.Tensor],
    words: list[int],
    types: list[int],
    slopes: list[float],
    heads: int,
) -> float:
    """Return the logit of one text without padding, in plain loops."""
    values = {name: weight.double().numpy() for name, weight in weights.items()}

    def linear(name: str, row: np.ndarray) -> np.ndarray:
        bias = values.get(f"{name}.bias", 0.0)
        return np.array([float(np.dot(line, row)) for line in values[f"{name}.weight"]]) + bias

    def norm(name: str, row: np.ndarray) -> np.ndarray:
        mean = sum(row) / len(row)
        variance = sum((number - mean) ** 2 for number in row) / len(row)
        scaled = [(number - mean) / math.sqrt(variance + 1e-12) for number in row]
        return np.array(scaled) * values[f"{name}.weight"] + values[f"{name}.bias"]

    embedded = "bert.embeddings"
    rows = [
        norm(
            f"{embedded}.LayerNorm",
            values[f"{embedded}.word_embeddings.weight"][word]
            + values[f"{embedded}.token_type_embeddings.weight"][kind],
        )
        for word, kind in zip(words, types, strict=True)
    ]
    width = len(rows[0]) // heads
    for layer in range(2):
        at = f"bert.encoder.layer.{layer}"
        queries, keys, value_rows = (
            [linear(f"{at}.attention.self.{name}", row) for row in rows]
            for name in ("query", "key", "value")
        )
        attended = []
        for i, query in enumerate(queries):
            mixed = np.zeros_like(query)
            for head in range(heads):
                part = slice(head * width, (head + 1) * width)
                scores = [
                    float(np.dot(query[part], key[part])) / math.sqrt(width)
                    - slopes[head] * abs(i - j)
                    for j, key in enumerate(keys)
                ]
                shares = [math.exp(score - max(scores)) for score in scores]
                for share, value in zip(shares, value_rows, strict=True):
                    mixed[part] += share / sum(shares) * value[part]
            attended.append(mixed)
        rows = [
            norm(
                f"{at}.attention.output.LayerNorm", row + linear(f"{at}.attention.output.dense", x)
            )
            for row, x in zip(rows, attended, strict=True)
        ]
        gated = [linear(f"{at}.mlp.gated_layers", row) for row in rows]
        half = len(gated[0]) // 2
        passed = [
            [0.5 * x * (1 + math.erf(x / math.sqrt(2))) * y for x, y in zip(*pair, strict=True)]
            for pair in ((row[:half], row[half:]) for row in gated)
        ]
        rows = [
            norm(f"{at}.mlp.layernorm", row + linear(f"{at}.mlp.wo", np.array(x)))
            for row, x in zip(rows, passed, strict=True)
        ]
    pooled = np.array([math.tanh(x) for x in linear("bert.pooler.dense", rows[0])])
    return float(linear("classifier", pooled)[0])


@pytest.mark.parametrize("choice", ["halved", "paper"])
def test_the_logits_are_those_of_the_formulas(tmp_path: Path, choice: str) -> None:
    write_official(tmp_path / "official", tensors())
    native(tmp_path / "official", tmp_path / "ours", slopes=choice)
    model = inner(load(tmp_path / "ours", 64))
    for words in (TEXT[0], TEXT[0][:1], TEXT[0] * 3):
        types = [at % 2 for at in range(len(words))]
        wanted = reference(tensors(), words, types, head_slopes(12, choice), heads=12)
        found = logits(model, input_ids=[words], token_type_ids=[types])
        assert found.item() == pytest.approx(wanted, abs=1e-5)


def test_the_slopes_decide_the_logits(official: Path, ours: Path, tmp_path: Path) -> None:
    native(official, tmp_path, slopes="paper")
    one, other = (logits(inner(load(folder, 64)), input_ids=TEXT) for folder in (ours, tmp_path))
    assert abs(one - other).item() > 1e-3


def test_eight_heads_have_powers_of_two_and_four_more_lie_between() -> None:
    powers = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    between = [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert head_slopes(8, "halved") == head_slopes(8, "paper") == powers
    assert head_slopes(12, "paper") == pytest.approx(powers + between)
    assert head_slopes(12, "halved") == pytest.approx(powers + [it / 2 for it in between])


def test_the_bias_falls_with_the_distance_on_both_sides() -> None:
    bias = attention_bias([0.5, 0.25], torch.tensor([[1, 1, 1]]))
    assert bias[0, 0].tolist() == [[0, -0.5, -1], [-0.5, 0, -0.5], [-1, -0.5, 0]]
    assert bias[0, 1].tolist() == (bias[0, 0] / 2).tolist()


def test_the_bias_hides_padding_from_every_head_and_is_finite() -> None:
    bias = attention_bias(head_slopes(12, "halved"), torch.tensor([[1] * 8 + [0] * 8, [0] * 16]))
    assert torch.isfinite(bias).all()
    assert torch.exp(bias[:, :, :, 8:]).sum() == 0
    assert torch.exp(bias[0, :, :, :8]).min() > 0


# The checkpoint


def test_the_official_shape_has_37_771_777_parameters(official: Path, tmp_path: Path) -> None:
    shape = json.loads((official / "config.json").read_text(encoding="utf-8")) | TURBO
    config = JinaConfig(**{key: shape.get(key) for key in JinaConfig.__annotations__} | CHOSEN)
    with torch.device("meta"):
        model = JinaForSequenceClassification(config)
    assert sum(weight.numel() for weight in model.parameters()) == 37_771_777
    assert not list(model.buffers())


CHOSEN: dict[str, Any] = {"classifier_dropout": 0.1, "slopes": "halved", "num_labels": 1}


def test_the_official_tensors_load_unchanged_in_fp32(
    official: Path, model: JinaForSequenceClassification
) -> None:
    stored = load_file(official / "model.safetensors")
    loaded = model.state_dict()
    assert loaded.keys() == stored.keys() == tensors().keys()
    assert {weight.dtype for weight in stored.values()} == {torch.bfloat16}
    for name, weight in loaded.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, stored[name].float())


def test_a_native_folder_holds_the_same_bytes_of_weights_and_nothing_that_runs(
    official: Path, ours: Path
) -> None:
    assert {path.name for path in ours.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    for name in ("model.safetensors", "tokenizer.json"):
        assert (ours / name).read_bytes() == (official / name).read_bytes()
    assert "auto_map" not in (ours / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("choice", ["halved", "paper"])
def test_the_slopes_are_written_into_every_config(
    official: Path, tmp_path: Path, choice: str
) -> None:
    native(official, tmp_path / "ours", slopes=choice)
    load(tmp_path / "ours", 64).save_pretrained(str(tmp_path / "saved"))
    for folder in (tmp_path / "ours", tmp_path / "saved"):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert config["slopes"] == choice
        assert config["model_type"] == "findtune-jina-bert"


def test_the_official_folder_itself_is_refused(official: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsafeModelError, match="asks for remote code"):
        load(official, 64)


def test_tokens_are_those_of_the_official_tokenizer_json(official: Path, ours: Path) -> None:
    raw = Tokenizer.from_file(str(official / "tokenizer.json"))
    loaded = load(ours, 64).tokenizer
    for query, source in [("Jobless MEN", "Men without WORK"), ("a", "b")]:
        found = loaded(query, source)
        assert found["input_ids"] == raw.encode(query, source).ids
        assert found.keys() == {"input_ids", "attention_mask"}  # as with RobertaTokenizer
    assert loaded.pad_token_id == 1


OTHER_SHAPES = {
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


@pytest.mark.parametrize(("field", "value"), OTHER_SHAPES.items(), ids=OTHER_SHAPES)
def test_a_config_of_another_architecture_is_refused_and_its_field_told(
    tmp_path: Path, field: str, value: Any
) -> None:
    write_official(tmp_path / "official", tensors(), **{field: value})
    with pytest.raises(InputError, match=rf"config\.json: {field} "):
        native(tmp_path / "official", tmp_path / "ours", slopes="halved")
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("field", ["position_embedding_type", "feed_forward_type"])
def test_a_config_that_is_silent_about_what_makes_a_jina_bert_is_refused(
    tmp_path: Path, field: str
) -> None:
    write_official(tmp_path / "official", tensors(), **{field: "absent"})
    with pytest.raises(InputError, match=f"{field} is None"):
        native(tmp_path / "official", tmp_path / "ours", slopes="halved")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_an_official_folder_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (write_official(tmp_path / "official", tensors()) / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        native(tmp_path / "official", tmp_path / "ours", slopes="halved")


def test_unknown_slopes_are_refused(official: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="slopes is 'steep'; halved or paper would do"):
        native(official, tmp_path, slopes="steep")


@pytest.mark.parametrize(
    ("slopes", "told"),
    [("steep", r"config\.json: slopes is 'steep'"), (None, r"config\.json .*'slopes'")],
)
def test_a_saved_config_without_known_slopes_is_refused(
    ours: Path, tmp_path: Path, slopes: str | None, told: str
) -> None:
    copied = copy(ours, tmp_path)
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    del config["slopes"]
    config |= {"slopes": slopes} if slopes else {}
    (copied / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        load(copied, 64)


def copy(folder: Path, into: Path, **changed: torch.Tensor | None) -> Path:
    """Return a copy of a native folder with other tensors; None takes one away."""
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    weights = load_file(into / "model.safetensors") | changed
    kept = {name: weight for name, weight in weights.items() if weight is not None}
    save_file(kept, into / "model.safetensors")
    return into


WO = "bert.encoder.layer.1.mlp.wo.bias"
BROKEN = {
    "missing": ({WO: None}, f"missing: {WO}"),
    "unexpected": ({"bert.encoder.layer.0.mlp.up.bias": torch.zeros(2)}, "no place for: .*up.bias"),
    "another shape": ({WO: torch.zeros(12)}, rf"{WO} is \(12,\), not \(24,\)"),
    "two logits": ({"classifier.weight": torch.zeros(2, 24)}, "classifier.weight is"),
    "infinite": ({WO: torch.full((24,), math.inf)}, f"not finite, in {WO}"),
    "no number": ({WO: torch.full((24,), math.nan, dtype=torch.bfloat16)}, "not finite"),
}


@pytest.mark.parametrize(("changed", "told"), BROKEN.values(), ids=BROKEN)
def test_tensors_that_do_not_fit_are_refused_and_named(
    ours: Path, tmp_path: Path, changed: dict[str, torch.Tensor | None], told: str
) -> None:
    copied = copy(ours, tmp_path, **changed)
    with pytest.raises(UnsafeModelError, match=told):
        load(copied, 64)


def test_a_native_folder_is_not_made_of_tensors_that_do_not_fit(tmp_path: Path) -> None:
    write_official(tmp_path / "official", tensors(layers=1))
    with pytest.raises(UnsafeModelError, match=r"missing: bert\.encoder\.layer\.1\."):
        native(tmp_path / "official", tmp_path / "ours", slopes="halved")


# What must not matter, and what must not happen


def test_padding_does_not_change_the_logits(model: JinaForSequenceClassification) -> None:
    alone = logits(model, input_ids=TEXT)
    for more in (1, 7, 50):
        padded = logits(
            model,
            input_ids=[TEXT[0] + [1] * more],
            attention_mask=[[1] * len(TEXT[0]) + [0] * more],
        )
        assert padded.item() == pytest.approx(alone.item(), abs=1e-5)


def test_a_text_that_is_all_padding_gives_a_finite_logit(
    model: JinaForSequenceClassification,
) -> None:
    both = logits(model, input_ids=[[1] * 9, [5] * 9], attention_mask=[[0] * 9, [1] * 9])
    assert torch.isfinite(both).all()
    half = model.bfloat16()
    assert torch.isfinite(logits(half, input_ids=[[1] * 9], attention_mask=[[0] * 9])).all()
    model.float()


def test_the_order_of_a_batch_does_not_matter(ours: Path) -> None:
    loaded = load(ours, 64)
    forth = loaded.predict(PAIRS, batch_size=3)
    back = loaded.predict(PAIRS[::-1], batch_size=3)
    alone = [loaded.predict([pair])[0] for pair in PAIRS]
    assert forth == pytest.approx(back[::-1], abs=1e-6)
    assert forth == pytest.approx(alone, abs=1e-5)


def test_two_loads_give_the_same_bits(ours: Path) -> None:
    one, two = (load(ours, 64) for _ in range(2))
    assert one.predict(PAIRS).tobytes() == two.predict(PAIRS).tobytes()


def test_a_long_text_leaves_nothing_stored(ours: Path) -> None:
    model = inner(load(ours, 8192))
    before = set(model.state_dict())
    found = logits(model, input_ids=[[5 + at % 26 for at in range(2000)]])
    assert torch.isfinite(found).all()
    assert set(model.state_dict()) == before
    assert not list(model.buffers())
    for module in model.modules():
        assert not [it for it in vars(module).values() if isinstance(it, torch.Tensor)]


def test_a_text_is_cut_at_the_length_that_is_asked_for(ours: Path) -> None:
    loaded = load(ours, 16)
    assert loaded.max_seq_length == 16
    long, longer = ("a", "rent " * 9), ("a", "rent " * 90)
    assert loaded.predict([long]) == loaded.predict([longer])
    assert loaded.predict([("a", "ren")]) != loaded.predict([long])


# Training and saving


def test_registering_twice_is_the_same_as_once(ours: Path) -> None:
    register()
    register()
    assert isinstance(AutoConfig.from_pretrained(ours), JinaConfig)
    found = AutoModelForSequenceClassification.from_pretrained(ours)
    assert isinstance(found, JinaForSequenceClassification)


def test_a_saved_model_loads_to_the_same_scores(ours: Path, tmp_path: Path) -> None:
    loaded = load(ours, 64)
    loaded.save_pretrained(str(tmp_path), create_model_card=False)
    again, stock = load(tmp_path, 64), CrossEncoder(str(tmp_path), local_files_only=True)
    weights = again.model.state_dict()
    for name, weight in loaded.model.state_dict().items():
        assert torch.equal(weights[name], weight)
    # where a weight lies in memory may change the last bit of a product
    assert again.predict(PAIRS) == pytest.approx(loaded.predict(PAIRS), abs=1e-6)
    assert again.predict(PAIRS).tobytes() == stock.predict(PAIRS).tobytes()


def test_a_model_of_chance_can_be_saved_and_loaded(tmp_path: Path, ours: Path) -> None:
    torch.manual_seed(0)
    fresh = JinaForSequenceClassification(AutoConfig.from_pretrained(ours)).eval()
    copied = copy(ours, tmp_path)
    fresh.save_pretrained(copied)
    again = logits(inner(load(copied, 64)), input_ids=TEXT)
    assert again.item() == pytest.approx(logits(fresh, input_ids=TEXT).item(), abs=1e-6)


@pytest.mark.parametrize("counted", [{}, {"bert.embeddings.position_ids": torch.arange(64)[None]}])
def test_a_stock_classifier_loads_by_the_same_door(
    ours: Path, tmp_path: Path, counted: dict[str, torch.Tensor]
) -> None:
    for path in ours.glob("tokenizer*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}
    stock = BertForSequenceClassification(
        BertConfig(vocab_size=40, hidden_size=24, intermediate_size=16, num_labels=1, **shape)
    )
    stock.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(weights | counted, tmp_path / "model.safetensors", metadata={"format": "pt"})
    loaded = load(tmp_path, 64).model.state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weight) for name, weight in weights.items())


def test_a_step_of_the_trainer_moves_every_weight(ours: Path, tmp_path: Path) -> None:
    loaded = load(ours, 64)
    before = {name: weight.clone() for name, weight in loaded.model.state_dict().items()}
    queries, sources = zip(*PAIRS, strict=True)
    rows = {"query": list(queries), "source": list(sources), "label": [1.0, 0.0, 0.0]}
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=1,
        per_device_train_batch_size=3,
        learning_rate=1e-3,
        max_grad_norm=0.0,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        logging_strategy="no",
        disable_tqdm=True,
    )
    CrossEncoderTrainer(
        model=loaded,
        args=arguments,
        train_dataset=Dataset.from_dict(rows),
        loss=BinaryCrossEntropyLoss(loaded),
    ).train()
    after = loaded.model.state_dict()
    # the key's bias adds the same to each score of a row, so that it has no gradient but rounding
    unmoved = {name for name in before if torch.equal(before[name], after[name])}
    assert all(torch.isfinite(weight).all() for weight in after.values())
    assert {name for name in unmoved if not name.endswith("key.bias")} == set()


def test_every_gradient_is_finite_with_padding_beside(ours: Path) -> None:
    model = inner(load(ours, 64)).train()
    words = torch.tensor([TEXT[0], TEXT[0][:2] + [1] * 8])
    model(words, attention_mask=(words != 1).long()).logits.square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
