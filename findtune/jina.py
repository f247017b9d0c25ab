"""JinaBERT with one logit, written out so that no remote code is ever run.

BERT without position embeddings: attention is biased by ALiBi (Press et al. 2022), made symmetric
as a cross-encoder looks both ways, and the feed-forward is a GEGLU (Shazeer 2020). Modules are
named as the tensors of the official checkpoint are, so that it loads as it is. Nothing is kept
beside the weights: ALiBi is computed for the length at hand.

A folder written here needs `register()` before the libraries know its model_type:
`CrossEncoder(folder)` alone does not. Its ONNX file (findtune.exports) needs nothing of ours.
"""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from sentence_transformers import CrossEncoder
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging

from findtune.bases import refuse_unsafe
from findtune.errors import InputError, UnsafeModelError

SLOPES = ("halved", "paper")  # of the heads beyond a power of two
FAR_AWAY = 1e7  # tokens; even the flattest slope, 2^-8, leaves nothing of what is so far away
# What the official config must say, and what it says where it is silent.
OFFICIAL: dict[str, tuple[Any, Any]] = {
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
SHARES = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "layer_norm_eps",
    "initializer_range",
)
QUERY_KEY_NORM = "qk-post-norm"  # how the official code of another architecture is called
COUNTED = "embeddings.position_ids"  # 0, 1, 2, ...: older files of stock BERT hold it, no weight
WITHOUT_TYPES = ("RobertaTokenizer",)  # tokenizers that make no token_type_ids


class JinaConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """The shape of a JinaBERT; no field has a default, so that each is written and read."""

    model_type = "findtune-jina-bert"

    vocab_size: int
    type_vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    classifier_dropout: float
    layer_norm_eps: float
    initializer_range: float
    slopes: str


# The architecture


def head_slopes(heads: int, choice: str) -> list[float]:
    """Return how steeply each head's attention falls with the distance.

    Powers of two as in the ALiBi paper; the heads beyond them lie between those ("paper", as in
    Jina's embedding models) or at half of that ("halved", as is reported of jina-reranker-v1).
    """
    whole = 2 ** int(math.log2(heads))
    taken = 0.5 if known_slopes(choice) == "halved" else 1.0
    steep = [2 ** (-8 * (head + 1) / whole) for head in range(whole)]
    return steep + [taken * 2 ** (-4 * (2 * head + 1) / whole) for head in range(heads - whole)]


def known_slopes(choice: str) -> str:
    if choice not in SLOPES:
        raise InputError(f"slopes is {choice!r}; {' or '.join(SLOPES)} would do.")
    return choice


def attention_bias(slopes: list[float], attended: torch.Tensor) -> torch.Tensor:
    """Return what is added to the attention scores, (texts, heads, tokens, tokens).

    attended: (texts, tokens), zero where a token is padding: it is held to be far away, and not
    at an infinite distance, since a row of nothing else would then have no softmax.
    """
    at = torch.arange(attended.shape[1], dtype=torch.float32, device=attended.device)
    distance = (at[None, :] - at[:, None]).abs()
    distance = torch.where(attended[:, None, None, :] != 0, distance, FAR_AWAY)
    return -torch.tensor(slopes, device=attended.device)[:, None, None] * distance


class Embeddings(nn.Module):
    """The sum of a token's word and type, normalised."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        both = self.word_embeddings(words) + self.token_type_embeddings(types)
        normal: torch.Tensor = self.dropout(self.LayerNorm(both))
        return normal


class Attention(nn.Module):
    """Self-attention with a bias, its residual and its norm."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.dropped = config.attention_probs_dropout_prob
        self.self = nn.ModuleDict(
            {name: nn.Linear(size, size) for name in ("query", "key", "value")}
        )
        self.output = nn.ModuleDict(
            {"dense": nn.Linear(size, size), "LayerNorm": nn.LayerNorm(size, config.layer_norm_eps)}
        )
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            self.self[name](hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias.to(query.dtype),
            dropout_p=self.dropped if self.training else 0.0,
        )
        merged = self.output["dense"](mixed.transpose(1, 2).flatten(2))
        normal: torch.Tensor = self.output["LayerNorm"](hidden + self.dropout(merged))
        return normal


class GatedFeedForward(nn.Module):
    """GEGLU with its residual and its norm."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        self.gated_layers = nn.Linear(size, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, size)
        self.layernorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        gate, value = self.gated_layers(hidden).chunk(2, dim=-1)
        passed = self.wo(self.dropout(F.gelu(gate) * value))
        normal: torch.Tensor = self.layernorm(hidden + passed)
        return normal


class Layer(nn.Module):
    """Attention, then feed-forward."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.mlp(self.attention(hidden, bias))
        return found


class Bert(nn.Module):
    """Tokens -> one vector a text, from the first token."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.slopes = head_slopes(config.num_attention_heads, config.slopes)
        layers = [Layer(config) for _ in range(config.num_hidden_layers)]
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})

    def forward(
        self, words: torch.Tensor, attended: torch.Tensor, types: torch.Tensor
    ) -> torch.Tensor:
        hidden = self.embeddings(words, types)
        bias = attention_bias(self.slopes, attended)
        for layer in self.encoder["layer"].children():
            hidden = layer(hidden, bias)
        return torch.tanh(self.pooler["dense"](hidden[:, 0]))


class JinaForSequenceClassification(PreTrainedModel):  # type: ignore[no-untyped-call]
    """A cross-encoder; the name ends so that sentence-transformers keeps its head."""

    config_class = JinaConfig
    base_model_prefix = "bert"
    _supports_sdpa = True

    def __init__(self, config: JinaConfig) -> None:
        super().__init__(config)
        self.bert = Bert(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 1)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> SequenceClassifierOutput:
        """Return the logits, (texts, 1); return_dict is what the libraries pass, and always so."""
        attended = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        pooled = self.bert(input_ids, attended, types)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(pooled)))


# Loading


def register() -> None:
    """Make the model known to the Auto classes of transformers; once or often is the same."""
    AutoConfig.register(JinaConfig.model_type, JinaConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(
        JinaConfig, JinaForSequenceClassification, exist_ok=True
    )


def load(folder: Path, max_length: int) -> CrossEncoder:
    """Return the cross-encoder in a folder, in fp32, with nothing loaded that could run.

    It may be a JinaBERT, or any classifier with one logit that transformers knows itself.
    Raises UnsafeModelError when the folder holds a pickle, code, or weights that do not fit, and
    InputError when its config does not tell its shape.
    """
    refuse_unsafe(folder)
    register()
    refuse_misfit(folder)
    # a tenth of a second of reading needs no bar
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model: CrossEncoder = CrossEncoder(
        str(folder),
        num_labels=1,
        max_length=max_length,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
    return model


def refuse_misfit(folder: Path) -> None:
    """Raise unless a folder's weights are those of its config, no more, no less, all finite."""
    path = folder / "model.safetensors"
    if not path.is_file():
        raise UnsafeModelError(f"{path} is missing; weights are read from that file only.")
    wanted = shapes(folder)
    with safe_open(path, framework="pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        for told in misfits(wanted, found):
            raise UnsafeModelError(f"{path} does not fit its config.json: {told}.")
        for name in found:
            if not torch.isfinite(file.get_tensor(name)).all():
                raise UnsafeModelError(
                    f"{path} holds numbers that are not finite, in {name}; fetch or train it again."
                )


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor that a folder's config asks for."""
    path = folder / "config.json"
    try:
        config = AutoConfig.from_pretrained(
            folder, num_labels=1, local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} tells of no known model: {error}") from None
    return {name: tuple(weight.shape) for name, weight in model.state_dict().items()}


def misfits(
    wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> Iterator[str]:
    """Yield what is missing, too much, or of another shape."""
    if missing := wanted.keys() - found.keys():
        yield f"tensors are missing: {', '.join(sorted(missing))}"
    unexpected = found.keys() - wanted.keys()
    if unexpected := {name for name in unexpected if not name.endswith(COUNTED)}:
        yield f"there are tensors it has no place for: {', '.join(sorted(unexpected))}"
    for name in sorted(wanted.keys() & found.keys()):
        if found[name] != wanted[name]:
            yield f"{name} is {found[name]}, not {wanted[name]}"


# From the official folder to one of ours


def native(official: Path, into: Path, *, slopes: str) -> None:
    """Write a folder that loads without remote code: the same tensors, config and tokenizer ours.

    Only what is named here is read; code and pickles that lie beside it stay where they are.
    Raises InputError when the official config is of another architecture or a file is missing, and
    UnsafeModelError when the tensors are not the config's.
    """
    config = native_config(official / "config.json", slopes)
    tokenizer = native_tokenizer(official)
    into.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "tokenizer.json"):
        if not (official / name).is_file():
            raise InputError(f"{official / name} is missing; a JinaBERT is made of it.")
        shutil.copyfile(official / name, into / name)
    config.save_pretrained(into)
    text = json.dumps(tokenizer, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (into / "tokenizer_config.json").write_text(text, encoding="utf-8")
    refuse_unsafe(into)
    register()
    refuse_misfit(into)


def native_config(path: Path, slopes: str) -> JinaConfig:
    """Return what an official config.json says in our own terms; its remote code is ignored.

    Raises InputError when a field says that the model is of another architecture.
    """
    found = read_object(path)
    for key, (wanted, silent) in OFFICIAL.items():
        if found.get(key, silent) != wanted:
            raise InputError(f"{path}: {key} is {found.get(key)!r}; only {wanted!r} is known here.")
    if QUERY_KEY_NORM in json.dumps([found.get("auto_map"), found.get("_name_or_path")]):
        raise InputError(f"{path}: auto_map names a model with {QUERY_KEY_NORM}; it is not known.")
    if len(found.get("id2label") or [1]) != 1:
        raise InputError(f"{path}: id2label is {found['id2label']!r}; a reranker has one label.")
    fields: dict[str, Any] = {key: size(path, found, key) for key in SIZES}
    if fields["hidden_size"] % fields["num_attention_heads"]:
        told = "is no multiple of num_attention_heads"
        raise InputError(f"{path}: hidden_size {fields['hidden_size']} {told}; it must be.")
    fields |= {key: share(path, found, key) for key in SHARES}
    if found.get("classifier_dropout") is None:
        found["classifier_dropout"] = fields["hidden_dropout_prob"]
    fields["classifier_dropout"] = share(path, found, "classifier_dropout")
    labels: dict[str, Any] = {"id2label": {0: "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    architectures = [JinaForSequenceClassification.__name__]
    return JinaConfig(**fields, **labels, slopes=known_slopes(slopes), architectures=architectures)


def native_tokenizer(folder: Path) -> dict[str, Any]:
    """Return a tokenizer_config.json with which tokenizer.json alone decides.

    A class with a name, such as RobertaTokenizer, would be built anew from words and merges, and
    lose what else tokenizer.json says; all that its name tells is whether there are token types.
    """
    found = read_object(folder / "tokenizer_config.json")
    found.pop("auto_map", None)
    typed = str(found.get("tokenizer_class")).removesuffix("Fast") not in WITHOUT_TYPES
    inputs = ["input_ids", *["token_type_ids"] * typed, "attention_mask"]
    found.setdefault("model_input_names", inputs)
    if (folder / "special_tokens_map.json").is_file():
        for key, token in read_object(folder / "special_tokens_map.json").items():
            found.setdefault(key, token["content"] if isinstance(token, dict) else token)
    if "pad_token" not in found:
        raise InputError(f"{folder / 'tokenizer_config.json'} names no pad_token; batches need it.")
    return {**found, "tokenizer_class": "PreTrainedTokenizerFast"}


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; a JinaBERT is made of it.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}; a JSON object is read.")
    return found


def size(path: Path, found: Mapping[str, Any], key: str) -> int:
    """Return a whole number above zero."""
    value = found.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{path}: {key} is {value!r}; a whole number above 0 would do.")
    return value


def share(path: Path, found: Mapping[str, Any], key: str) -> float:
    """Return a number from 0 to 1."""
    value = found.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
        raise InputError(f"{path}: {key} is {value!r}; a number from 0 to 1 would do.")
    return float(value)
