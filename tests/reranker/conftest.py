"""Examples, a recipe and models for the reranker, small enough to train in seconds."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from findtune.core.files import write_jsonl
from findtune.core.records import Record
from findtune.reranker.prepare.examples import PrepareSettings, write_examples

if TYPE_CHECKING:  # torch takes seconds to load, and the tests of prepare need none of it
    import torch

    from findtune.training.fit_result import FitResult


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """The values of PrepareSettings."""
    return {
        "lists": {"dev": 0.2, "test": 0.3, "fold": 0},
        "gains": [3, 2, 1],
        "random_negatives": 2,
        "title_lists": {"count": 4, "hard_negatives": 2},
    }


@pytest.fixture(scope="session")
def recipe() -> dict[str, Any]:
    """The values of Recipe for a short training of the tiny base model."""
    rates = {"distil": 1e-2, "tune": 1e-2}
    phases = {name: {"epochs": 2, "learning_rate": rate} for name, rate in rates.items()}
    steps = {
        "batch_size": 4,
        "documents": 6,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "eval_steps": 0.5,
    }
    machine = {"max_length": 40, "precision": "fp32", "threads": 1, "early_stopping_patience": 2}
    tried = {"interpolation": [0.5, 1.0], "blend_weights": [0.25, 0.75, 1.0]}
    retriever = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "folds": 3}
    retriever |= {"documents": 4, "relevant": 2, "max_seq_length": 40}
    phases["retriever"] = retriever
    phases["candidates"] = 4
    return {"loss": "listnet", "temperature": 0.2, **phases, **steps, **machine, **tried}


@pytest.fixture(scope="session")
def example_folder(
    forty_lists: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of examples that is prepared from forty lists and their judgments."""
    feedback = json.loads((forty_lists / "reranker_training_data.json").read_text("utf-8"))
    judgments = json.loads((forty_lists / "judgments.json").read_text("utf-8"))
    lists = [
        {
            "query": record["query"],
            "sources": record["all_sources"],
            "picks": record["positive_sources"],
            "record": f"data/training_data/reranker_training_data.json:{number}",
        }
        for number, record in enumerate(feedback["reranker_data"], start=1)
    ]
    grades = [{"query": query, "grades": by_url} for query, by_url in judgments.items()]
    folder = tmp_path_factory.mktemp("examples")
    write_jsonl(folder / "clean" / "ranked_lists.jsonl", lists)
    write_jsonl(folder / "clean" / "judgments.jsonl", grades)
    write_examples(folder / "clean", folder / "examples", PrepareSettings(**settings))
    return folder / "examples"


@pytest.fixture(scope="session")
def bases(tiny_base: Path) -> dict[str, Path]:
    """An untrained encoder as the retriever, and as the encoder that gets a head."""
    return {"embedder": tiny_base, "reranker": tiny_base}


@pytest.fixture(scope="session")
def fit_reranker(
    bases: dict[str, Path], example_folder: Path, recipe: dict[str, Any]
) -> "Callable[..., FitResult]":
    """The function that trains a reranker; keywords change the bases, examples, seed or recipe."""
    from findtune.reranker.training.fit import Recipe, fit
    from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints

    def run(
        bases: dict[str, Path] = bases,
        examples: Path = example_folder,
        seed: int = 13,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
        say: Callable[[str], None] = lambda _: None,
        **changes: Any,
    ) -> "FitResult":
        changed = Recipe(**recipe | changes)
        options = {"progress": False, "checkpoints": checkpoints}
        return fit(bases, examples, changed, seed, say, **options)

    return run


@pytest.fixture(scope="session")
def fitted(fit_reranker: "Callable[..., FitResult]") -> "FitResult":
    """The tiny base, tuned once for all tests."""
    return fit_reranker()


@pytest.fixture(scope="session")
def saved(fitted: "FitResult", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tuned reranker."""
    folder = tmp_path_factory.mktemp("saved")
    fitted.save(folder)
    return folder


@pytest.fixture(scope="session")
def folder_contents() -> Callable[[Path], dict[str, bytes]]:
    """The function that returns relative path -> bytes of every file in a folder."""

    def read(folder: Path) -> dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read


@pytest.fixture(scope="session")
def lists() -> list[Record]:
    """Three lists of two, one and three documents; a title ends at the colon of its text."""
    texts = {
        "jobless men": ["Work: Men without work.", "rice"],
        "rice crop": ["Harvest, Wheat: Land on which wheat was cut."],
        "rice": ["rice", "Rain: rain in winter", "rice"],
    }
    return [
        {"query": query, "documents": [{"text": x, "title": x.partition(":")[0]} for x in shown]}
        for query, shown in texts.items()
    ]


# JinaBERT

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def jina_weights() -> "Callable[..., dict[str, torch.Tensor]]":
    """The function that returns random weights with the names of the official checkpoint."""
    import torch

    shapes = json.loads((DATA / "jina_shapes.json").read_text(encoding="utf-8"))

    def build(layers: int = 2) -> dict[str, torch.Tensor]:
        rng = torch.Generator().manual_seed(0)
        return {
            name.replace("layer.N", f"layer.{layer}"): torch.randn(shape, generator=rng) * 0.5
            for name, shape in shapes.items()
            for layer in range(layers if "layer.N" in name else 1)
        }

    return build


@pytest.fixture(scope="session")
def write_official() -> Callable[..., Path]:
    """The function that writes a folder as the hub has it, code and pickle included.

    Keywords change the config; the value "absent" removes a field.
    """
    from safetensors.torch import save_file

    def write(folder: Path, weights: "Mapping[str, torch.Tensor]", **changes: Any) -> Path:
        shutil.copytree(DATA / "official_jina", folder, dirs_exist_ok=True)
        save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
        for name in ("modeling_bert.py", "pytorch_model.bin"):
            (folder / name).write_bytes(b"raise SystemExit")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8")) | changes
        kept = {key: value for key, value in config.items() if value != "absent"}
        (folder / "config.json").write_text(json.dumps(kept), encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def official_jina(
    write_official: Callable[..., Path],
    jina_weights: "Callable[..., dict[str, torch.Tensor]]",
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A tiny official checkpoint with twelve heads and bf16 weights."""
    halved = {name: weight.bfloat16() for name, weight in jina_weights().items()}
    return write_official(tmp_path_factory.mktemp("official"), halved)


@pytest.fixture(scope="session")
def converted_jina(official_jina: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, converted."""
    from findtune.reranker.model.jina.conversion import convert

    folder = tmp_path_factory.mktemp("converted")
    convert(official_jina, folder, alibi_slopes="halved")
    return folder
