"""Every value of params.yaml can be set with `dvc exp run -S`."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.hydra import apply_overrides

TEXT = Path("params.yaml").read_text(encoding="utf-8")


def leaves(section: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values by their dotted keys.

    The hashes of base models are left out: their keys are file names, which hold dots.
    """
    flat: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, dict):
            flat |= leaves(value, f"{prefix}{key}.") if key != "files" else {}
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def other_value(value: Any, number: int) -> Any:
    """Return a value of the same type that no other leaf has."""
    if isinstance(value, list):
        return [other_value(value[0] if value else None, number)]
    if value is None or isinstance(value, str):
        return f"other {number}"
    return number + (0.5 if isinstance(value, float) else 0)


def test_every_value_can_be_set_and_no_other_one_changes(tmp_path: Path) -> None:
    path = shutil.copy("params.yaml", tmp_path)
    before = leaves(yaml.safe_load(TEXT))
    wanted = {
        key: other_value(value, 1000 + row) for row, (key, value) in enumerate(before.items())
    }
    assert len(wanted) > 150
    apply_overrides(path, [f"{key}={value}" for key, value in wanted.items()])
    # Each value is unlike all others, so a value that two keys share would differ from one of them.
    assert leaves(yaml.safe_load(Path(path).read_text(encoding="utf-8"))) == wanted


def test_params_have_no_alias_anchor_or_merge_key() -> None:
    # An override of one section would change the other one.
    events = list(yaml.parse(TEXT, Loader=yaml.SafeLoader))
    assert not [event for event in events if isinstance(event, yaml.AliasEvent)]
    assert not [event for event in events if getattr(event, "anchor", None)]
    assert not [event for event in events if getattr(event, "value", None) == "<<"]
