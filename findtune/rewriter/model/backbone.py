"""The two types of language model that can rewrite, behind one interface.

An encoder-decoder (T5) reads the question as it is, or after a prefix. A causal model reads it in
the model's chat template.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from findtune.rewriter.model.decoding import CausalDecoder, Decoder, Seq2SeqDecoder
from findtune.rewriter.model.settings import Generation
from findtune.rewriter.model.shared_prompt import SharedPrompts

IGNORED_LABEL = torch.nn.CrossEntropyLoss().ignore_index  # a label that the loss skips

TokenizedExample = dict[str, list[int]]
Batch = Mapping[str, torch.Tensor]  # input_ids and attention_mask, (questions, tokens)


class Backbone(Protocol):
    """What differs between the two types of language model."""

    padding_side: str  # of batches for sampling

    def encode_question(self, question: str, history: Sequence[str] = ()) -> list[int]:
        """Return the tokens that the model reads before it writes.

        history: earlier questions of the session, oldest first; the model reads the newest that
        fit.
        """

    def encode_example(
        self, question: str, target: str, history: Sequence[str] = ()
    ) -> TokenizedExample:
        """Return the input_ids and labels of one training example."""

    def start_decoder(self, model: PreTrainedModel, batch: Batch, samples: int) -> Decoder:
        """Return a decoder with one row per sample of each question in a batch.

        The model reads each question once for all of its samples.
        """


@dataclass(frozen=True)
class Seq2Seq:
    """An encoder-decoder: the encoder reads the question, the decoder writes the rewrite."""

    tokenizer: PreTrainedTokenizerBase
    generation: Generation
    padding_side = "right"

    def encode_question(self, question: str, history: Sequence[str] = ()) -> list[int]:
        limit = self.generation.max_input_tokens

        def with_prompt(text: str) -> str:
            return " ".join(filter(None, (self.generation.prompt, text)))

        def fits(text: str) -> bool:
            return len(self.encode(with_prompt(text), limit + 1)) <= limit

        return self.encode(with_prompt(with_history(question, history, fits)), limit)

    def encode_example(
        self, question: str, target: str, history: Sequence[str] = ()
    ) -> TokenizedExample:
        return {
            "input_ids": self.encode_question(question, history),
            "labels": self.encode(target, self.generation.max_new_tokens),
        }

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Return the tokens of a text with the end token, cut to `max_tokens`."""
        tokens: list[int] = self.tokenizer(text, truncation=True, max_length=max_tokens)[
            "input_ids"
        ]
        return tokens

    def start_decoder(self, model: PreTrainedModel, batch: Batch, samples: int) -> Decoder:
        encoded = model.get_encoder()(**batch).last_hidden_state.repeat_interleave(samples, dim=0)
        mask = batch["attention_mask"].repeat_interleave(samples, dim=0)
        first_tokens = mask.new_full((len(mask),), model.config.decoder_start_token_id)
        return Seq2SeqDecoder(model, first_tokens, mask, encoded)


@dataclass(frozen=True)
class Causal:
    """A causal model: question and rewrite are turns of a chat; only the rewrite is learned."""

    tokenizer: PreTrainedTokenizerBase
    generation: Generation
    padding_side = "left"

    def encode_question(self, question: str, history: Sequence[str] = ()) -> list[int]:
        limit = self.generation.max_input_tokens
        text = with_history(
            question, history, lambda longer: len(self.encode_plain_text(longer)) <= limit
        )
        tokens = self.encode_plain_text(text)[:limit]
        chat: list[dict[str, str]] = [
            {"role": "system", "content": self.generation.prompt},
            {"role": "user", "content": str(self.tokenizer.decode(tokens))},
        ]
        turns = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return self.encode(str(turns))

    def encode_example(
        self, question: str, target: str, history: Sequence[str] = ()
    ) -> TokenizedExample:
        prompt = self.encode_question(question, history)
        answer = self.encode_plain_text(target)[: self.generation.max_new_tokens - 1]
        answer = [*answer, self.tokenizer.eos_token_id]
        return {"input_ids": prompt + answer, "labels": [IGNORED_LABEL] * len(prompt) + answer}

    def encode_plain_text(self, text: str) -> list[int]:
        """Return the tokens of a text; special tokens spelled out in it are removed."""
        for special_token in self.tokenizer.get_added_vocab():
            text = text.replace(special_token, " ")
        return self.encode(text)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, without adding special tokens."""
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    def start_decoder(self, model: PreTrainedModel, batch: Batch, samples: int) -> Decoder:
        positions = (batch["attention_mask"].cumsum(dim=1) - 1).clamp_min(0)
        inputs = {**batch, "position_ids": positions}
        # The decoder reads the last token in its first step.
        prefix = {name: tensor[:, :-1] for name, tensor in inputs.items()}
        cache = model(**prefix, use_cache=True, logits_to_keep=1).past_key_values
        mask = prefix["attention_mask"]
        question = torch.arange(len(mask), device=mask.device).repeat_interleave(samples)
        hidden = torch.zeros(mask.shape, dtype=model.dtype, device=mask.device)
        hidden = hidden.masked_fill(mask == 0, -torch.inf)[:, None, None]
        layers = [(layer.keys, layer.values) for layer in cache.layers]
        prompts = SharedPrompts(layers, hidden, question)
        last_tokens = batch["input_ids"][:, -1].repeat_interleave(samples)
        return CausalDecoder(model, last_tokens, prompts, mask.sum(dim=1)[question])


def with_history(question: str, history: Sequence[str], fits: Callable[[str], bool]) -> str:
    """Return a question, preceded by as many of the newest earlier questions as fit.

    history: the earlier questions, oldest first.
    """
    text = question
    for start in range(len(history) - 1, -1, -1):
        longer = f"Earlier: {' | '.join(history[start:])}\n{question}"
        if not fits(longer):
            break
        text = longer
    return text
