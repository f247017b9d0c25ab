"""A tiny model folder that is complete and harmless."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder; each test adds its own mistake."""
    folder = tmp_path / "model"
    configs = {
        "config.json": {"architectures": ["BertModel"], "auto_map": None},
        "modules.json": MODULES,
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
    }
    (folder / "1_Pooling").mkdir(parents=True)
    for name, config in configs.items():
        (folder / name).write_text(json.dumps(config), encoding="utf-8")
    (folder / "vocab.txt").write_text("[PAD]\ntea\n", encoding="utf-8")
    save_file(
        {"words": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2, np.float16)},
        folder / "model.safetensors",
        metadata={"format": "np"},
    )
    return folder
