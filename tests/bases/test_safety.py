"""A model folder is refused when a file could run code, asks for code, or is incomplete."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from findtune.bases.safety import MAX_HEADER_BYTES, MAX_JSON_BYTES, refuse_unsafe
from findtune.core.errors import UnsafeModelError


def message(folder: Path) -> str:
    """Return the message with which a folder is refused."""
    with pytest.raises(UnsafeModelError) as error:
        refuse_unsafe(folder)
    return str(error.value)


def test_a_complete_harmless_folder_passes(model: Path) -> None:
    refuse_unsafe(model)


def test_torch_is_not_loaded_for_entries_checks_and_fetching() -> None:
    modules = ", ".join(f"findtune.bases.{name}" for name in ("entry", "fetching", "safety"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "model.pt", "model.pth", "a/head.pkl", "a/x.pickle", "last.ckpt"]
    + ["modeling.py", "a/b/__init__.py", "PYTORCH_MODEL.BIN"],
)
def test_a_file_that_can_run_code_is_refused(model: Path, name: str) -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).touch()
    assert f"{model / name} can run code when loaded" in message(model)


@pytest.mark.parametrize(
    "config",
    [{key: "evil"} for key in ("auto_map", "_attn_implementation_internal", "custom_pipelines")]
    + [{"text": {"auto_map": {"x": "evil"}}}, {"parts": [{"x": 1}, [{"deep": {"auto_map": "x"}}]]}],
)
@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "tokenizer_config.json"])
def test_a_config_that_asks_for_code_is_refused(
    model: Path, config: dict[str, Any], name: str
) -> None:
    (model / name).write_text(json.dumps(config), encoding="utf-8")
    assert f"{model / name} asks for remote code" in message(model)


@pytest.mark.parametrize(
    "kind", ["evil.Module", "sentence_transformers_evil.Module", "os.system", None, ["evil"]]
)
def test_a_module_of_another_library_is_refused(model: Path, kind: Any) -> None:
    modules = json.loads((model / "modules.json").read_bytes())
    modules.append({"idx": 2, "path": "2", "type": kind})
    (model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    assert f"modules.json names the module {kind}" in message(model)


@pytest.mark.parametrize(
    "config",
    [
        {"_attn_implementation": "kernels-community/flash-attn2"},
        {"attn_implementation": "evil/kernel:attention"},
        {"_experts_implementation": "someone/kernel@v1"},
        {"text_config": {"_attn_implementation": {"vision": "sdpa", "text": "evil/kernel"}}},
        {"model_args": {"trust_remote_code": True}},
        {"use_kernels": True},
        {"sentence_transformers": {"activation_fn": "evil.module.Function"}},
        {"activation_function": "torch.hub.load"},
    ],
)
def test_a_config_that_names_a_kernel_or_a_class_of_others_is_refused(
    model: Path, config: dict[str, Any]
) -> None:
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert f"{model / 'config.json'} asks for remote code (" in message(model)


def test_what_transformers_has_itself_is_accepted(model: Path) -> None:
    config = {"_attn_implementation": "sdpa", "activation_function": "gelu_new", "use_kernels": 0}
    config |= {"activation_fn": "torch.nn.modules.activation.Sigmoid", "attn_implementation": None}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    refuse_unsafe(model)


def test_a_config_as_large_as_weights_is_not_read(model: Path) -> None:
    with (model / "config.json").open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    assert "it is no config" in message(model)


DEEP = pytest.param(b"[" * 200_000, id="deep")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", DEEP])
def test_a_config_that_is_not_json_is_refused(model: Path, content: bytes) -> None:
    (model / "config.json").write_bytes(content)
    assert "config.json is not JSON" in message(model)


def test_a_header_of_a_huge_length_is_refused_before_it_is_read(model: Path) -> None:
    with (model / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        file.truncate(2 * MAX_HEADER_BYTES)
    assert "is not a safetensors file" in message(model)


def refuse_weights(model: Path, content: bytes) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(content)
    assert message(model).startswith(str(weights))
    assert "fetch it again" in message(model)


@pytest.mark.parametrize("length", [0, 7, 8, 20, -1])  # 8 bytes hold the header's length
def test_weights_that_were_cut_off_are_refused(model: Path, length: int) -> None:
    refuse_weights(model, (model / "model.safetensors").read_bytes()[:length])


@pytest.mark.parametrize("start", [b"\x80\x04\x95\x1f\0\0\0\0", b"<!DOCTYPE", b"\0" * 7 + b"\x80"])
def test_a_pickle_a_web_page_or_a_huge_length_is_refused(model: Path, start: bytes) -> None:
    refuse_weights(model, start + b"\0\0\x8c\x05posix")


def spans(*offsets: Any) -> bytes:
    """Return a safetensors header with a tensor at each of these offsets."""
    tensors = [{"data_offsets": span, "dtype": "U8", "shape": [4]} for span in offsets]
    for tensor, span in zip(tensors, offsets, strict=True):
        if span[1:] and all(isinstance(end, int) for end in span):
            tensor["shape"] = [span[1] - span[0]]
    return json.dumps({f"{n}": tensor for n, tensor in enumerate(tensors)}).encode()


def shaped(shape: Any, dtype: str = "U8") -> bytes:
    """Return a safetensors header with one tensor over 12 bytes."""
    return json.dumps({"a": {"data_offsets": [0, 12], "dtype": dtype, "shape": shape}}).encode()


@pytest.mark.parametrize(
    "header",
    [b"\xff\xfe", b"not json", b"", b"[]", b"13", b'{"a": 1}', b'{"a": {"shape": [0]}}', DEEP]
    + [spans(["a", "b"]), spans([0])]
    # gaps, an overlap, and bytes after the last tensor
    + [spans([0, 4], [8, 12]), spans([4, 12]), spans([0, 8], [4, 12]), spans([0, 8])]
    # shapes that do not fill the bytes, or that nobody could hold
    + [shaped([13]), shaped([3], "F64"), shaped([2**62, 2**62]), shaped([-12]), shaped([12.0])]
    + [shaped([1] * 1000 + [12]), shaped([12], "X9"), shaped("12"), shaped([True] * 3)],
)
def test_a_header_that_does_not_describe_the_bytes_is_refused(model: Path, header: bytes) -> None:
    refuse_weights(model, struct.pack("<Q", len(header)) + header + b"\0" * 12)
