"""Whether data/ still holds the starter set: whoever puts other data there has no bug to see.

A part of the set counts as there while any of its files is, so that one that went by accident is
missed.
"""

from pathlib import Path

import pytest

INVENTED = "/methods.uniworld.example/"  # a site that only the starter feedback knows
FEEDBACK = any(
    path.exists() and INVENTED in path.read_text(encoding="utf-8", errors="replace")
    for name in ("reranker_training_data.json", "query_rewriting_training_data.json")
    for path in [Path("data/training_data", name)]
)
CATALOG = any(
    Path("data/autogen_input", name).exists()
    for name in ("small/labour_income.csv", "small/health.csv", "medium/composed.csv")
)
REASON = "data/ no longer holds the starter set"
needs_feedback = pytest.mark.skipif(not FEEDBACK, reason=REASON)
needs_catalog = pytest.mark.skipif(not CATALOG, reason=REASON)
