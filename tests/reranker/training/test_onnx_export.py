"""The ONNX file gives the model's logits, and is the same every time."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import AutoTokenizer

from findtune.core.errors import FindtuneError, InputError
from findtune.reranker.model.jina.loading import load_cross_encoder
from findtune.reranker.training import onnx_export
from findtune.reranker.training.onnx_export import export_onnx

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
TEXTS = ["men", "Men without work.", "Rice and wheat are grown. " * 4, "How wet winter is " * 9]


@pytest.fixture
def model(converted_jina: Path) -> Any:
    return load_cross_encoder(converted_jina, 64).model


@pytest.fixture(scope="module")
def tokenizer(converted_jina: Path) -> Any:
    """Its tokenizer, which also makes token types; a shorter length keeps the probes fast."""
    settings = {"model_input_names": INPUTS, "model_max_length": 256}
    return AutoTokenizer.from_pretrained(converted_jina, **settings)


@pytest.fixture(scope="module")
def exported(
    converted_jina: Path, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The model's ONNX file."""
    network: Any = load_cross_encoder(converted_jina, 64).model
    return export_onnx(network, tokenizer, tmp_path_factory.mktemp("exported"))


def test_the_file_gives_the_logits_at_any_length_and_batch_size(
    exported: Path, model: Any, tokenizer: Any
) -> None:
    session = onnxruntime.InferenceSession(exported)
    for texts in (*([text] for text in TEXTS), TEXTS, TEXTS[::-1] * 3):
        queries = ["jobless men"] * len(texts)
        batch = tokenizer(queries, texts, padding=True, return_tensors="pt")
        batch["token_type_ids"] = batch["input_ids"] % 2
        with torch.inference_mode():
            expected = model(**batch).logits.numpy()
        (logits,) = session.run(None, {name: tensor.numpy() for name, tensor in batch.items()})
        assert logits == pytest.approx(expected, abs=1e-4)
        assert len(texts) == 1 or np.ptp(logits) > 0.01
    padding = {name: np.zeros((2, 9), dtype=np.int64) for name in INPUTS}
    assert np.isfinite(session.run(None, padding)[0]).all()


@pytest.mark.slow
def test_a_second_export_gives_the_same_bytes_in_silence_and_keeps_the_model(
    exported: Path, model: Any, tokenizer: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model.train()
    assert export_onnx(model, tokenizer, tmp_path).read_bytes() == exported.read_bytes()
    assert model.training
    assert capfd.readouterr() == ("", "")


def test_the_file_is_complete_and_names_no_place_of_this_machine(exported: Path) -> None:
    assert exported.parts[-2:] == ("onnx", "model.onnx")
    assert [path for path in exported.parents[1].rglob("*") if path.is_file()] == [exported]
    onnx.checker.check_model(exported, full_check=True)
    graph = onnx.load(exported).graph
    assert not [each for each in graph.initializer if each.external_data]
    assert b".py" not in exported.read_bytes()
    assert str(Path(onnx_export.__file__).parent).encode() not in exported.read_bytes()
    assert [each.name for each in (*graph.input, *graph.output)] == [*INPUTS, "logits"]
    for each in graph.input:
        axes = [axis.dim_param for axis in each.type.tensor_type.shape.dim]
        assert axes == ["batch", "sequence"]


@pytest.mark.slow
def test_a_tokenizer_without_types_gives_a_file_without_them(
    converted_jina: Path, model: Any, tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted_jina, model_max_length=256)
    graph = onnx.load(export_onnx(model.bfloat16(), tokenizer, tmp_path)).graph
    assert [each.name for each in graph.input] == INPUTS[:2]
    types = {each.data_type for each in graph.initializer}
    assert types == {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    assert model.dtype == torch.bfloat16


def test_a_file_that_disagrees_with_the_model_is_not_written(
    exported: Path, model: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = onnx.load(exported)
    [words] = [each for each in other.graph.initializer if "word_embeddings" in each.name]
    words.raw_data = bytes(len(words.raw_data))
    monkeypatch.setattr(onnx_export, "trace", lambda *_: other)
    with pytest.raises(FindtuneError, match=r"from the model's logits for 1 texts of \d+ tokens"):
        export_onnx(model, tokenizer, tmp_path)
    assert not (tmp_path / "onnx").exists()


def test_models_with_nan_or_two_logits_are_refused(
    model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    model.classifier.bias.data += float("nan")
    with pytest.raises(FindtuneError, match="logits are not finite for 1 texts of"):
        export_onnx(model, tokenizer, tmp_path)
    model.config.num_labels = 2
    with pytest.raises(InputError, match="2 logits"):
        export_onnx(model, tokenizer, tmp_path)
    assert not (tmp_path / "onnx").exists()
