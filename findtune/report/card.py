"""Model cards in the format of Hugging Face: measures and lineage, and no training text."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from findtune.bases.entry import BaseEntry
from findtune.report.markdown import measures

WEIGHTS = (".safetensors", ".gguf")


class CardInfo(NamedTuple):
    """The task and the library of a room's models as model hubs name them, and how to load one."""

    task: str
    library: str
    loading: str


CARD_INFOS = {
    "embedder": CardInfo(
        task="sentence-similarity",
        library="sentence-transformers",
        loading="`SentenceTransformer(path)` loads it.",
    ),
    "reranker": CardInfo(
        task="text-ranking",
        library="sentence-transformers",
        loading=(
            "`findtune.reranker.model.reranker.load(path)` loads all of it: the retriever tuned on "
            "grades and picks in `retriever/`, the same before in `base_retriever/`, the "
            "cross-encoder, and `weights.json`, which says how their scores are combined "
            "(`search_weights.json`: for the candidates of a search). "
            "`CrossEncoder(path)` loads the cross-encoder alone. If its `model_type` is "
            "`findtune-jina-bert`, run `onnx/model.onnx` instead, which needs no code of this "
            "project. For comparison, `train_retriever/` holds a retriever that has not learned "
            "dev, `retriever_features.json` the weights of a ranking without the cross-encoder, "
            "`examination.json` the position bias for which picks are corrected."
        ),
    ),
    "rewriter": CardInfo(
        task="text-generation",
        library="transformers",
        loading=(
            "`findtune.rewriter.model.rewriter.load(path)` loads it with the settings in "
            "`rewriter.json`. The language model alone is a standard `AutoModelForCausalLM` or "
            "`AutoModelForSeq2SeqLM`. Search for the question and its rewrites, and merge the "
            "results with `findtune.retrieval.fusion.reciprocal_rank_fusion`."
        ),
    ),
}


def model_card(
    *,
    model: str,
    size: str,
    entry: BaseEntry,
    recipe: Mapping[str, Any],
    training: Mapping[str, Any],
    sweep: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Any],
) -> str:
    """Return the model card of a tuned model.

    training: what training.json holds. sweep: the dev measures of each candidate.
    """
    info = CARD_INFOS[model]
    facts = {key: value for key, value in training.items() if key != "examples"}
    weights = [digest for file, digest in entry.files.items() if file.endswith(WEIGHTS)]
    state = "tuned" if facts["interpolation"] else "unchanged, since tuning did not help on dev"
    sections = [
        f"---\n{yaml.safe_dump(front_matter(model, entry), sort_keys=True)}---",
        f"# {model} {size}\n\n{entry.name}, {state}. {info.loading}",
        f"## Measures on test\n\n{measures(metrics)}",
        "## Measures on dev\n\n"
        "`interpolation` 0 is the base, 1 the tuned weights. The lineage says what was selected."
        f"\n\n{sweep_table(sweep)}",
        f"## Lineage\n\n{two_columns({**facts, 'base weights (sha256)': ', '.join(weights)})}",
        "## Data (sha256)\n\nTrain is learned, dev selects, test only measures.\n\n"
        + two_columns(training["examples"]),
        f"## Parameters\n\n{two_columns(flatten(recipe))}",
    ]
    return "\n\n".join(sections) + "\n"


def front_matter(model: str, entry: BaseEntry) -> dict[str, Any]:
    """Return the fields that model hubs read."""
    info = CARD_INFOS[model]
    return {
        "base_model": entry.hub.repository if entry.hub else entry.name,
        "library_name": info.library,
        "license": entry.license.lower(),
        "pipeline_tag": info.task,
        "tags": ["findtune", info.library, model],
    }


def flatten(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested section with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": item for inner, item in flatten(value).items()}
        else:
            flat[key] = value
    return flat


def two_columns(values: Mapping[str, Any]) -> str:
    """Return a table of names and values, sorted by name."""
    rows = [f"| {name} | {cell(value)} |" for name, value in sorted(values.items())]
    return "\n".join(["| | |", "|---|---|", *rows])


def sweep_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with a column for each key of the rows."""
    if not rows:
        return "None: the plain recipe keeps its last weights."
    lines = [f"| {' | '.join(map(cell, row.values()))} |" for row in rows]
    return "\n".join([f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|", *lines])


def cell(value: Any) -> str:
    """Return a value as a table cell: one line, with its bars escaped."""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return " ".join(text.splitlines()).replace("|", "\\|")
