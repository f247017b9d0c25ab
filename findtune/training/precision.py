"""The number format that this machine can train in, and the hardware that affects rounding."""

import platform
from collections.abc import Callable

import torch


def supported_precision(wanted: str, say: Callable[[str], None]) -> str:
    """Return the precision to train in; report it when the machine lacks the wanted one."""
    if wanted == "fp32":
        return "fp32"
    if torch.cuda.is_available():
        supported = torch.cuda.is_bf16_supported()
    else:
        supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if not supported:
        say("this machine has no bf16 arithmetic: training in fp32, which takes longer")
    return "bf16" if supported else "fp32"


def arithmetic() -> list[str]:
    """Return the hardware that affects rounding; the same bytes need the same hardware."""
    devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return [platform.machine(), torch.backends.cpu.get_cpu_capability(), *devices]
