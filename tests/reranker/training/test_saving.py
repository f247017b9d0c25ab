"""A saved reranker loads, also as a stock cross-encoder, and its folder holds no training text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import pytest
import torch
from sentence_transformers import CrossEncoder

from findtune.core.files import read_jsonl
from findtune.core.records import read_kind
from findtune.reranker.model.cross_encoder import load_or_create, predict_logits
from findtune.reranker.model.ranked_lists import document_texts
from findtune.reranker.model.reranker import load
from findtune.training.fit_result import FitResult

Fit = Callable[..., FitResult]
Contents = Callable[[Path], dict[str, bytes]]


def weights_of(model: torch.nn.Module) -> list[bytes]:
    return [weight.numpy().tobytes() for weight in model.state_dict().values()]


def test_the_saved_reranker_loads(fitted: FitResult, saved: Path, example_folder: Path) -> None:
    lists, loaded = read_kind(example_folder / "test.jsonl", "list"), load(saved)
    pairs = [(row["query"], text) for row in lists for text in document_texts(row)]
    assert loaded.weights == fitted.model.weights
    for before, after in zip(fitted.model.scores(lists), loaded.scores(lists), strict=True):
        assert before.tolist() == after.tolist()
    stock = CrossEncoder(str(saved), local_files_only=True)
    assert type(cast(Any, stock.model)).__module__.startswith("transformers.models.")
    logits = stock.predict(pairs, activation_fn=torch.nn.Identity())
    own = predict_logits(load_or_create(saved, 40, seed=0), lists)
    assert logits.tolist() == pytest.approx(np.concatenate(own), abs=1e-5)


def test_saving_keeps_the_reranker_and_writes_no_training_text(
    fitted: FitResult, saved: Path, example_folder: Path, folder_contents: Contents, tmp_path: Path
) -> None:
    before = weights_of(fitted.model.cross_encoder)
    fitted.save(tmp_path)
    saved_weights = weights_of(load_or_create(saved, 40, seed=0))
    assert weights_of(fitted.model.cross_encoder) == saved_weights == before
    assert folder_contents(saved) == folder_contents(tmp_path)
    records = read_jsonl(example_folder / "train.jsonl")
    texts = {text.encode() for row in records for text in (row["query"], *document_texts(row))}
    assert len(texts) > 20
    for name, content in folder_contents(saved).items():
        assert not [text for text in texts if text in content], name
        assert name != "README.md"


@pytest.mark.slow
def test_a_base_with_a_head_is_not_distilled_and_a_jina_bert_gets_an_onnx_file(
    bases: dict[str, Path],
    fit_reranker: Fit,
    converted_jina: Path,
    example_folder: Path,
    tmp_path: Path,
) -> None:
    collapsing = {"epochs": 1, "learning_rate": 1e30}  # as a distillation would
    tune = {"epochs": 0.5, "learning_rate": 1e-4}
    jina_bases = {**bases, "reranker": converted_jina}
    fit_reranker(jina_bases, distil=collapsing, tune=tune).save(tmp_path)
    model = load(tmp_path).cross_encoder
    row, *_ = read_kind(example_folder / "test.jsonl", "list")
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    tokens: Any = model.preprocess([(row["query"], text) for text in document_texts(row)])
    inputs = {each.name: tokens[each.name].numpy() for each in session.get_inputs()}
    [expected] = predict_logits(model, [row])
    assert session.run(["logits"], inputs)[0][:, 0] == pytest.approx(expected, abs=1e-4)
