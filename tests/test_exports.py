"""The ONNX file gives what the model gives, and is the same each time."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import FILES, save_tokenizer
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from findtune import exports
from findtune.errors import FindtuneError, InputError
from findtune.exports import export
from findtune.jina import JinaConfig, JinaForSequenceClassification

WORDS = sorted({word for text in FILES.values() for word in re.findall("[a-z]+", text.lower())})
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
SHAPE = {
    "vocab_size": len(VOCABULARY),
    "type_vocab_size": 2,
    "hidden_size": 24,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.5,  # so that every token counts
    "num_labels": 1,
}
SOURCES = ["men", "Men without work.", "Rice and wheat are grown. " * 12, "How wet winter is " * 20]


def jina() -> JinaForSequenceClassification:
    torch.manual_seed(0)
    heads = {"num_attention_heads": 12, "slopes": "halved", "classifier_dropout": 0.1}
    return JinaForSequenceClassification(
        JinaConfig(**SHAPE, **heads, max_position_embeddings=8192)  # type: ignore[arg-type]
    )


def bert() -> BertForSequenceClassification:
    torch.manual_seed(0)
    shape = {**SHAPE, "num_attention_heads": 2, "max_position_embeddings": 128}
    return BertForSequenceClassification(BertConfig(**shape))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """A tokenizer that tells the query from the source by their types."""
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(VOCABULARY, folder)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, model_input_names=names)
    return found


MODELS = {"jina": jina, "bert": bert}


@pytest.fixture(scope="module", params=MODELS)
def exported(
    request: pytest.FixtureRequest,
    tokenizer: PreTrainedTokenizerBase,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[PreTrainedModel, Path]:
    """A model, and the file that was made of it."""
    model = MODELS[request.param]()
    return model, export(model, tokenizer, tmp_path_factory.mktemp(request.param))


def test_the_file_gives_the_models_logits_at_any_length_and_batch_size(
    exported: tuple[PreTrainedModel, Path], tokenizer: PreTrainedTokenizerBase
) -> None:
    model, path = exported
    session = onnxruntime.InferenceSession(path)
    for sources in (*([source] for source in SOURCES), SOURCES, SOURCES[::-1] * 3):
        queries = ["jobless men"] * len(sources)
        batch = tokenizer(
            queries, sources, padding=True, truncation=True, max_length=100, return_tensors="pt"
        )
        with torch.inference_mode():
            wanted = model.eval()(**batch).logits.numpy()
        (found,) = session.run(None, {name: it.numpy() for name, it in batch.items()})
        assert found.shape == (len(sources), 1)
        assert found == pytest.approx(wanted, abs=1e-4)
        assert len(sources) == 1 or np.ptp(found) > 0.01


def test_a_text_that_is_all_padding_gives_a_finite_logit(
    exported: tuple[PreTrainedModel, Path],
) -> None:
    _, path = exported
    session = onnxruntime.InferenceSession(path)
    given = {it.name: np.zeros((2, 9), dtype=np.int64) for it in session.get_inputs()}
    assert np.isfinite(session.run(None, given)[0]).all()


def test_a_second_export_gives_the_same_bytes_says_nothing_and_leaves_the_model_as_it_was(
    exported: tuple[PreTrainedModel, Path],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    model, path = exported
    model.train()
    assert export(model, tokenizer, tmp_path).read_bytes() == path.read_bytes()
    assert model.training
    assert capfd.readouterr() == ("", "")


def test_the_file_is_whole_and_tells_nothing_of_the_machine(
    exported: tuple[PreTrainedModel, Path],
) -> None:
    _, path = exported
    assert path.parts[-2:] == ("onnx", "model.onnx")
    assert [it.name for it in path.parent.parent.rglob("*") if it.is_file()] == ["model.onnx"]
    onnx.checker.check_model(path, full_check=True)
    assert not [it for it in onnx.load(path).graph.initializer if it.external_data]
    content = path.read_bytes()
    assert str(Path(exports.__file__).parent).encode() not in content
    assert b".py" not in content


def test_the_inputs_are_those_that_the_tokenizer_makes(
    exported: tuple[PreTrainedModel, Path], tmp_path: Path
) -> None:
    _, path = exported
    graph = onnx.load(path).graph
    assert [it.name for it in graph.input] == ["input_ids", "attention_mask", "token_type_ids"]
    assert [it.name for it in graph.output] == ["logits"]
    for one in graph.input:
        axes = [axis.dim_param for axis in one.type.tensor_type.shape.dim]
        assert axes == ["batch", "sequence"]


def test_a_tokenizer_without_types_gives_a_file_without_them(tmp_path: Path) -> None:
    save_tokenizer(VOCABULARY, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = jina().bfloat16()
    graph = onnx.load(export(model, tokenizer, tmp_path)).graph
    assert [it.name for it in graph.input] == ["input_ids", "attention_mask"]
    assert {it.data_type for it in graph.initializer} == {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.INT64,
    }
    assert model.dtype == torch.bfloat16


def test_a_file_that_disagrees_with_the_model_is_not_written(
    exported: tuple[PreTrainedModel, Path],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, path = exported
    other = onnx.load(path)
    (words,) = (it for it in other.graph.initializer if "word_embeddings" in it.name)
    words.raw_data = bytes(len(words.raw_data))
    monkeypatch.setattr(exports, "traced", lambda *_: other)
    with pytest.raises(FindtuneError, match=r"off the model's logits for 1 texts of \d+ tokens"):
        export(model, tokenizer, tmp_path)
    assert not (tmp_path / "onnx").exists()


def test_a_model_whose_logits_are_no_numbers_is_refused(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    broken = jina()
    broken.classifier.bias.data += float("nan")
    with pytest.raises(FindtuneError, match="logits are not finite for 1 texts of"):
        export(broken, tokenizer, tmp_path)
    assert not (tmp_path / "onnx").exists()


def test_a_model_with_two_logits_is_refused(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    shape = {**SHAPE, "num_labels": 2, "num_attention_heads": 2}
    model = BertForSequenceClassification(BertConfig(**shape))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="2 logits"):
        export(model, tokenizer, tmp_path)
