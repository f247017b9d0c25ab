"""Latent vectors: texts that share words lie near, and where none share any there are none."""

import numpy as np
import pytest

from findtune.quality.latent_vectors import LatentVectors


def test_words_of_one_document_lie_near_and_those_of_others_do_not() -> None:
    latent = LatentVectors(["remote work from home", "remote work at home", "bread and flour"])
    remote, home, bread = latent.encode(["remote", "home", "bread"])
    assert remote @ home == pytest.approx(1)
    assert remote @ bread == pytest.approx(0)


@pytest.mark.parametrize("documents", [[], ["a b"] * 2, ["?"] * 300])
def test_too_few_words_or_documents_give_no_vectors(documents: list[str]) -> None:
    assert not LatentVectors(documents).encode(["a b"]).any()


@pytest.mark.parametrize("count", [20, 199, 200, 300])
def test_any_number_of_documents_that_share_no_word_is_encoded(count: int) -> None:
    codes = [f"code{number}x" for number in range(count)]
    assert np.isfinite(LatentVectors(codes).encode(codes)).all()
