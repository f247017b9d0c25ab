"""The settings of a rewriter: how rewrites are sampled, and how they are searched."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from findtune.core.params import Section
from findtune.retrieval.kinds import Retriever

# What is searched, from simple to complex: the question alone; also titles of its top documents;
# also rewrites of the base model; rewrites of the tuned model in place of the base's.
Family = Literal["question", "titles", "base", "tuned"]
FAMILIES: tuple[Family, ...] = ("question", "titles", "base", "tuned")


class Generation(Section):
    """How rewrites are sampled."""

    prompt: str  # a causal model's system message, or an encoder-decoder's prefix
    num_return_sequences: int = Field(gt=0)  # samples, of which the first usable are searched
    temperature: float = Field(gt=0)
    top_k: int = Field(gt=0)
    max_input_tokens: int = Field(gt=0)  # longer questions are cut
    max_new_tokens: int = Field(gt=0)


class RewriterSettings(Generation):
    """How rewrites are sampled and searched: the rewriter.json of a saved rewriter."""

    ships: Family  # what is searched
    retriever: Retriever  # with which weights and settings were selected
    num_rewrites: int = Field(ge=0)  # searched beside the question
    fb_docs: int = Field(ge=0)  # top documents of the question whose titles are searched too
    query_repeats: int = Field(ge=0)  # copies of the question before each rewrite in its query
    rank_constant: float = Field(ge=0)  # of reciprocal rank fusion
    original_query_weight: float = Field(gt=0)  # in the fusion, where other queries weigh 1

    def write(self, path: Path) -> None:
        """Write the settings to a file."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
