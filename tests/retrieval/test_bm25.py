"""BM25 ranks texts by the stems they share with a query, and only those."""

import os
import subprocess
import sys
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.core.text import content_stems
from findtune.retrieval.bm25 import BM25Index

TEXTS = ["jobless men", "jobless women", "the price of wheat", "wheat, wheat and more wheat"]
K1, B = 1.5, 0.75  # the defaults of bm25s


def by_hand(query: str, texts: list[str]) -> list[float]:
    """Return the score of each text, in plain loops (Lucene's variant)."""
    bags = [content_stems(text) or [""] for text in texts]  # an empty text counts as one word
    mean_length = sum(map(len, bags)) / len(bags)
    scores = []
    for bag in bags:
        score = 0.0
        for stem in content_stems(query):
            containing = sum(stem in other for other in bags)
            idf = log(1 + (len(bags) - containing + 0.5) / (containing + 0.5))
            frequency = bag.count(stem)
            score += idf * frequency / (frequency + K1 * (1 - B + B * len(bag) / mean_length))
        scores.append(score)
    return scores


@pytest.mark.parametrize(
    ("query", "k", "expected"),
    [
        ("wheat", 4, [3, 2]),
        ("wheat", 1, [3]),
        ("a man without a job: jobless", 4, [0, 1]),  # equal scores: in the order of the texts
        ("price", 4, [2]),
        ("of the", 4, []),
        ("rain?!", 4, []),
        ("", 4, []),
    ],
)
def test_the_top_k_are_the_best_texts_that_share_a_stem(
    query: str, k: int, expected: list[int]
) -> None:
    assert BM25Index(TEXTS).top_k(query, k) == expected


def test_equal_texts_keep_their_order_and_texts_without_words_are_never_returned() -> None:
    index = BM25Index(["tea", "", "of the"] * 20)
    assert index.top_k("tea of the house", 20) == [*range(0, 60, 3)]
    assert index.scores("").shape == (60,)


SOME = st.lists(st.sampled_from(["tea", "teas", "the", "rice", "2019", "?"]), max_size=4)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(SOME.map(" ".join), min_size=1, max_size=5), query=SOME.map(" ".join))
def test_exactly_the_texts_that_share_a_stem_are_returned(texts: list[str], query: str) -> None:
    index, stems = BM25Index(texts), set(content_stems(query))
    sharing = {number for number, text in enumerate(texts) if stems & set(content_stems(text))}
    assert set(index.top_k(query, len(texts))) == sharing
    assert set(np.flatnonzero(index.scores(query)).tolist()) == sharing
    assert index.scores(query).tolist() == pytest.approx(by_hand(query, texts), abs=1e-5)


def test_an_installed_jax_takes_no_gpu(tmp_path: Path) -> None:
    jax = tmp_path / "jax"
    jax.mkdir()
    (jax / "__init__.py").touch()
    (jax / "lax.py").write_text(
        "import os\nprint('on', os.environ.get('JAX_PLATFORMS'))\ntop_k = lambda *_: None\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", "import findtune.retrieval.bm25"]
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert printed.split() == [b"on", b"cpu"]
