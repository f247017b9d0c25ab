"""Samples of one question read its prompt once, and write as if each had read it alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTJConfig,
    LlamaConfig,
    MambaConfig,
    Qwen3Config,
    StableLmConfig,
)

from findtune.core.errors import InputError
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.shared_prompt import share_prompts

PROMPTS = [[5, 6, 7], [8, 9, 4, 3, 6]]
WRITTEN = [[[11, 12, 13], [14, 15, 16]], [[17, 18, 19], [20, 21, 22]]]  # of each prompt's samples

Load = Callable[..., Rewriter]


def start(rewriter: Rewriter, samples: int) -> Any:
    """Return the decoder of a few samples of each prompt."""
    rewriter.tokenizer.padding_side = rewriter.backbone.padding_side
    batch = rewriter.tokenizer.pad({"input_ids": PROMPTS}, return_tensors="pt")
    return rewriter.backbone.start_decoder(rewriter.model, batch, samples)


def scores_alone(rewriter: Rewriter, text: list[int]) -> torch.Tensor:
    """Return the scores of the token after a text that is read by itself."""
    return rewriter.model(input_ids=torch.tensor([text])).logits[0, -1]


@torch.inference_mode()
def test_a_sample_gets_the_scores_that_it_would_get_alone(load_untrained: Load) -> None:
    rewriter = load_untrained("causal")
    decoder = start(rewriter, 2)
    rows = [(prompt, row) for prompt, rows in zip(PROMPTS, WRITTEN, strict=True) for row in rows]
    tokens = decoder.first_tokens
    for step in range(3):
        scores = decoder.score(tokens)
        for (prompt, written), row_scores in zip(rows, scores, strict=True):
            alone = scores_alone(rewriter, [*prompt, *written[:step]])
            assert torch.allclose(row_scores, alone, atol=1e-4)
        tokens = torch.tensor([written[step] for _, written in rows])


@torch.inference_mode()
@pytest.mark.parametrize("kept", [[1, 2, 3], [0, 3], [2, 3], [1]])
def test_rows_that_have_ended_change_nothing_for_the_others(
    load_untrained: Load, kept: list[int]
) -> None:
    rewriter = load_untrained("causal")
    rows = [(prompt, row) for prompt, rows in zip(PROMPTS, WRITTEN, strict=True) for row in rows]
    decoder = start(rewriter, 2)
    decoder.score(decoder.first_tokens)
    decoder.keep(torch.tensor(kept))
    scores = decoder.score(torch.tensor([rows[row][1][0] for row in kept]))
    for row, row_scores in zip(kept, scores, strict=True):
        prompt, written = rows[row]
        alone = scores_alone(rewriter, [*prompt, written[0]])
        assert torch.allclose(row_scores, alone, atol=1e-4)


@torch.inference_mode()
def test_a_prompt_is_kept_once_however_many_samples_it_has(load_untrained: Load) -> None:
    decoder = start(load_untrained("causal"), 12)
    decoder.score(decoder.first_tokens)
    [(keys, _), *_], [own, *_] = decoder.prompts.layers, decoder.cache.layers
    assert len(keys) == len(PROMPTS)
    assert own.keys.shape[:3:2] == (12 * len(PROMPTS), 1)


SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES |= {"intermediate_size": 32, "num_key_value_heads": 1, "head_dim": 8}
KINDS: dict[str, Any] = {
    "llama": LlamaConfig(**SIZES),
    "qwen3": Qwen3Config(**SIZES),
    "gemma3": Gemma3TextConfig(**SIZES),
    "gpt2": GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2),
}
OTHERS: dict[str, Any] = {
    "soft capping": Gemma2Config(**SIZES),
    "no common attention": GPTJConfig(vocab_size=40, n_embd=16, n_layer=2, n_head=2, rotary_dim=4),
    "what is shared is passed over": StableLmConfig(**SIZES | {"num_key_value_heads": 2}),
    "no attention": MambaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=2),
}


def make(config: Any) -> Any:
    """Return an untrained causal model."""
    torch.manual_seed(0)
    config.initializer_range = 0.5
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_models_with_the_common_attention_share_prompts(kind: str, dtype: torch.dtype) -> None:
    model = make(KINDS[kind]).to(dtype)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    share_prompts(model)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("kind", OTHERS)
def test_a_model_that_would_write_something_else_is_refused(kind: str) -> None:
    model = make(OTHERS[kind])
    with pytest.raises(InputError, match=f"{type(model).__name__} has an attention of its own"):
        share_prompts(model)
