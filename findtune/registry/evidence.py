"""What a commit says about a model: its bytes, and the measures of exactly these bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from findtune.core.errors import InputError
from findtune.tracking.git import committed_file
from findtune.tracking.lock import LOCK, LockedStage, Stages, outdated_inputs, parse_lock

Metrics = Mapping[str, Any]
RETRAIN = "run `make train`, look at the measures, and commit dvc.lock with metrics/"


@dataclass(frozen=True)
class Evidence:
    """A model's folder, its md5 in dvc.lock, and the metrics of these bytes."""

    path: str
    md5: str
    metrics: Metrics

    @property
    def verdict(self) -> str:
        """WIN, INCONCLUSIVE or REGRESSION."""
        return str(self.metrics["verdict"])


def read_evidence(root: Path, commit: str, model: str) -> Evidence:
    """Return what a commit says about a model.

    Raises InputError unless the commit's dvc.lock names the model's bytes, and its metrics were
    measured on these bytes, and with the models and data from which these were made.
    """
    path = artifact_path(root, commit, model)
    metrics_path = f"metrics/{model}/{Path(path).name}.json"
    stages = parse_lock(committed_text(root, commit, str(LOCK)))
    made, judged = writer(stages, path), writer(stages, metrics_path)
    metrics = committed_text(root, commit, metrics_path).encode()
    if md5(metrics) != judged.outs[metrics_path]:
        raise InputError(f"{metrics_path} is not what its stage wrote; {RETRAIN}.")
    if path not in judged.outs and path not in judged.deps:
        raise InputError(f"{metrics_path} was not measured on {path}; correct dvc.yaml.")
    for changed in outdated_inputs(stages, judged, made):
        raise InputError(
            f"{metrics_path} does not belong to {path}: {changed} has changed since; {RETRAIN}."
        )
    measured = json.loads(metrics)
    if "verdict" not in measured:  # as written by the stage `skip`
        raise InputError(f"{path} is no model; `models` in params.yaml does not name it.")
    if "difference" not in measured:
        raise InputError(f"{metrics_path} of commit {commit[:7]} has an older format.")
    return Evidence(path, made.outs[path], measured)


def artifact_path(root: Path, commit: str, model: str) -> str:
    """Return the folder that dvc.yaml of a commit names as the artifact of a model."""
    artifacts = committed_yaml(root, commit, "dvc.yaml").get("artifacts") or {}
    if model not in artifacts:
        known = ", ".join(artifacts) or "none"
        raise InputError(f"dvc.yaml has no artifact {model}; its artifacts are {known}.")
    try:
        [size, *_] = committed_yaml(root, commit, "params.yaml")["sizes"]
        return str(artifacts[model]["path"]).replace("${sizes[0]}", size)
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"dvc.yaml or params.yaml of commit {commit[:7]} has another format."
        ) from None


def committed_yaml(root: Path, commit: str, path: str) -> Mapping[str, Any]:
    """Return a YAML file of a commit; raise InputError unless it holds keys and values."""
    try:
        content = yaml.safe_load(committed_text(root, commit, path))
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} of commit {commit[:7]} can't be read.")
    return content


def committed_text(root: Path, commit: str, path: str) -> str:
    """Return a file of a commit; raise InputError if the commit lacks it."""
    content = committed_file(root, commit, path)
    if content is None:
        raise InputError(f"commit {commit[:7]} has no {path}; `git add {path}` and commit it.")
    return content.decode()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def writer(stages: Stages, path: str) -> LockedStage:
    """Return the stage that wrote a file or folder."""
    for stage in stages.values():
        if path in stage.outs:
            return stage
    raise InputError(f"{LOCK} says nothing about {path}; {RETRAIN}.")


def measured(metrics: Metrics) -> str:
    """Return the decisive measure before and after, its difference and the verdict, in a line."""
    measure, before, after = decisive_values(metrics)
    difference = metrics.get("difference_best", metrics["difference"])
    low, high = difference["ci_low"], difference["ci_high"]
    gain = f"{difference['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
    return f"{measure} {before:.4f} -> {after:.4f}, {gain}, {metrics['verdict']}"


def shipped_value(metrics: Metrics) -> tuple[str, float]:
    """Return the decisive measure, and its value for the model or stack that ships.

    If the tuned stack was refused, the best untuned one ships.
    """
    measure, untuned, tuned = decisive_values(metrics)
    refused = "cell" in metrics and metrics["ships"] != metrics["cell"]
    return measure, untuned if refused else tuned


def decisive_values(metrics: Metrics) -> tuple[str, float, float]:
    """Return the measure that decides, and its values untuned and tuned."""
    difference = metrics.get("difference_best", metrics["difference"])
    measure, against = difference["measure"], difference.get("against", "base")
    if "chosen" in metrics:  # of the stack
        return measure, metrics["untuned"][measure], metrics["chosen"][measure]
    decisive = metrics.get("decisive")
    before, after = (
        decisive[name] if decisive else metrics[name][measure] for name in (against, "tuned")
    )
    return measure, before, after
