"""A rewriter: a language model that turns a question into search queries.

Rewrites are sampled instead of decoded by beam search, because fused rankings gain from diverse
queries.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from findtune.bases.safety import refuse_unsafe
from findtune.core.files import read_json
from findtune.retrieval.onednn import by_onednn
from findtune.rewriter.model.backbone import Backbone, Causal, Seq2Seq
from findtune.rewriter.model.decoding import write_rows
from findtune.rewriter.model.lexicon import Lexicon, read_lexicon
from findtune.rewriter.model.sampler import SeededTopKSampler, sample_seeds
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.model.shared_prompt import share_prompts
from findtune.rewriter.model.usable_rewrites import usable_rewrites

__all__ = ["Rewriter", "RewriterSettings", "load", "load_as_rewriter"]

BATCH_SIZE = 16  # questions

Histories = Sequence[Sequence[str]]  # earlier questions of each session, oldest first


@dataclass(frozen=True)
class Rewriter:
    """A language model that rewrites questions; lexicon: the words of the corpus."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    settings: RewriterSettings
    lexicon: Lexicon

    @cached_property
    def backbone(self) -> Backbone:
        """What depends on the type of the language model."""
        if self.model.config.is_encoder_decoder:
            return Seq2Seq(self.tokenizer, self.settings)
        return Causal(self.tokenizer, self.settings)

    def rewrites(
        self, questions: Sequence[str], seed: int, histories: Histories | None = None
    ) -> list[list[str]]:
        """Return the rewrites of each question that are searched; there may be none.

        They are distinct, differ from the question, are not repetitive, keep the question's
        numbers, years and names, and have only known words. If the rewriter searches no rewrites,
        nothing is sampled. histories: the earlier questions of each question's session.
        """
        if not self.settings.num_rewrites:
            return [[] for _ in questions]
        return [
            texts[: self.settings.num_rewrites]
            for texts in self.usable(questions, self.sample(questions, seed, histories), histories)
        ]

    def usable(
        self,
        questions: Sequence[str],
        samples: Sequence[Sequence[str]],
        histories: Histories | None = None,
    ) -> list[list[str]]:
        """Return the samples of each question that can be searched, in their order."""
        rows = zip(questions, samples, histories or [()] * len(questions), strict=True)
        return [
            usable_rewrites(question, texts, self.lexicon, history)
            for question, texts, history in rows
        ]

    def sample(
        self, questions: Sequence[str], seed: int, histories: Histories | None = None
    ) -> list[list[str]]:
        """Return all samples of each question, usable or not, (questions, samples)."""
        rows = zip(questions, histories or [()] * len(questions), strict=True)
        inputs = [self.backbone.encode_question(question, history) for question, history in rows]
        by_length = sorted(range(len(questions)), key=lambda row: len(inputs[row]))
        samples: list[list[str]] = [[] for _ in questions]
        for start in range(0, len(by_length), BATCH_SIZE):
            batch = by_length[start : start + BATCH_SIZE]
            texts = self.sample_batch(
                [inputs[row] for row in batch],
                [sample_seeds(questions[row], seed, self.settings) for row in batch],
            )
            for row, row_texts in zip(batch, texts, strict=True):
                samples[row] = row_texts
        return samples

    @torch.inference_mode()
    def sample_batch(
        self, inputs: Sequence[list[int]], seeds: Sequence[list[int]]
    ) -> list[list[str]]:
        """Return the samples of one batch of questions, (questions, samples).

        inputs: the tokens of each question; seeds: (questions, samples).
        """
        number = self.settings.num_return_sequences
        self.tokenizer.padding_side = self.backbone.padding_side
        batch = self.tokenizer.pad({"input_ids": list(inputs)}, return_tensors="pt")
        batch = batch.to(self.model.device)
        sampler = SeededTopKSampler(
            [seed for question_seeds in seeds for seed in question_seeds],
            top_k=self.settings.top_k,
            temperature=self.settings.temperature,
        )
        with by_onednn(self.model):
            decoder = self.backbone.start_decoder(self.model, batch, number)
            longest = self.settings.max_new_tokens
            tokens = write_rows(decoder, sampler.choose, self.end_tokens, longest)
        texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        lines = [clean_first_line(text) for text in texts]
        return [lines[start : start + number] for start in range(0, len(lines), number)]

    @property
    def end_tokens(self) -> torch.Tensor:
        """The tokens that end a text, (tokens,)."""
        tokens = torch.tensor(self.model.generation_config.eos_token_id, device=self.model.device)
        return tokens.reshape(-1)

    def writes_as(self, other: "Rewriter") -> bool:
        """Return whether another rewriter samples the same, as it has equal settings and weights.

        That is so if the base ships: the tuned rewriter is then a copy of it.
        """
        weights, others = self.model.state_dict(), other.model.state_dict()
        return self.settings == other.settings and (
            weights.keys() == others.keys()
            and all(torch.equal(weight, others[name]) for name, weight in weights.items())
        )

    def as_saved(self, precision: str) -> "Rewriter":
        """Return this rewriter as it is saved and used: a bf16 copy if it was trained in bf16."""
        if precision == "fp32":
            return self
        model = deepcopy(self.model)
        for weight in model.parameters():  # not its buffers: a loaded model has them in fp32
            weight.data = weight.data.bfloat16()
        return replace(self, model=model)

    def save(self, folder: Path) -> None:
        """Write the model, its tokenizer, its settings and its lexicon to a folder."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.settings.write(folder / "rewriter.json")
        self.lexicon.write(folder)


def clean_first_line(text: str) -> str:
    """Return the first line of a generated text, without the quotes around it."""
    first_line = text.strip().split("\n")[0]
    return " ".join(first_line.split()).strip("\"'“”` ")


def load(folder: Path) -> Rewriter:
    """Return the rewriter in a folder, in the precision in which it was saved.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    settings = RewriterSettings(**read_json(folder / "rewriter.json"))
    dtype = getattr(torch, read_json(folder / "config.json")["dtype"])
    return load_as_rewriter(folder, settings, read_lexicon(folder), dtype)


def load_as_rewriter(
    folder: Path,
    settings: RewriterSettings,
    lexicon: Lexicon,
    dtype: torch.dtype = torch.float32,
) -> Rewriter:
    """Return the language model in a folder as a rewriter, on a GPU if there is one.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file, and InputError
    when it holds a causal model that can't share a prompt among its samples.
    """
    refuse_unsafe(folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    is_seq2seq = read_json(folder / "config.json").get("is_encoder_decoder", False)
    auto: Any = AutoModelForSeq2SeqLM if is_seq2seq else AutoModelForCausalLM
    model = auto.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    if not is_seq2seq:
        share_prompts(model.eval())
    return Rewriter(model.eval(), tokenizer, settings, lexicon)
