"""Evaluation with short bootstraps: a rank correlation takes long to draw 2,000 times."""

import pytest

from findtune.evaluation import significance


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw each bootstrap 200 times."""
    monkeypatch.setattr(significance, "RESAMPLES", 200)
