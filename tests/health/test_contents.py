"""A byte that changed is found wherever it lies, and its file is named with a remedy."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from findtune.bases.entry import BaseEntry
from findtune.core.files import sha256
from findtune.health.contents import (
    check_bases,
    check_cache,
    check_manifests,
    check_outputs,
    object_path,
    size_to_read,
)
from findtune.tracking.hashing import file_md5, read_listing
from findtune.tracking.lock import LockedStage, read_lock, read_pointers

CACHE = Path(".dvc/cache/files/md5")
MODEL = Path("models/stack/small/weights.txt")


def flip(path: Path) -> None:
    """Change one bit of a file, which may be read-only."""
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def lines(findings: list) -> list[str]:
    return [finding.line() for finding in findings]


def test_what_a_finished_run_wrote_is_intact(tiny_project: Path) -> None:
    stages = read_lock()
    assert lines(check_outputs(stages, CACHE)) == ["ok    outputs   4 are as in dvc.lock"]
    text = "ok    manifests 2 model folders are as in their SHA256SUMS"
    assert lines(check_manifests(stages)) == [text]
    assert lines(check_cache(stages, CACHE)) == ["ok    cache     4 objects are intact"]


def test_a_flipped_bit_in_a_model_is_named_with_the_file(tiny_project: Path) -> None:
    flip(MODEL)
    [line] = lines(check_outputs(read_lock(), CACHE))
    assert line.startswith(f"fail  outputs   {MODEL} differs from dvc.lock: `rm -r models/stack")


def test_a_bit_that_flipped_before_dvc_took_its_md5_is_named(
    tiny_project: Path, tool: Callable[[str], str]
) -> None:
    flip(MODEL)
    tool("dvc commit --force --quiet")
    assert lines(check_outputs(read_lock(), CACHE)) == ["ok    outputs   4 are as in dvc.lock"]
    [line] = lines(check_manifests(read_lock()))
    assert line.startswith(f"fail  manifests {MODEL} has changed since it was written: `rm -r mod")


def test_a_file_more_or_less_in_a_model_is_named(tiny_project: Path) -> None:
    MODEL.rename(MODEL.with_name("other.txt"))
    found = lines(check_outputs(read_lock(), CACHE))
    assert [line.split()[2] for line in found] == [str(MODEL.with_name("other.txt")), str(MODEL)]


def test_a_changed_model_is_noticed_without_its_listing_in_the_cache(tiny_project: Path) -> None:
    stages = read_lock()
    flip(MODEL)
    object_path(CACHE, stages["stack@small"].outs["models/stack/small"]).unlink()
    [line] = lines(check_outputs(stages, CACHE))
    assert "outputs   models/stack/small differs" in line


def test_a_changed_metrics_file_is_named(tiny_project: Path) -> None:
    flip(Path("metrics/stack/small.json"))
    [line] = lines(check_outputs(read_lock(), CACHE))
    assert "metrics/stack/small.json differs from dvc.lock: `git checkout metrics/" in line


def test_a_report_comes_back_from_dvc_since_git_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = Path("metrics/report-small.html")
    report.parent.mkdir()
    report.write_text("<p>other examples</p>", encoding="utf-8")
    stages = {"report@small": LockedStage({}, {str(report): "0" * 32})}
    [line] = lines(check_outputs(stages, CACHE))
    assert f"{report} differs from dvc.lock: `rm -r {report} && dvc checkout {report}`" in line


def test_a_flipped_bit_in_the_cache_is_named_as_the_file_that_it_is(tiny_project: Path) -> None:
    stages = read_lock()
    broken = object_path(CACHE, file_md5(MODEL))
    flip(broken)
    [line] = lines(check_cache(stages, CACHE))
    assert line.startswith(f"fail  cache     {broken} was changed (models/")
    assert f"`rm -f {broken}`, then `make pull`" in line


def test_feedback_that_dvc_tracks_is_no_old_version(tiny_project: Path) -> None:
    broken = CACHE / "ab" / ("c" * 30)
    write_object(broken, "other bytes")
    listing = [{"md5": f"ab{'c' * 30}", "relpath": "picks.json"}]
    write_object(CACHE / "de" / f"{'f' * 30}.dir", json.dumps(listing))
    out = {"md5": f"de{'f' * 30}.dir", "hash": "md5", "path": "training_data"}
    Path("data").mkdir()
    Path("data/training_data.dvc").write_text(yaml.safe_dump({"outs": [out]}), encoding="utf-8")
    found = lines(check_cache({**read_lock(), **read_pointers(Path("data"))}, CACHE))
    [line] = [line for line in found if str(broken) in line]
    assert "was changed (data/training_data/picks.json): " in line
    assert f"`rm -f {broken}`, then `make pull`, or `dvc commit` if" in line


def write_object(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_an_object_that_nothing_names_any_more_may_go(tiny_project: Path) -> None:
    other = CACHE / "ab" / ("c" * 30)
    other.parent.mkdir(exist_ok=True)
    other.write_text("an old version")
    [line] = lines(check_cache(read_lock(), CACHE))
    assert line.endswith(f"{other} was changed (an old version): `rm -f {other}`")


def test_every_byte_of_outputs_and_cache_is_counted_once(tiny_project: Path) -> None:
    stages, counts = read_lock(), []
    check_outputs(stages, CACHE, counts.append)
    check_cache(stages, CACHE, counts.append)
    assert sum(counts) == size_to_read(stages, CACHE)


def test_a_listing_that_can_not_be_read_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.dir").write_text('{"not": "a list"}')
    assert read_listing(tmp_path / "x.dir") == read_listing(tmp_path / "absent") == {}


def base_entry(digest: str, name: str = "config.json") -> BaseEntry:
    fields = {"license": "MIT", "architecture": "A", "path": None, "wheel": None, "hub": None}
    return BaseEntry.model_validate({**fields, "name": "a base", "files": {name: digest}})


def test_a_base_model_must_have_the_bytes_that_params_yaml_names(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    entry = base_entry(sha256(config))
    assert check_bases({tmp_path: entry, tmp_path / "absent": entry})[0].text.startswith("1 of 2")
    flip(config)
    [finding] = check_bases({tmp_path: entry})
    assert f"{config} is not the file of a base" in finding.line()


def test_a_base_that_was_converted_is_left_to_dvc_lock(tmp_path: Path) -> None:
    assert check_bases({tmp_path: base_entry("0" * 64, "model.gguf")})[0].status == "ok"
    assert check_bases({tmp_path: base_entry("0" * 64)})[0].status == "fail"
