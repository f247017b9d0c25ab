"""A cross-encoder loads if its weights fit its config and nothing in its folder can run."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification

from findtune.core.errors import InputError, UnsafeModelError
from findtune.reranker.model.jina.loading import load_cross_encoder, register

PAIRS = [("jobless men", "Men without work."), ("rent", "rent " * 9), ("a", "b")]

Copy = Callable[..., Path]


@pytest.fixture(scope="session")
def copy_jina(converted_jina: Path) -> Copy:
    """The function that copies the converted model with other weights; None removes one."""

    def copy(into: Path, changes: dict[str, torch.Tensor | None] | None = None) -> Path:
        shutil.copytree(converted_jina, into, dirs_exist_ok=True)
        weights = load_file(into / "model.safetensors") | (changes or {})
        kept = {name: weight for name, weight in weights.items() if weight is not None}
        save_file(kept, into / "model.safetensors")
        return into

    return copy


def test_the_official_folder_is_refused(official_jina: Path) -> None:
    with pytest.raises(UnsafeModelError, match="asks for remote code"):
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
    copy_jina: Copy, tmp_path: Path, changes: dict[str, torch.Tensor | None], message: str
) -> None:
    folder = copy_jina(tmp_path, changes)
    with pytest.raises(UnsafeModelError, match=message):
        load_cross_encoder(folder, 64)


@pytest.mark.parametrize(
    ("slopes", "message"),
    [("steep", r"config\.json: alibi_slopes is 'steep'"), (None, r"config\.json .*'alibi_slopes'")],
)
def test_a_config_without_known_slopes_is_refused(
    copy_jina: Copy, tmp_path: Path, slopes: str | None, message: str
) -> None:
    path = copy_jina(tmp_path) / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["alibi_slopes"]
    config |= {"alibi_slopes": slopes} if slopes else {}
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match=message):
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
