"""dvc.yaml tells the truth: a stage depends on every module and parameter it uses, and no more."""

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
ROOMS = PARAMS["models"]
CODE = sorted(path for folder in ("stages", "findtune") for path in Path(folder).rglob("*.py"))
LEARNS_FROM = {
    "embedder": {
        Path("data", folder) for folder in ("autogen_input", "alternatives", "finetuning", "guard")
    },
    "reranker": {Path("data/training_data")},
    "rewriter": {Path("data/training_data")},
}
EDITED = set().union(*LEARNS_FROM.values())
VERBS = [path for path in CODE if path.parts[0] == "stages" and "def main(" in path.read_text()]


@dataclass(frozen=True)
class Cell:
    """One stage as DVC runs it: its entry in dvc.yaml, with every `${...}` filled in."""

    name: str
    entry: Mapping[str, Any]

    @property
    def stage(self) -> str:
        return self.name.partition("@")[0]

    @property
    def module(self) -> Path:
        return module_at(self.entry["cmd"].split()[2])

    @property
    def words(self) -> dict[str, list[str]]:
        """What the names of main's parameters stand for, as given at the command line."""
        [main] = [it for it in functions(self.module) if it.name == "main"]
        names = [argument.arg for argument in main.args.args]
        given = self.entry["cmd"].split()[3:]
        return {name: [word] for name, word in zip(names, given, strict=False)}

    @property
    def modules(self) -> set[Path]:
        return {Path(dep) for dep in self.entry["deps"] if dep.endswith(".py")}

    @property
    def reads(self) -> set[Path]:
        return {Path(dep) for dep in self.entry["deps"]} - self.modules

    @property
    def writes(self) -> set[Path]:
        outs = [*self.entry.get("outs", []), *self.entry.get("metrics", [])]
        return {Path(out if isinstance(out, str) else next(iter(out))) for out in outs}


def cells() -> Iterator[Cell]:
    """Yield every stage, with a matrix or a foreach laid out."""
    for name, entry in STAGES.items():
        for words in choices(entry):
            text = json.dumps(entry.get("do", entry))
            for word, value in words.items():
                text = text.replace(f"${{{word}}}", value)
            place = words.get("key") or "-".join(words.values())
            yield Cell(f"{name}@{place}" if place else name, json.loads(text))


def choices(entry: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what stands for each `${...}` of one run of a stage."""
    if "matrix" in entry:
        axes = {key: listed(its) for key, its in entry["matrix"].items()}
        for values in product(*axes.values()):
            yield {f"item.{key}": value for key, value in zip(axes, values, strict=True)}
    elif isinstance(each := entry.get("foreach"), Mapping):
        for key, item in each.items():
            yield {"key": key} | {f"item.{name}": value for name, value in item.items()}
    elif each:
        yield from ({"item": item} for item in listed(each))
    else:
        yield {}


def listed(its: str | Sequence[str]) -> Sequence[str]:
    """Return a list, or the one in params.yaml that `${name}` stands for."""
    return PARAMS[its.removeprefix("${").removesuffix("}")] if isinstance(its, str) else its


def module_at(name: str) -> Path:
    return Path(*name.split(".")).with_suffix(".py")


def functions(module: Path) -> list[ast.FunctionDef]:
    return [it for it in walk(module) if isinstance(it, ast.FunctionDef)]


def walk(module: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(module.read_text(encoding="utf-8")))


def calls(module: Path, *names: str) -> Iterator[ast.expr]:
    """Yield the first argument of each call of a function."""
    for node in walk(module):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in names:
            yield node.args[0]


def texts(node: ast.expr, words: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the strings that a string, an f-string or a look-up may be."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    if isinstance(node, ast.Subscript):
        yield from words[ast.unparse(node)]
    if isinstance(node, ast.JoinedStr):
        parts = [
            [str(part.value)] if isinstance(part, ast.Constant) else words[placed(part)]
            for part in node.values
        ]
        yield from map("".join, product(*parts))


def placed(part: ast.expr) -> str:
    """Return the name inside the braces of an f-string."""
    assert isinstance(part, ast.FormattedValue)
    return ast.unparse(part.value)


def looped(module: Path) -> dict[str, list[str]]:
    """Return what each name of a `for name in ("one", "two")` stands for."""
    found: dict[str, list[str]] = defaultdict(list)
    for node in walk(module):
        if isinstance(node, (ast.For, ast.comprehension)):
            its = node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else []
            constants = [str(it.value) for it in its if isinstance(it, ast.Constant)]
            found[ast.unparse(node.target)] += constants
    return found


def known(module: Path, words: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return what each name stands for, and each `TABLE[name]` of a dict that the module writes."""
    found = {**looped(module), **words}
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            with suppress(ValueError):
                table = ast.literal_eval(node.value)
                for name, its in list(found.items()):
                    looked_up = [table[it] for it in its if it in table]
                    found[f"{ast.unparse(node.targets[0])}[{name}]"] = looked_up
    return found


def imports(module: Path, words: Mapping[str, Sequence[str]]) -> set[Path]:
    """Return the project's own files that a module imports, inside functions too."""
    names: set[str] = set()
    for node in walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    for name in calls(module, "import_module", "importlib.import_module"):
        names |= set(texts(name, known(module, words)))
    return {path for name in names if (path := module_at(name)).exists()}


def reach(module: Path, words: Mapping[str, Sequence[str]]) -> set[Path]:
    """Return a module and all that it leads to."""
    found: set[Path] = set()
    waiting = {module}
    while waiting:
        found |= waiting
        waiting = {path for seen in waiting for path in imports(seen, words)} - found
    return found


CELLS = list(cells())
ALL = pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])


@ALL
def test_a_stage_depends_on_every_module_it_runs(cell: Cell) -> None:
    assert reach(cell.module, cell.words) - cell.modules == set()


@ALL
def test_a_stage_depends_on_no_module_that_none_of_its_cells_runs(cell: Cell) -> None:
    # DVC has one list for all cells: what one of them runs stands in every cell's, or in its own.
    cells = [other for other in CELLS if other.stage == cell.stage]
    shared = set.intersection(*(other.modules for other in cells))
    run = set.union(*(reach(other.module, other.words) for other in cells))
    assert cell.modules - reach(cell.module, cell.words) <= shared & run


def keys_read(cell: Cell) -> set[str]:
    return {
        key
        for module in reach(cell.module, cell.words)
        for node in calls(module, "params.read", "params.lookup")
        for key in texts(node, known(module, cell.words))
    }


@ALL
def test_a_stage_declares_every_parameter_it_reads(cell: Cell) -> None:
    declared = cell.entry.get("params", [])
    undeclared = [key for key in keys_read(cell) if not any(within(key, its) for its in declared)]
    assert undeclared == []


@ALL
def test_a_stage_declares_no_parameter_it_does_not_read(cell: Cell) -> None:
    declared = cell.entry.get("params", [])
    unread = [its for its in declared if not any(within(key, its) for key in keys_read(cell))]
    assert unread == []


def within(key: str, section: str) -> bool:
    return f"{key}.".startswith(f"{section}.")


@ALL
def test_a_parameter_that_a_stage_declares_is_in_params_yaml(cell: Cell) -> None:
    for key in cell.entry.get("params", []):
        found = PARAMS
        for part in key.split("."):
            assert part in found, key
            found = found[part]


@ALL
def test_a_stage_reads_only_what_people_edit_or_another_stage_writes(cell: Cell) -> None:
    written = {out for other in CELLS if other is not cell for out in other.writes}
    found = cell.reads - EDITED
    assert {dep for dep in found if not any(overlap(dep, out) for out in written)} == set()


def overlap(one: Path, two: Path) -> bool:
    """Return whether two paths are one, or one of them lies in the other."""
    return one.is_relative_to(two) or two.is_relative_to(one)


def behind(cell: Cell) -> set[Path]:
    """Return what a cell reads, and what is read by those that write it, up to what people edit."""
    found: set[Path] = set()
    waiting = cell.reads
    while waiting:
        found |= waiting
        writers = [
            it for it in CELLS if any(overlap(*ends) for ends in product(it.writes, waiting))
        ]
        waiting = {dep for writer in writers for dep in writer.reads} - found
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_cell_of_a_room_depends_on_the_data_of_another(room: str) -> None:
    # models/base/embedder is no data: it is the retriever of the reranker
    folders = [Path(folder) for folder in ("data/clean", "data/pairs", "models", "metrics")]
    others = [folder / other for folder in folders for other in ROOMS if other != room]
    cells = [cell for cell in CELLS if cell.words.get("model") == [room]]
    assert {cell.stage for cell in cells} == {"base", "pair", "train", "evaluate"}
    for cell in cells:
        read = behind(cell)
        assert not [ends for ends in product(read, others) if overlap(*ends)], cell.name
        assert EDITED & read <= LEARNS_FROM[room], cell.name


def test_the_size_of_every_room_has_all_its_sections() -> None:
    for room, size in product(ROOMS, PARAMS["sizes"]):
        for section in (PARAMS["base"][room], PARAMS["pair"][room], PARAMS[room]):
            assert size in section


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_other_room(room: str) -> None:
    others = {Path("findtune", other) for other in ROOMS if other != room}
    for module in Path("findtune", room).glob("*.py"):
        assert not {path.parent for path in imports(module, {})} & others


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_the_same_three_files(room: str) -> None:
    assert {"pairs.py", "training.py", "inference.py"} <= {
        path.name for path in Path("findtune", room).glob("*.py")
    }


def test_shared_modules_know_no_room_and_no_command_line() -> None:
    rooms = {Path("findtune", room) for room in ROOMS}
    for module in Path("findtune").rglob("*.py"):
        found = imports(module, {})
        assert module.parent in rooms or not {path.parent for path in found} & rooms, module
        assert Path("stages") not in {path.parent for path in found}, module
        assert "import click" not in module.read_text(encoding="utf-8"), module


def test_modules_are_named_for_what_they_hold() -> None:
    assert {path.stem for path in CODE} & {"utils", "common", "helpers", "misc"} == set()


def test_a_packages_init_holds_nothing_that_could_change_a_result() -> None:
    # so no stage needs to depend on it
    for module in [path for path in CODE if path.name == "__init__.py"]:
        [docstring] = ast.parse(module.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), module
        assert isinstance(docstring.value, ast.Constant), module


HELP = """
import contextlib, importlib, io, json, sys

told = {}
for name in sys.argv[1:]:
    main = importlib.import_module(f"stages.{name}").main
    with contextlib.redirect_stdout(io.StringIO()) as screen:
        main(["--help"], standalone_mode=False)
    told[name] = [screen.getvalue(), "torch" in sys.modules]
print(json.dumps(told))
"""


def test_every_stage_tells_its_usage_without_loading_torch() -> None:
    names = [path.stem for path in VERBS]
    ran = subprocess.run(
        [sys.executable, "-c", HELP, *names], check=True, capture_output=True, text=True
    )
    told = json.loads(ran.stdout)
    assert list(told) == names
    for name, (usage, heavy) in told.items():
        assert usage.startswith("Usage:"), name
        assert not heavy, name


@ALL
def test_a_stage_is_one_plain_command(cell: Cell) -> None:
    assert cell.entry["cmd"].startswith("python -m stages.")
    assert cell.module in VERBS
    assert not set(cell.entry["cmd"]) & set("|&;<>$`")


WRITTEN = """
from importlib import import_module
import findtune.files
from findtune import params
from findtune.splits import part

HOMES = {"embedder": "bases", "reranker": "records"}
SECTIONS = {"bases": "base", "records": "record"}


def main(model):
    from findtune import siblings
    room = import_module(f"findtune.{model}.pairs")
    for name in ["measures", "cards"]:
        import_module(f"findtune.{name}")
    both = [import_module(f"findtune.{model}.{name}") for name in ("training", "inference")]
    import_module(f"findtune.{HOMES[model]}")
    params.read("seed", int)
    params.read(SECTIONS[HOMES[model]], int)
    params.read(f"{model}.{size}", room.Recipe)
"""


@pytest.fixture
def every_way_of_importing(tmp_path: Path) -> Path:
    """A module that imports in all the ways that this test claims to follow."""
    path = tmp_path / "stage.py"
    path.write_text(WRITTEN, encoding="utf-8")
    return path


def test_every_way_of_importing_is_followed(every_way_of_importing: Path) -> None:
    found = imports(every_way_of_importing, {"model": ["embedder"], "size": ["small"]})
    shared = {"files", "params", "splits", "siblings", "measures", "cards", "bases"}
    room = {"embedder/pairs", "embedder/training", "embedder/inference"}
    assert found == {Path(f"findtune/{name}.py") for name in shared | room}


def test_every_way_of_reading_a_parameter_is_followed(every_way_of_importing: Path) -> None:
    words = known(every_way_of_importing, {"model": ["embedder"], "size": ["small"]})
    reads = calls(every_way_of_importing, "params.read")
    found = [key for node in reads for key in texts(node, words)]
    assert found == ["seed", "base", "embedder.small"]
