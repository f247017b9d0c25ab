"""dvc.yaml is true: a stage depends on the modules and parameters that it uses, and no others."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.stale_table import resolved_stages
from stages import export, rooms

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
STAGES = resolved_stages(export.MODELS)
MODULES = {
    ".".join(path.with_suffix("").parts): path
    for top in ("findtune", "stages")
    for path in Path(top).rglob("*.py")
    if path.name != "__init__.py"  # holds a docstring only, see test_house_rules.py
}
CSV_FOLDERS = {
    Path("data", name) for name in ("autogen_input", "alternatives", "finetuning", "guard")
}
FEEDBACK = {Path("data/training_data")}
# Says on which machine a piece is worked on: same bytes, see tests/stages/test_two_nodes.py.
WITHOUT_EFFECT = {"findtune.cluster.ray_tasks"}
EDITED = {"embedder": CSV_FOLDERS | FEEDBACK}  # by people; other models learn from feedback alone
EXACT = {
    "train",
    "evaluate",
    "card",
    "stack",
    "report",
}  # the others take seconds, and may list too much

each_stage = pytest.mark.parametrize("name", STAGES)


def arguments(name: str) -> dict[str, str]:
    """Return the values of the parameters of a stage's main, as its cmd gives them."""
    _, _, module, *values = STAGES[name]["cmd"].split()
    names = [option.name for option in import_module(module).main.params]
    return dict(zip(names, values, strict=True))


@cache
def syntax(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


def calls(module: str, *functions: str) -> Iterator[list[ast.expr]]:
    """Yield the arguments of each call of a function."""
    for node in syntax(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
            yield node.args


def value(expression: ast.expr, module: str, words: Mapping[str, str]) -> Any:
    """Return the value of an expression in a module, given those of main's parameters."""
    return eval(ast.unparse(expression), vars(import_module(module)) | dict(words))


def imports(module: str, words: Mapping[str, str]) -> set[str]:
    """Return our own modules that a module imports: also in functions, and by name in a table."""
    names = set()
    for node in syntax(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant):
            names.add(str(node.value))
    for model, cell in calls(module, "rooms.load"):
        room, key = value(model, module, words), value(cell, module, words)
        names.add(f"findtune.{room}.{rooms.CELLS[key]}")
    return (names & MODULES.keys()) - WITHOUT_EFFECT


def reached(name: str) -> set[str]:
    """Return a stage's module and all modules that it leads to."""
    seen: set[str] = set()
    waiting = {STAGES[name]["cmd"].split()[2]}
    while waiting:
        seen |= waiting
        waiting = {found for module in waiting for found in imports(module, arguments(name))} - seen
    return seen


def code_deps(name: str) -> set[Path]:
    return {Path(dep) for dep in STAGES[name]["deps"] if dep.startswith(("stages/", "findtune/"))}


@each_stage
def test_a_stage_depends_on_every_module_that_it_runs(name: str) -> None:
    deps = code_deps(name)
    paths = [MODULES[module] for module in reached(name)]
    assert [path for path in paths if not any(path.is_relative_to(dep) for dep in deps)] == []


@each_stage
def test_a_stage_depends_on_no_code_that_it_does_not_run(name: str) -> None:
    deps, paths = code_deps(name), [MODULES[module] for module in reached(name)]
    assert all(dep.exists() for dep in deps)
    if name.partition("@")[0] in EXACT:
        assert [dep for dep in deps if not any(path.is_relative_to(dep) for path in paths)] == []


@each_stage
def test_a_stage_declares_the_parameters_that_it_reads(name: str) -> None:
    module = STAGES[name]["cmd"].split()[2]
    reads = calls(module, "params.read", "params.lookup")
    keys = {value(key, module, arguments(name)) for key, *_ in reads}
    assert sorted(keys) == sorted(STAGES[name].get("params", []))
    others = reached(name) - {module}
    assert not [other for other in others for _ in calls(other, "params.read", "params.lookup")]


@each_stage
def test_a_stage_reads_only_what_people_edit_or_another_stage_writes(name: str) -> None:
    of_all = {*rooms.MODELS, "preferences", "stack"}
    models = {arguments(name)["model"]} if "model" in arguments(name) else of_all
    edited = set().union(*(EDITED.get(model, FEEDBACK) for model in models))
    others = (entry for other, entry in STAGES.items() if other != name)
    written = {path for entry in others for path in outs(entry)}
    for dep in {Path(dep) for dep in STAGES[name]["deps"]} - code_deps(name) - edited:
        assert any(overlap(dep, path) for path in written), dep
        assert models & {*dep.parts} or dep.is_relative_to("models/base/embedder"), dep


def outs(entry: Mapping[str, Any]) -> set[Path]:
    paths = [*entry.get("outs", []), *entry.get("metrics", [])]
    return {Path(path if isinstance(path, str) else next(iter(path))) for path in paths}


def overlap(first: Path, second: Path) -> bool:
    return first.is_relative_to(second) or second.is_relative_to(first)


@each_stage
def test_a_stage_is_one_plain_command(name: str) -> None:
    assert STAGES[name]["cmd"].startswith(f"python -m stages.{name.partition('@')[0]} ")
    assert not set(STAGES[name]["cmd"]) & set("|&;<>$`")


def test_no_kind_of_data_is_cleaned_twice() -> None:
    kinds = [stage["cmd"].split()[-1] for name, stage in STAGES.items() if "ingest@" in name]
    assert len(kinds) == len({*kinds}) > 1


def test_every_model_has_its_sections_at_every_size() -> None:
    assert PARAMS["models"] == [*rooms.MODELS]
    for model, size in product(rooms.MODELS, PARAMS["sizes"]):
        for section in (PARAMS["base"][model], PARAMS["prepare"][model], PARAMS[model]):
            assert size in section


def test_modules_are_found_behind_tables_and_rooms() -> None:
    assert "findtune.reranker.model.jina.conversion" in reached("base@embedder-small")
    assert "findtune.embedder.training.fit" in reached("train@embedder-small")
    assert "findtune.ingest.catalog" in reached("ingest@catalog")
