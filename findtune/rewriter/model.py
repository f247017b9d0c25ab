"""A rewriter: a language model that turns a question into search queries.

Two kinds of base do, behind one interface: an encoder-decoder (T5), which reads the question as it
is, or after a prefix; and a causal model, which is asked in its own chat template. Rewrites are
drawn, not searched for: fused searches gain by being different. The draws hang on the question, its
number and the seed alone, so the other questions of a batch change nothing but the rounding.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import Field
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from findtune.bases import refuse_unsafe
from findtune.cards import About
from findtune.entities import entities, keeps
from findtune.files import read_json
from findtune.params import Section
from findtune.records import Record
from findtune.search import ByVectors, ByWords, Ranking, fused
from findtune.splits import words

ABOUT = About(
    "text-generation",
    "transformers",
    "`findtune.rewriter.model.load(path)` loads it with the settings of `rewriter.json`; the "
    "language model alone is a stock `AutoModelForCausalLM` or `AutoModelForSeq2SeqLM`. "
    "`searches` tells what to search for, and `findtune.search.fused` makes one list of what that "
    "brings.",
)
QUESTIONS_AT_ONCE = 16
IGNORED = torch.nn.CrossEntropyLoss().ignore_index  # a label that the loss passes over
REPEATED = 3  # words that no rewrite says twice in a row
MASKED = float("-inf")
Tokens = dict[str, list[int]]
Batch = Mapping[str, torch.Tensor]  # input_ids and attention_mask, (rows, tokens)


class Drawing(Section):
    """How rewrites are made."""

    prompt: str  # a causal model's system message, or an encoder-decoder's prefix
    candidates: int = Field(gt=0)  # drawn, of which the first good ones are kept
    temperature: float = Field(gt=0)
    likeliest: int = Field(gt=0)  # tokens, among which each next one is drawn
    longest_question: int = Field(gt=0)  # tokens; the rest of a question is not read
    longest_rewrite: int = Field(gt=0)  # tokens


class Settings(Drawing):
    """How rewrites are made and used. The rewriter.json of a saved rewriter."""

    rewrites: int = Field(ge=0)  # of a question that are searched beside it
    titles: int = Field(ge=0)  # of what it finds first by itself that are searched too
    joined: int = Field(ge=0)  # times that a rewrite's search says the question before it
    constant: float = Field(ge=0)  # of reciprocal rank fusion
    question: float = Field(gt=0)  # what the question's own search counts there, a rewrite's is 1

    def write(self, path: Path) -> None:
        """Write the settings to a file."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


class Kind(Protocol):
    """What differs between the two kinds of base."""

    side: str  # on which batches are padded when rewrites are drawn

    def asked(self, question: str) -> list[int]:
        """Return the tokens that the model reads before it writes."""

    def example(self, question: str, target: str) -> Tokens:
        """Return input_ids and labels of one example."""

    def read(self, model: PreTrainedModel, batch: Batch, times: int) -> dict[str, Any]:
        """Return what `generate` takes to write so many times for each row.

        What was asked is read once for all of them.
        """

    def written(self, found: torch.Tensor, read: int) -> torch.Tensor:
        """Return what was written, (rows, tokens); `read`: the length of what was read."""


@dataclass(frozen=True)
class Seq2Seq:
    """An encoder-decoder: the question goes in, the rewrite comes out."""

    tokenizer: PreTrainedTokenizerBase
    settings: Settings
    side = "right"

    def asked(self, question: str) -> list[int]:
        text = " ".join(filter(None, (self.settings.prompt, question)))
        return self.tokens(text, self.settings.longest_question)

    def example(self, question: str, target: str) -> Tokens:
        return {
            "input_ids": self.asked(question),
            "labels": self.tokens(target, self.settings.longest_rewrite),
        }

    def tokens(self, text: str, most: int) -> list[int]:
        found: list[int] = self.tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return found

    def read(self, model: PreTrainedModel, batch: Batch, times: int) -> dict[str, Any]:
        encoded = model.get_encoder()(**batch)
        encoded.last_hidden_state = encoded.last_hidden_state.repeat_interleave(times, dim=0)
        mask = batch["attention_mask"].repeat_interleave(times, dim=0)
        return {"encoder_outputs": encoded, "attention_mask": mask}

    def written(self, found: torch.Tensor, read: int) -> torch.Tensor:
        return found


@dataclass(frozen=True)
class Causal:
    """A causal model: question and rewrite are turns of a chat; only the second is learned."""

    tokenizer: PreTrainedTokenizerBase
    settings: Settings
    side = "left"

    def asked(self, question: str) -> list[int]:
        most = self.settings.longest_question
        cut = self.plain(question)[:most]
        turns: list[dict[str, str]] = [
            {"role": "system", "content": self.settings.prompt},
            {"role": "user", "content": str(self.tokenizer.decode(cut))},
        ]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return self.tokens(str(text))

    def example(self, question: str, target: str) -> Tokens:
        read, end = self.asked(question), self.tokenizer.eos_token_id
        answer = [*self.plain(target)[: self.settings.longest_rewrite - 1], end]
        return {"input_ids": read + answer, "labels": [IGNORED] * len(read) + answer}

    def plain(self, text: str) -> list[int]:
        """Return the tokens of a text that was not written for the model: no sign of its own."""
        for sign in self.tokenizer.get_added_vocab():
            text = text.replace(sign, " ")
        return self.tokens(text)

    def tokens(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def read(self, model: PreTrainedModel, batch: Batch, times: int) -> dict[str, Any]:
        places = (batch["attention_mask"].cumsum(dim=1) - 1).clamp_min(0)
        before = {name: its[:, :-1] for name, its in {**batch, "position_ids": places}.items()}
        cache = model(**before, use_cache=True, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(times)
        every = {name: its.repeat_interleave(times, dim=0) for name, its in batch.items()}
        return {**every, "past_key_values": cache}

    def written(self, found: torch.Tensor, read: int) -> torch.Tensor:
        return found[:, read:]


class Draws(LogitsProcessor):
    """Draws each row's next token with numbers of its own, and makes it the only one left.

    Adding Gumbel noise and taking the largest is drawing from the softmax (Gumbel 1954; Maddison
    et al., NeurIPS 2014).
    """

    def __init__(self, seeds: Iterable[int], settings: Settings) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.settings = settings

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        most = min(self.settings.likeliest, scores.shape[-1])
        best = scores.float().topk(most, dim=-1)
        even = torch.stack([torch.rand(most, generator=it) for it in self.generators])
        noise = -torch.log(-torch.log(even.clamp(1e-9, 1 - 1e-7)))
        drawn = (best.values / self.settings.temperature + noise.to(scores.device)).argmax(-1)
        chosen = best.indices.gather(1, drawn[:, None])
        return torch.full_like(scores, MASKED).scatter(1, chosen, 0.0)


@dataclass(frozen=True)
class Rewriter:
    """What rewrites questions."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    settings: Settings
    names: frozenset[str]

    @cached_property
    def kind(self) -> Kind:
        kind = Seq2Seq if self.model.config.is_encoder_decoder else Causal
        return kind(self.tokenizer, self.settings)

    def rewrites(self, questions: Sequence[str], seed: int) -> list[list[str]]:
        """Return the rewrites of each question that are fit to be searched, as drawn.

        They are distinct, none is the question again, none loops, and each keeps the question's
        numbers, years and names. There may be none.
        """
        drawn = self.candidates(questions, seed)
        return [
            fit_to_search(question, its, self.names)[: self.settings.rewrites]
            for question, its in zip(questions, drawn, strict=True)
        ]

    def candidates(self, questions: Sequence[str], seed: int) -> list[list[str]]:
        """Return all that is drawn for each question, good or bad, (questions, candidates)."""
        read = [self.kind.asked(question) for question in questions]
        order = sorted(range(len(questions)), key=lambda at: len(read[at]))
        found: list[list[str]] = [[] for _ in questions]
        for start in range(0, len(order), QUESTIONS_AT_ONCE):
            some = order[start : start + QUESTIONS_AT_ONCE]
            drawn = self.drawn(
                [read[at] for at in some],
                [seeds(questions[at], seed, self.settings) for at in some],
            )
            for at, its in zip(some, drawn, strict=True):
                found[at] = its
        return found

    @torch.inference_mode()
    def drawn(self, read: Sequence[list[int]], seeds: Sequence[list[int]]) -> list[list[str]]:
        """Return what is drawn for some questions of like length."""
        most = self.settings.candidates
        self.tokenizer.padding_side = self.kind.side
        batch = self.tokenizer.pad({"input_ids": list(read)}, return_tensors="pt")
        batch = batch.to(self.model.device)
        found = self.model.generate(  # type: ignore[operator]
            **self.kind.read(self.model, batch, most),
            do_sample=False,  # the draw is in the scores, see Draws
            num_beams=1,
            max_length=None,
            max_new_tokens=self.settings.longest_rewrite,
            pad_token_id=self.tokenizer.pad_token_id,
            logits_processor=LogitsProcessorList(
                [Draws([one for its in seeds for one in its], self.settings)]
            ),
        )
        written = self.kind.written(found, batch["input_ids"].shape[1])
        texts = [tidy(it) for it in self.tokenizer.batch_decode(written, skip_special_tokens=True)]
        return [texts[at : at + most] for at in range(0, len(texts), most)]

    def save(self, folder: Path) -> None:
        """Write the model, its tokenizer, its settings and the names it knows to a folder."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.settings.write(folder / "rewriter.json")
        names = json.dumps(sorted(self.names), ensure_ascii=False)
        (folder / "names.json").write_text(names + "\n", encoding="utf-8")


def load(folder: Path) -> Rewriter:
    """Return the rewriter in a folder, in the precision in which it was saved.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    settings = Settings(**read_json(folder / "rewriter.json"))
    names = frozenset(read_json(folder / "names.json"))
    return read(folder, settings, names, getattr(torch, read_json(folder / "config.json")["dtype"]))


def read(
    folder: Path,
    settings: Settings,
    names: frozenset[str],
    dtype: torch.dtype = torch.float32,
) -> Rewriter:
    """Return the language model in a folder as a rewriter.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    refuse_unsafe(folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    encodes = read_json(folder / "config.json").get("is_encoder_decoder", False)
    auto: Any = AutoModelForSeq2SeqLM if encodes else AutoModelForCausalLM
    model = auto.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Rewriter(model.eval(), tokenizer, settings, names)


def seeds(question: str, seed: int, settings: Settings) -> list[int]:
    """Return a seed for each candidate of a question."""
    return [
        int.from_bytes(blake2b(f"{seed} {at} {question}".encode(), digest_size=7).digest(), "big")
        for at in range(settings.candidates)
    ]


def tidy(text: str) -> str:
    """Return the first line of what was written, without the quotes around it."""
    lines = text.strip().split("\n")
    return " ".join(lines[0].split()).strip("\"'“”` ")


def searches(
    question: str, rewrites: Iterable[str], how: Settings, titles: Iterable[str] = ()
) -> list[str]:
    """Return what is searched for: the question, each rewrite, and titles that it found first.

    Titles are pseudo-relevance feedback: what stands first is worded as what else answers
    (Lavrenko & Croft, SIGIR 2001). A rewrite may come after the question's own words, so that it
    adds words and takes none away: a model that knows little of a field then drifts less. Source:
    query2doc (Wang, Yang & Wei, EMNLP 2023), which repeats the question too, since what is written
    beside it is longer.
    """
    before = [question] * how.joined
    return [question, *(" ".join([*before, it]) for it in rewrites), *titles]


def find(
    search: ByWords | ByVectors, question: str, rewrites: Iterable[str], how: Settings
) -> Ranking:
    """Return what a question, its rewrites and the titles that it finds bring, fused."""
    titles: list[str] = []
    if how.titles:
        [own] = search.found([question])
        titles = [search.titles[url] for url in own[: how.titles] if search.titles[url]]
    found = search.found(searches(question, rewrites, how, titles))
    return fused(found, how.constant, how.question)


def graded(it: Record) -> list[str]:
    """Return the sources that people graded above 0 for a question, none where nobody judged."""
    return [url for url, grade in it["judged"].items() if grade > 0]


def fit_to_search(question: str, drawn: Iterable[str], names: frozenset[str]) -> list[str]:
    """Return the drawn rewrites that are fit to be searched, each once, in their order.

    A question without a word asks for nothing, so whatever was drawn for it is made up.
    """
    if not words(question):
        return []
    wanted = entities(question, names)
    found: dict[tuple[str, ...], str] = {}
    for rewrite in drawn:
        good = rewrite and not copies(question, rewrite) and not loops(question, rewrite)
        if good and keeps(rewrite, wanted, names):
            found.setdefault(said(rewrite), rewrite)
    return list(found.values())


def said(text: str) -> tuple[str, ...]:
    """Return the words of a text without what nobody hears; one without a word is itself."""
    return tuple(word.casefold() for word in words(text)) or (text,)


def copies(question: str, rewrite: str) -> bool:
    """Return whether a rewrite is the question again: no search would find another source."""
    return said(question) == said(rewrite)


def loops(question: str, rewrite: str) -> bool:
    """Return whether a rewrite says a row of words twice, or a word twice at once.

    What the question says twice, such as Bora Bora, is a name.
    """
    told = said(rewrite)
    rows = [told[at : at + REPEATED] for at in range(len(told) - REPEATED + 1)]
    return bool(stutters(told) - stutters(said(question))) or len(set(rows)) < len(rows)


def stutters(told: Sequence[str]) -> set[str]:
    """Return the words that are said twice at once."""
    return {one for one, two in zip(told, told[1:], strict=False) if one == two}
