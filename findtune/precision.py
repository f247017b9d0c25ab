"""The arithmetic that a machine can train in."""

from collections.abc import Callable

import torch


def precision_here(wanted: str, say: Callable[[str], None]) -> str:
    """Return the precision to train in; tell when the machine lacks the wanted one."""
    if wanted == "fp32":
        return "fp32"
    if torch.cuda.is_available():
        able = torch.cuda.is_bf16_supported()
    else:
        able = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if not able:
        say("this machine has no bf16 arithmetic: training in fp32, which takes longer")
    return "bf16" if able else "fp32"
