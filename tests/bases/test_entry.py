"""A mistake in a base model's entry in params.yaml is refused before anything is fetched."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.bases.entry import BaseEntry
from findtune.core import params
from findtune.core.errors import InputError

PLAIN = {"name": "tiny", "license": "MIT", "architecture": "BertModel", "files": {}}
PLAIN |= {"path": None, "wheel": None, "hub": None}
FILES = (
    "pytorch_model.bin model.pt a/head.pkl modeling.py pytorch_model.BIN w.npy w.npz head.joblib"
)
FILES += " tf_model.h5 x.so x.onnx ../x ../x.json a/../../x.json /x.json .."
HASHES = ["", "abc", "0" * 63, "0" * 65, "G" * 64, "latest"]
REVISIONS = ["main", "v1.0", "0123456", "0" * 41, "refs/pr/1"]
WHEEL = {"packages": [], "folder": "model", "parts": None}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        *[({"files": {name: "0" * 64}}, f"files.{name}") for name in FILES.split()],
        *[({"files": {"a.json": text}}, f"files.a.json is {text!r}") for text in HASHES],
        *[({"hub": {"repository": "a/b", "revision": x}}, "hub.revision is") for x in REVISIONS],
        *[({"alibi_slopes": x}, f"alibi_slopes is {x!r}") for x in ("steep", "", 2)],
        ({"wheel": WHEEL}, "wheel.packages is []"),
    ],
)
def test_an_unsafe_file_a_bad_hash_or_a_revision_that_can_move_is_refused(
    tmp_path: Path, changes: dict[str, Any], key: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"base": PLAIN | changes}), encoding="utf-8")
    with pytest.raises(InputError) as error:
        params.read("base", BaseEntry, path)
    assert str(error.value).startswith(f"{path}: base.{key}")
    if "files" in changes and "0" * 64 in changes["files"].values():
        assert "only safetensors, gguf, json and text files inside the model" in str(error.value)
