"""Makes int8 copies of one model, judges them on test, and keeps them if they lose little."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from findtune.core.files import atomic_folder, write_json
from findtune.core.manifest import write_manifest
from findtune.core.records import Record
from findtune.reranker.model.blending import read_weights
from findtune.reranker.model.cross_encoder import load as load_cross_encoder
from findtune.retrieval.encoder import load_encoder
from findtune.stack.int8.exports import network_hash
from findtune.stack.int8.judge import judge_embedder, judge_reranker, refuse_loss
from findtune.stack.int8.network import Model
from findtune.stack.int8.parts import embedder_folders, reranker_folders
from findtune.stack.int8.quantize import write_int8

Say = Callable[[str], None]
Paths = Mapping[str, Path]  # name of a copy -> ONNX file
Results = dict[str, Record]  # kind of question -> measures, see int8.judge
# name of a judged model -> a function that judges it
Judges = Mapping[str, Callable[[Paths], Results]]


def export_embedder(
    base: Path, tuned: Path, target: Path, examples: Path, *, seed: int, max_loss: float, say: Say
) -> Record:
    """Write the copies of an embedder and of its base to a folder; return measures and sizes.

    examples: the folder with test.jsonl. Raises InputError, and writes nothing, when a copy loses
    more than max_loss of nDCG@10.
    """
    folders = embedder_folders(base, tuned)
    judges = {
        name: partial(judge_one_embedder, folder, name, examples, seed)
        for name, folder in folders.items()
    }
    return export(folders, judges, target, max_loss, say)


def judge_one_embedder(
    folder: Path, name: str, examples: Path, seed: int, copies: Paths
) -> Results:
    """Return the measures of an embedder and of its copy."""
    return judge_embedder(folder, copies[name], examples, seed)


def export_reranker(
    folder: Path, target: Path, examples: Path, *, seed: int, max_loss: float, say: Say
) -> Record:
    """Write the copies of a reranker's networks; return and raise as `export_embedder` does."""

    def judge(copies: Paths) -> Results:
        return judge_reranker(folder, copies, examples, seed)

    return export(reranker_folders(folder), {"tuned": judge}, target, max_loss, say)


def export(folders: Paths, judges: Judges, target: Path, max_loss: float, say: Say) -> Record:
    """Write the copies of some networks to a folder; return the judges' measures, and sizes.

    folders: name of a copy -> the folder of its model.
    """
    measures: Record = {}
    with atomic_folder(target) as part:
        copies = {name: part / f"{name}.onnx" for name in folders}
        for name, folder in folders.items():
            say(f"quantizing {name}")
            write_int8(load_network(name, folder), copies[name])
        for name, judge in judges.items():
            say(f"judging {name} in fp32 and in int8")
            measures[name] = judge(copies)
            refuse_loss(f"the {name} {target.parent.name}", measures[name], max_loss)
        write_json(
            part / "export.json",
            {name: network_hash(folder) for name, folder in folders.items()},
        )
        write_manifest(part)
        return {**measures, "bytes": sizes(folders, copies)}


def load_network(name: str, folder: Path) -> Model:
    """Return the model whose network is copied under that name."""
    if name != "cross_encoder":
        return load_encoder(folder)
    return load_cross_encoder(folder, read_weights(folder / "weights.json").max_length)


def sizes(folders: Paths, copies: Paths) -> Record:
    """Return the bytes of each network: name of a copy -> fp32 and int8."""
    return {
        name: {
            "fp32": (folder / "model.safetensors").stat().st_size,
            "int8": copies[name].stat().st_size,
        }
        for name, folder in folders.items()
    }
