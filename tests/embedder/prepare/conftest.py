"""Examples built from the small catalog, and the clean data of the larger one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import write_jsonl
from findtune.core.records import Record
from findtune.embedder.prepare.examples import CleanData, PrepareSettings
from findtune.embedder.prepare.scored_pairs import ScoredPair, read_pairs
from findtune.embedder.prepare.variables import CatalogText, read_catalog
from tests.embedder.prepare.small_catalog import (
    DEV,
    TEST,
    TRAIN,
    Build,
    Examples,
    build_examples,
)

NONE = {"dev": 0, "test": 1e-9, "fold": 0}  # shares that hold nothing out


@pytest.fixture(scope="module")
def build(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build examples of texts, pairs and lists; `changes` are settings.

    Unless `wordings` is given, only whole variables are held out.
    """

    folder = tmp_path_factory.mktemp("build")

    def build_from(
        texts: Sequence[CatalogText] = (*TRAIN, *DEV, *TEST),
        scored: Sequence[ScoredPair] = (),
        guard: Sequence[ScoredPair] = (),
        guard_queries: Sequence[Record] = (),
        ranked_lists: Sequence[Record] = (),
        qrels: Mapping[str, Mapping[str, int]] = {},
        **changes: Any,
    ) -> Examples:
        write_jsonl(folder / "lists.jsonl", ranked_lists)
        data = CleanData(texts, scored, guard, guard_queries, folder / "lists.jsonl", qrels)
        values = settings | {"wordings": NONE} | changes
        return build_examples(data, PrepareSettings(**values), folder)

    return build_from


@pytest.fixture(scope="module")
def corpus(clean: Path) -> CleanData:
    pairs, guard = (read_pairs(clean / f"{name}.jsonl") for name in ("sentence_pairs", "guard"))
    return CleanData(read_catalog(clean / "catalog.jsonl"), pairs, guard)
