"""An official folder is converted as it is, or refused with the field that is wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from findtune.core.errors import InputError, UnsafeModelError
from findtune.reranker.model.jina.conversion import convert
from findtune.reranker.model.jina.loading import load_cross_encoder

Weights = Callable[..., Mapping[str, torch.Tensor]]
Write = Callable[..., Path]


def test_a_converted_folder_holds_the_same_weights_and_no_code(
    official_jina: Path, converted_jina: Path
) -> None:
    assert {path.name for path in converted_jina.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    for name in ("model.safetensors", "tokenizer.json"):
        assert (converted_jina / name).read_bytes() == (official_jina / name).read_bytes()
    assert "auto_map" not in (converted_jina / "config.json").read_text(encoding="utf-8")


def test_the_official_weights_load_unchanged_in_fp32(
    official_jina: Path, converted_jina: Path, jina_weights: Weights
) -> None:
    stored = load_file(official_jina / "model.safetensors")
    loaded = load_cross_encoder(converted_jina, 64).model.state_dict()
    assert loaded.keys() == stored.keys() == jina_weights().keys()
    assert {weight.dtype for weight in stored.values()} == {torch.bfloat16}
    for name, weight in loaded.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, stored[name].float())


@pytest.mark.parametrize("choice", ["halved", "paper"])
def test_the_slopes_are_in_every_config(official_jina: Path, tmp_path: Path, choice: str) -> None:
    convert(official_jina, tmp_path / "converted", alibi_slopes=choice)
    load_cross_encoder(tmp_path / "converted", 64).save_pretrained(str(tmp_path / "saved"))
    for name in ("converted", "saved"):
        config = json.loads((tmp_path / name / "config.json").read_text(encoding="utf-8"))
        assert config["alibi_slopes"] == choice
        assert config["model_type"] == "findtune-jina-bert"


def test_tokens_are_those_of_the_official_tokenizer(
    official_jina: Path, converted_jina: Path
) -> None:
    official = Tokenizer.from_file(str(official_jina / "tokenizer.json"))
    tokenizer = load_cross_encoder(converted_jina, 64).tokenizer
    for query, document in [("Jobless MEN", "Men without WORK"), ("a", "b")]:
        tokens = tokenizer(query, document)
        assert tokens["input_ids"] == official.encode(query, document).ids
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
CASES = [
    *OTHER_ARCHITECTURES.items(),
    ("position_embedding_type", "absent"),
    ("feed_forward_type", "absent"),
]


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_config_of_another_architecture_is_refused_by_field(
    write_official: Write, jina_weights: Weights, tmp_path: Path, field: str, value: Any
) -> None:
    official = write_official(tmp_path / "official", jina_weights(), **{field: value})
    with pytest.raises(InputError, match=rf"config\.json: {field} "):
        convert(official, tmp_path / "converted", alibi_slopes="halved")
    assert not (tmp_path / "converted").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_an_official_folder_that_lacks_a_file_is_refused(
    write_official: Write, jina_weights: Weights, tmp_path: Path, name: str
) -> None:
    official = write_official(tmp_path / "official", jina_weights())
    (official / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        convert(official, tmp_path / "converted", alibi_slopes="halved")


def test_weights_that_do_not_fit_are_not_converted(
    write_official: Write, jina_weights: Weights, tmp_path: Path
) -> None:
    official = write_official(tmp_path / "official", jina_weights(layers=1))
    with pytest.raises(UnsafeModelError, match=r"missing: bert\.encoder\.layer\.1\."):
        convert(official, tmp_path / "converted", alibi_slopes="halved")
