"""JinaBERT with one logit, written out so that no remote code runs.

JinaBERT is BERT without position embeddings. Attention has the bias of ALiBi (Press et al. 2022),
which is symmetric here because a cross-encoder attends in both directions. The feed-forward network
is a GEGLU (Shazeer 2020). Modules are named after the tensors of the official checkpoint, so it
loads unchanged. There are no buffers: ALiBi is computed for the length of each batch.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from findtune.core.errors import InputError

ALIBI_SLOPES = ("halved", "paper")  # choices for the heads beyond a power of two
# In tokens. Even the flattest slope, 2^-8, leaves no attention at this distance.
PADDING_DISTANCE = 1e7


class JinaConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """The shape of a JinaBERT; fields have no defaults, so a config must have all of them."""

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
    alibi_slopes: str


def head_slopes(heads: int, choice: str) -> list[float]:
    """Return how much each head's attention score falls per token of distance.

    The slopes are powers of two, as in the ALiBi paper. Heads beyond a power of two have slopes
    between these ("paper", as in Jina's embedding models), or half of that ("halved", as reported
    for jina-reranker-v1).
    """
    whole = 2 ** int(math.log2(heads))
    factor = 0.5 if check_alibi_slopes(choice) == "halved" else 1.0
    powers = [2 ** (-8 * (head + 1) / whole) for head in range(whole)]
    between = [factor * 2 ** (-4 * (2 * head + 1) / whole) for head in range(heads - whole)]
    return powers + between


def check_alibi_slopes(choice: str) -> str:
    """Return a choice of slopes; raise InputError when it is unknown."""
    if choice not in ALIBI_SLOPES:
        raise InputError(f"alibi_slopes is {choice!r}; use {' or '.join(ALIBI_SLOPES)}.")
    return choice


def attention_bias(slopes: list[float], attended: torch.Tensor) -> torch.Tensor:
    """Return what is added to the attention scores, (texts, heads, tokens, tokens).

    attended: (texts, tokens), zero for padding. Padding counts as far away, but not infinitely
    far, since a row of padding alone would have no softmax.
    """
    positions = torch.arange(attended.shape[1], dtype=torch.float32, device=attended.device)
    distance = (positions[None, :] - positions[:, None]).abs()
    distance = torch.where(attended[:, None, None, :] != 0, distance, PADDING_DISTANCE)
    return -torch.tensor(slopes, device=attended.device)[:, None, None] * distance


class Embeddings(nn.Module):
    """The normalized sum of a token's word and type embeddings."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        """Return the embeddings, (texts, tokens, size); words, types: (texts, tokens)."""
        summed = self.word_embeddings(words) + self.token_type_embeddings(types)
        embedded: torch.Tensor = self.dropout(self.LayerNorm(summed))
        return embedded


class Attention(nn.Module):
    """Self-attention with a bias, its residual connection and its norm."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.attention_dropout = config.attention_probs_dropout_prob
        self.self = nn.ModuleDict(
            {name: nn.Linear(size, size) for name in ("query", "key", "value")}
        )
        self.output = nn.ModuleDict(
            {"dense": nn.Linear(size, size), "LayerNorm": nn.LayerNorm(size, config.layer_norm_eps)}
        )
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Return the new hidden states, (texts, tokens, size)."""
        query, key, value = (
            self.self[name](hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias.to(query.dtype),
            dropout_p=self.attention_dropout if self.training else 0.0,
        )
        merged = self.output["dense"](mixed.transpose(1, 2).flatten(2))
        normalized: torch.Tensor = self.output["LayerNorm"](hidden + self.dropout(merged))
        return normalized


class GatedFeedForward(nn.Module):
    """GEGLU with its residual connection and its norm."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        self.gated_layers = nn.Linear(size, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, size)
        self.layernorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the new hidden states, (texts, tokens, size)."""
        gate, value = self.gated_layers(hidden).chunk(2, dim=-1)
        projected = self.wo(self.dropout(F.gelu(gate) * value))
        normalized: torch.Tensor = self.layernorm(hidden + projected)
        return normalized


class Layer(nn.Module):
    """Attention, then feed-forward."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Return the new hidden states, (texts, tokens, size)."""
        output: torch.Tensor = self.mlp(self.attention(hidden, bias))
        return output


class Bert(nn.Module):
    """Tokens to one vector per text, computed from the first token."""

    def __init__(self, config: JinaConfig) -> None:
        super().__init__()
        self.slopes = head_slopes(config.num_attention_heads, config.alibi_slopes)
        layers = [Layer(config) for _ in range(config.num_hidden_layers)]
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})

    def forward(
        self, words: torch.Tensor, attended: torch.Tensor, types: torch.Tensor
    ) -> torch.Tensor:
        """Return the vectors, (texts, size); all inputs are (texts, tokens)."""
        hidden = self.embeddings(words, types)
        bias = attention_bias(self.slopes, attended)
        for layer in self.encoder["layer"].children():
            hidden = layer(hidden, bias)
        return torch.tanh(self.pooler["dense"](hidden[:, 0]))


class JinaForSequenceClassification(PreTrainedModel):  # type: ignore[no-untyped-call]
    """A cross-encoder; the suffix of its name makes sentence-transformers keep its head."""

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
        """Return the logits, (texts, 1).

        return_dict: accepted because the libraries pass it, and ignored.
        """
        attended = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        pooled = self.bert(input_ids, attended, types)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(pooled)))
