"""What a params.yaml lacks of dvc.yaml is reported with the lines to write, before DVC runs."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.stale_table import resolved_stages
from findtune.core.errors import InputError
from findtune.health.needed_params import (
    needed_keys,
    refuse_missing_params,
    refuse_skipped_models,
)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Enter a copy of the pipeline; return its params, which `refusal` writes."""
    shutil.copy("dvc.yaml", tmp_path)
    content: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    return content


def refusal(content: dict[str, Any]) -> str:
    """Return the message about a params.yaml; empty if there is none."""
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        refuse_missing_params()
    except InputError as error:
        return str(error)
    return ""


def test_the_keys_are_those_that_dvc_finds() -> None:
    pipeline, content = (
        yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        for name in ("dvc.yaml", "params.yaml")
    )
    keys = {*needed_keys(pipeline, content)}
    assert keys >= {key for entry in resolved_stages().values() for key in entry.get("params", [])}
    assert keys >= {"launch", "export.models", "sizes", "prepare.rewriter.small", "stack.small"}
    assert "embedder.medium" not in keys  # not among sizes


def test_complete_params_are_not_refused(params: dict[str, Any]) -> None:
    assert refusal(params) == ""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("launch", "`launch: {processes: 1, nodes: 1}`"),
        ("export", "`export: {models: [], max_loss: 0.005}`"),
        ("sizes", "`sizes: [small]`"),
        ("stack", "`stack: {small: {rerank_depth: 20, "),
        ("seed", "`seed: 13`"),
        ("base", "`base: {embedder: {small: {name: all-MiniLM-L6-v2, "),
    ],
)
def test_a_section_that_is_missing_is_told_once_with_its_line(
    params: dict[str, Any], key: str, line: str
) -> None:
    del params[key]
    message = refusal(params)
    assert f"write the line {line}" in message
    assert "\n" not in message
    for text in re.findall(r"write the line `([^`]*)`", message):
        params.update(yaml.safe_load(text))
    assert refusal(params) == ""


def test_the_sections_of_a_model_that_is_not_trained_may_be_missing(
    params: dict[str, Any],
) -> None:
    params["models"] = ["embedder"]
    for section in (params, params["prepare"], params["base"]):
        del section["rewriter"]
    assert refusal(params) == ""


@pytest.mark.parametrize(
    "pipeline",
    ["", "stages: [", "stages: {a: null}", "stages: {a: {cmd: b, params: [c.yaml: [d]]}}"],
)
def test_another_pipeline_is_left_to_dvc(params: dict[str, Any], pipeline: str) -> None:
    Path("dvc.yaml").write_text(pipeline, encoding="utf-8")
    assert refusal(params) == ""


def test_a_model_that_is_trained_and_skipped_is_refused_in_a_line(params: dict[str, Any]) -> None:
    line = "^params.yaml: `models` and `skip` both name reranker; remove it from `skip`.$"
    params |= {"models": ["embedder", "reranker"], "skip": ["rewriter", "reranker"]}
    refusal(params)
    with pytest.raises(InputError, match=line):
        refuse_skipped_models()
    params["skip"] = ["rewriter"]
    refusal(params)
    refuse_skipped_models()


@pytest.mark.parametrize("content", ["", "models: 3\nskip: 4", "models: [a]", "- models"])
def test_params_of_another_form_are_left_to_the_stages(
    params: dict[str, Any], content: str
) -> None:
    Path("params.yaml").write_text(content, encoding="utf-8")
    refuse_skipped_models()
