"""Converting an official JinaBERT folder, which needs remote code, to one that needs none."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from findtune.bases.safety import refuse_unsafe
from findtune.core.errors import InputError
from findtune.reranker.model.jina.architecture import (
    JinaConfig,
    JinaForSequenceClassification,
    check_alibi_slopes,
)
from findtune.reranker.model.jina.loading import refuse_misfit, register

# Field of the official config -> the value that a JinaBERT has, and what an absent field means.
ARCHITECTURE: dict[str, tuple[Any, Any]] = {
    "model_type": ("bert", None),
    "position_embedding_type": ("alibi", None),
    "feed_forward_type": ("geglu", None),
    "hidden_act": ("gelu", "gelu"),
    "is_decoder": (False, False),
    "add_cross_attention": (False, False),
    "num_labels": (1, 1),
}
SIZES = (
    "vocab_size",
    "type_vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
)
FRACTIONS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "layer_norm_eps",
    "initializer_range",
)
# Part of the name of official code for an architecture that is not supported.
QUERY_KEY_NORM = "qk-post-norm"
TOKENIZERS_WITHOUT_TYPES = ("RobertaTokenizer",)  # they make no token_type_ids

Config = dict[str, Any]


def convert(official: Path, into: Path, *, alibi_slopes: str) -> None:
    """Write a folder with the same weights and tokenizer that loads without remote code.

    Only the config, the weights and the tokenizer's JSON files are read; code and pickles beside
    them are ignored. Raises InputError when the official config is of another architecture or a
    file is missing, and UnsafeModelError when the weights don't fit the config.
    """
    config = convert_config(official / "config.json", alibi_slopes)
    tokenizer = convert_tokenizer_config(official)
    into.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "tokenizer.json"):
        if not (official / name).is_file():
            raise InputError(missing_message(official / name))
        shutil.copyfile(official / name, into / name)
    config.save_pretrained(into)
    text = json.dumps(tokenizer, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (into / "tokenizer_config.json").write_text(text, encoding="utf-8")
    refuse_unsafe(into)
    register()
    refuse_misfit(into)


def convert_config(path: Path, alibi_slopes: str) -> JinaConfig:
    """Return the config for an official config.json, ignoring the remote code that it names.

    Raises InputError when a field belongs to another architecture.
    """
    official = read_object(path)
    refuse_other_architecture(path, official)
    fields: Config = {key: positive_int(path, official, key) for key in SIZES}
    if fields["hidden_size"] % fields["num_attention_heads"]:
        reason = "is no multiple of num_attention_heads"
        raise InputError(f"{path}: hidden_size {fields['hidden_size']} {reason}; it must be.")
    fields |= {key: fraction(path, official, key) for key in FRACTIONS}
    if official.get("classifier_dropout") is None:
        official["classifier_dropout"] = fields["hidden_dropout_prob"]
    fields["classifier_dropout"] = fraction(path, official, "classifier_dropout")
    return JinaConfig(
        **fields,
        id2label={0: "LABEL_0"},
        label2id={"LABEL_0": 0},
        alibi_slopes=check_alibi_slopes(alibi_slopes),
        architectures=[JinaForSequenceClassification.__name__],
    )


def refuse_other_architecture(path: Path, official: Config) -> None:
    """Raise InputError unless an official config describes a JinaBERT with one logit."""
    for key, (expected, if_absent) in ARCHITECTURE.items():
        if official.get(key, if_absent) != expected:
            value = official.get(key)
            raise InputError(f"{path}: {key} is {value!r}; only {expected!r} is supported.")
    if QUERY_KEY_NORM in json.dumps([official.get("auto_map"), official.get("_name_or_path")]):
        raise InputError(
            f"{path}: auto_map names a model with {QUERY_KEY_NORM}, which is not supported; use "
            "one without it."
        )
    if len(official.get("id2label") or [1]) != 1:
        labels = official["id2label"]
        raise InputError(f"{path}: id2label is {labels!r}; a reranker has one label.")


def convert_tokenizer_config(folder: Path) -> Config:
    """Return a tokenizer_config.json that leaves everything to tokenizer.json.

    A named class, such as RobertaTokenizer, would be built from vocabulary and merges and ignore
    the rest of tokenizer.json. The name is used only to tell whether there are token types.
    """
    path = folder / "tokenizer_config.json"
    config = read_object(path)
    config.pop("auto_map", None)
    class_name = str(config.get("tokenizer_class")).removesuffix("Fast")
    types = [] if class_name in TOKENIZERS_WITHOUT_TYPES else ["token_type_ids"]
    config.setdefault("model_input_names", ["input_ids", *types, "attention_mask"])
    if (folder / "special_tokens_map.json").is_file():
        for key, token in read_object(folder / "special_tokens_map.json").items():
            config.setdefault(key, token["content"] if isinstance(token, dict) else token)
    if "pad_token" not in config:
        raise InputError(f"{path} names no pad_token, which batches need; add one.")
    return {**config, "tokenizer_class": "PreTrainedTokenizerFast"}


def read_object(path: Path) -> Config:
    """Return the JSON object in a file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(missing_message(path)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}; it must be a JSON object.")
    return content


def missing_message(path: Path) -> str:
    """Return the message for a missing file."""
    return f"{path} is missing; a JinaBERT can't be converted without it."


def positive_int(path: Path, config: Mapping[str, Any], key: str) -> int:
    """Return a whole number above zero."""
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{path}: {key} is {value!r}; it must be a whole number above 0.")
    return value


def fraction(path: Path, config: Mapping[str, Any], key: str) -> float:
    """Return a number from 0 to below 1."""
    value = config.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
        raise InputError(f"{path}: {key} is {value!r}; it must be at least 0 and below 1.")
    return float(value)
