"""Checks of the machine: Python and its packages, disk, memory, processor and GPU.

Nothing here loads torch, which takes seconds.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from findtune.health.finding import Finding

GB = 1e9
OLDEST_PYTHON = (3, 11)
DISK = {"fail": 1 * GB, "warn": 5 * GB}  # free; `make train SIZE=small` writes 5.5 GB
MEMORY = {"fail": 2 * GB, "warn": 8 * GB}  # free; `make train SIZE=small` takes 6.7 GB
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def check_python(locks: Sequence[Path]) -> Finding:
    """Compare this Python and its packages with what the lock files pin."""
    pinned: dict[str, str] = {}
    for path in locks:
        if path.exists():
            pinned.update(PIN.findall(path.read_text(encoding="utf-8")))
    # An interrupted installation leaves package folders without a name.
    installed = {dist.name: dist.version for dist in distributions() if dist.name}
    return judge_python(sys.version_info[:3], installed, pinned)


def judge_python(
    version: tuple[int, ...], installed: Mapping[str, str], pinned: Mapping[str, str]
) -> Finding:
    """Return whether a Python is recent enough and its packages are the pinned ones."""
    text = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        remedy = f"`make setup PYTHON=python{needed}`, in a folder without .venv"
        return Finding("python", "fail", f"{text}, Findtune needs {needed} or newer", remedy)
    # "2.13.0+cpu" is the build of 2.13.0 for machines without a GPU.
    versions = {normal(name): version.split("+")[0] for name, version in installed.items()}
    others = [
        f"{name} {versions.get(normal(name), 'missing')} instead of {expected}"
        for name, expected in pinned.items()
        if versions.get(normal(name)) != expected.split("+")[0]
    ]
    if others:
        listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
        remedy = "`touch requirements.lock && make setup` installs what is pinned"
        return Finding("python", "fail", f"{text}, but {listed}", remedy)
    return Finding("python", "ok", f"{text}, {len(pinned)} packages as pinned")


def normal(name: str) -> str:
    """Return the normalized name of a package. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_disk(folder: Path) -> Finding:
    """Return whether the disk of a folder has room for a training."""
    free = shutil.disk_usage(folder).free
    remedy = "`dvc gc --workspace --all-tags` removes versions that were never live, or make room"
    return judge_room("disk", free, f"{free / GB:.1f} GB free", DISK, remedy)


def check_memory() -> Finding:
    """Return whether a training of `small` fits the memory that is free now."""
    memory = psutil.virtual_memory()
    limit = memory_limit([Path(name) for name in CGROUP_LIMITS], memory.total)
    free = min(memory.available, limit)
    text = f"{free / GB:.1f} of {min(memory.total, limit) / GB:.1f} GB free"
    remedy = "close programs, or train one model at a time (MODELS=embedder); it takes up to 7 GB"
    return judge_room("memory", free, text, MEMORY, remedy)


def memory_limit(files: Sequence[Path], total: int) -> int:
    """Return the limit of this process's container in bytes, or the machine's memory."""
    for path in files:
        if path.exists() and (text := path.read_text().strip()).isdigit():
            return min(int(text), total)
    return total


def judge_room(
    check: str, free: float, text: str, needed: Mapping[str, float], remedy: str
) -> Finding:
    """Return a finding about free bytes; needed: status -> bytes below which it is given."""
    if free < needed["fail"]:
        return Finding(check, "fail", text, remedy)
    if free < needed["warn"]:
        return Finding(check, "warn", text, remedy)
    return Finding(check, "ok", text)


def check_hardware(cpuinfo: Path = Path("/proc/cpuinfo")) -> Finding:
    """Return what this machine computes with."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.exists() else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch = next((dist.version for dist in distributions(name="torch")), "missing")
    return judge_hardware(cores or 1, processor_flags(text), has_gpu(), torch)


def processor_flags(cpuinfo: str) -> set[str]:
    """Return the instruction sets that /proc/cpuinfo names; empty on other systems."""
    match = re.search(r"^(?:flags|Features)\s*: (.*)$", cpuinfo, re.MULTILINE)
    return set(match[1].split()) if match else set()


def has_gpu() -> bool:
    """Return whether an NVIDIA driver is loaded or an AMD one offers compute."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/kfd").exists()


def judge_hardware(cores: int, flags: set[str], gpu: bool, torch: str) -> Finding:
    """Return what a machine has, and a warning if training will be slow or differ from others'."""
    bf16 = sorted(flags & {"avx512_bf16", "amx_bf16", "bf16"})
    parts = [
        f"{cores} core{'' if cores == 1 else 's'}",
        f"bf16 ({', '.join(bf16)})" if bf16 else "no bf16",
        "AMX" if "amx_tile" in flags else "no AMX",
        "a GPU" if gpu else "no GPU",
    ]
    text = ", ".join(parts)
    if gpu and torch.endswith("+cpu"):
        remedy = "install a torch with CUDA or ROCm; see docs/operations.md"
        return Finding("hardware", "warn", f"{text}, but torch {torch} can't use it", remedy)
    if not bf16 and not gpu:
        remedy = "training runs in fp32: it takes longer, and its weights differ from bf16's"
        return Finding("hardware", "warn", text, remedy)
    return Finding("hardware", "ok", text)
