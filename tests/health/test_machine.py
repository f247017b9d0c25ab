"""The machine is judged by what a training needs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from findtune.health.finding import Finding, at_most
from findtune.health.machine import (
    MEMORY,
    check_disk,
    check_python,
    judge_hardware,
    judge_python,
    judge_room,
    memory_limit,
    processor_flags,
)
from findtune.tracking.hashing import file_md5, object_path

CPUINFO = "processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile amx_bf16\nbugs\t\t: spectre\n"


def test_a_package_that_is_not_the_pinned_one_is_named() -> None:
    installed = {"torch": "2.13.0+cpu", "ruamel.yaml": "0.19.1", "numpy": "2.0"}
    pinned = {"torch": "2.13.0", "ruamel-yaml": "0.19.1", "numpy": "2.4.6", "dvc": "3.67.1"}
    finding = judge_python((3, 12, 1), installed, pinned)
    assert finding.status == "fail"
    assert "numpy 2.0 instead of 2.4.6, dvc missing instead of 3.67.1" in finding.text
    assert "torch" not in finding.text
    assert judge_python((3, 12, 1), installed, {"torch": "2.13.0"}).status == "ok"


def test_what_an_interrupted_pip_left_without_a_name_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_over-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    lock = tmp_path / "requirements.lock"
    lock.write_text("left-over==1.0\n", encoding="utf-8")
    assert "left-over missing instead of 1.0" in check_python([lock]).text


def test_an_old_python_fails_before_its_packages_are_looked_at() -> None:
    finding = judge_python((3, 10, 0), {}, {"numpy": "2"})
    assert finding.line().startswith("fail  python    3.10.0, Findtune needs 3.11 or newer: `make")


def test_little_room_is_warned_of_and_too_little_fails() -> None:
    statuses = [judge_room("memory", free, "", MEMORY, "x").status for free in (1e9, 3e9, 9e9)]
    assert statuses == ["fail", "warn", "ok"]


def test_what_makes_room_leaves_what_was_ever_live(
    tiny_project: Path, tool: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    [command] = re.findall(r"`(dvc gc [^`]+)`", check_disk(Path()).remedy)
    weights = Path("models/stack/small/weights.txt")
    live = object_path(Path(".dvc/cache/files/md5"), file_md5(weights))
    tool("git tag stack@v1.0.0")
    Path("weights.txt").write_text("trained again", encoding="utf-8")
    tool("dvc repro --quiet")
    tool("git commit --quiet --all --message=Again")
    tool(f"{command} --force")
    assert live.exists()


def test_the_limit_of_a_container_counts_where_it_is_below_the_machine(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    for text, expected in (("1000\n", 1000), ("max\n", 5000), ("9000\n", 5000)):
        limit.write_text(text)
        assert memory_limit([tmp_path / "absent", limit], total=5000) == expected


def test_hardware_is_read_from_the_processors_flags() -> None:
    flags = processor_flags(CPUINFO)
    finding = judge_hardware(2, flags, gpu=False, torch="2.13.0+cpu")
    assert finding.text == "2 cores, bf16 (amx_bf16, avx512_bf16), AMX, no GPU"
    assert finding.status == "ok"
    assert judge_hardware(1, set(), gpu=False, torch="2.13.0").status == "warn"


def test_a_gpu_that_torch_can_not_use_is_warned_of() -> None:
    finding = judge_hardware(8, {"bf16"}, gpu=True, torch="2.13.0+cpu")
    assert (finding.status, "can't use it" in finding.text) == ("warn", True)
    assert judge_hardware(8, set(), gpu=True, torch="2.13.0").status == "ok"


def test_findings_beyond_a_handful_are_counted_with_the_worst_status() -> None:
    many = [Finding("cache", "warn", str(number), "x") for number in range(7)]
    many[6] = many[6]._replace(status="fail")
    shown = at_most(many)
    assert [finding.text for finding in shown] == [*"01234", "and 2 more of these"]
    assert shown[-1].status == "fail"
