"""What this machine's matrix products reach: the ceiling of every training."""

from collections.abc import Callable, Mapping

import torch

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.benchmark.step_clock import best_seconds
from findtune.embedder.training.recipe import Recipe

SIDE = 2048  # rows and columns
REPEATS = 30
FORMATS = {"bf16": torch.bfloat16, "fp32": torch.float32}


def ours(project: Project) -> Result:
    """Return the GFLOP/s of the fastest product in each number format; 2 n^3 operations each."""
    torch.set_num_threads(project.section("embedder", Recipe).threads)
    facts = {}
    for name, dtype in FORMATS.items():
        matrix = torch.randn(SIDE, SIDE).to(dtype)
        seconds = best_seconds(lambda matrix=matrix: matrix @ matrix, REPEATS)  # type: ignore[misc]
        facts[f"{name} GFLOP/s"] = 2 * SIDE**3 / seconds / 1e9
    return Result({}, facts)


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours}
