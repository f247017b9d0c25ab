"""Fitting a rewriter learns what it is worth, gives the same twice, and dev has the last word."""

import hashlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch.nn import Linear
from transformers import AutoModelForCausalLM, Seq2SeqTrainingArguments

from findtune import trainers
from findtune.errors import CollapseError
from findtune.files import read_jsonl
from findtune.interpolation import snapshot
from findtune.records import Record, read_kind
from findtune.rewriter.model import IGNORED, Rewriter, Settings, fit_to_search, load, read
from findtune.rewriter.training import (
    LEARNED,
    Dev,
    Draw,
    Fitted,
    Recipe,
    Run,
    Watch,
    as_saved,
    fit,
)
from findtune.search import ByWords, read_pool
from findtune.weighted_loss import Batches, WeightedTrainer

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
DRAWING = PARAMS["rewriter"]["small"]["drawing"] | {
    "prompt": "",
    "candidates": 4,
    "longest_question": 24,
    "longest_rewrite": 10,
}
SETTINGS = DRAWING | {"rewrites": 2, "titles": 0, "constant": 10, "question": 2, "joined": 0}
RECIPE = PARAMS["rewriter"]["small"] | {
    "epochs": 2,
    "learning_rate": 3e-3,
    "best_of": {"epochs": 1, "learning_rate": 1e-3, "kept": 2},
    "batch_size": 8,
    "precision": "fp32",
    "threads": 1,
    "evaluations": 2,
    "patience": 2,
    "interpolation": [0.5, 1.0],
    "counts": [1, 2],
    "titles": [0],
    "constants": [10],
    "questions": [1, 2],
    "joins": [0, 1],
    "draws": 1,
    "drawing": DRAWING,
}
SMOOTHING = 0.1
ADAPTED: dict[str, Any] = {
    "adapter": {"rank": 4, "alpha": 8},
    "epochs": 6,
    "learning_rate": 1e-2,
}
KINDS = ("causal", "t5")
each_kind = pytest.mark.parametrize("kind", KINDS)
Bases = dict[str, Path]


@pytest.fixture(scope="module")
def bases(tiny_causal: Path, tiny_t5: Path) -> Bases:
    """An untrained base of each kind."""
    return {"causal": tiny_causal, "t5": tiny_t5}


def recipe(**changes: Any) -> Recipe:
    return Recipe(**RECIPE | changes)


def fitted(base: Path, pairs: Path, seed: int = 13, **changes: Any) -> Fitted:
    found = recipe(**changes)
    return fit({"rewriter": base}, pairs, found, seed, lambda _: None, progress=False)


@pytest.fixture(scope="module")
def tuned(bases: Bases, rewriter_pairs: Path) -> dict[str, Fitted]:
    """Each base, tuned once: the causal one by an adapter, the other whole."""
    return {
        "causal": fitted(bases["causal"], rewriter_pairs, **ADAPTED),
        "t5": fitted(bases["t5"], rewriter_pairs),
    }


def fresh(base: Path, **changes: Any) -> Rewriter:
    """Return a base as a rewriter."""
    return read(base, Settings(**SETTINGS | changes), frozenset())


def fingerprint(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode() + weight.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def taught(pairs: Path) -> list[Record]:
    return [it for it in read_jsonl(pairs / "train.jsonl") if it["kind"] in LEARNED]


class Blind:
    """A dev set that sees nothing, and likes one set of weights as much as another."""

    alone = np.zeros(4)

    def __init__(self, *recalls: Sequence[float]) -> None:
        self.recalls = iter(map(np.array, recalls))

    def draw(self, _: object) -> tuple[list[Draw], dict[str, float]]:
        return [[]], {"exact_copy": 0.0, "repeat": 0.0, "fit": 0.0}

    def best(self, _: object) -> np.ndarray:
        return next(self.recalls, self.alone)


def run_of(rewriter: Rewriter, seed: int = 13, **changes: Any) -> Run:
    """Return a run whose dev is blind, so that its last weights are kept."""
    found = recipe(**changes)
    watch = Watch(rewriter, cast(Dev, Blind()), found, lambda _: None, progress=False)
    return Run(rewriter, found, "fp32", seed, watch)


# The loss

LESSONS: list[Record] = [
    {"query": "male pupils", "target": "boys", "weight": 1.0},
    {"query": "how much land bears wheat?", "target": "wheat harvest hectares", "weight": 0.25},
    {"query": "rent", "target": "median rent of private homes", "weight": 0.4},
]


def loss_of(
    run: Run, lessons: Sequence[Record], folder: Path, batch: Sequence[int] | None = None
) -> torch.Tensor:
    """Return the loss that the trainer sees of one batch of a course, or of all of it."""
    arguments = Seq2SeqTrainingArguments(
        label_smoothing_factor=SMOOTHING,
        **trainers.arguments(run.recipe, "fp32", 13, progress=False) | {"output_dir": str(folder)},
    )
    model = run.rewriter.model
    trainer = WeightedTrainer(model=model, args=arguments)
    examples = [*run.examples(lessons)]
    some = [examples[at] for at in batch] if batch else examples
    return trainer.compute_loss(model, run.batches()(some))


def plain_loss(rewriter: Rewriter, lesson: Record) -> float:
    """Return the mean smoothed loss a token of one example, all logits at hand, nothing padded."""
    example = rewriter.kind.example(lesson["query"], lesson["target"])
    ids, labels = torch.tensor([example["input_ids"]]), example["labels"]
    if rewriter.model.config.is_encoder_decoder:
        before = torch.tensor([[rewriter.model.config.decoder_start_token_id, *labels[:-1]]])
        scores = rewriter.model(input_ids=ids, decoder_input_ids=before).logits[0]
    else:
        scores = rewriter.model(input_ids=ids).logits[0, :-1]
        labels = labels[1:]
    logs = scores.log_softmax(-1)
    each = [
        (1 - SMOOTHING) * -log[label] + SMOOTHING * -log.mean()
        for log, label in zip(logs, labels, strict=True)
        if label != IGNORED
    ]
    return torch.stack(each).mean().item()


@each_kind
def test_the_loss_is_the_mean_of_the_examples_times_their_weights_whoever_stands_beside(
    bases: Bases, kind: str, tmp_path: Path
) -> None:
    run = run_of(fresh(bases[kind]))
    with torch.no_grad():
        each = [plain_loss(run.rewriter, it) for it in LESSONS]
        weights = np.array([it["weight"] for it in LESSONS]) / 0.55  # a mean of 1 over the course
        for some in ([0], [1], [2], [0, 1], [2, 0], [2, 1, 0]):
            wanted = np.mean([each[at] * weights[at] for at in some])
            found = loss_of(run, LESSONS, tmp_path, some)
            assert found.item() == pytest.approx(wanted, abs=1e-5)
    assert len({round(it, 3) for it in each}) == 3


@each_kind
def test_an_example_of_hardly_any_weight_moves_nothing(
    bases: Bases, kind: str, tmp_path: Path
) -> None:
    gradients = []
    for lessons in (LESSONS[:1], [LESSONS[0], LESSONS[1] | {"weight": 1e-9}], LESSONS[:2]):
        run = run_of(fresh(bases[kind]))
        loss_of(run, lessons, tmp_path).backward()  # type: ignore[no-untyped-call]
        given = [it.grad.flatten() for it in run.rewriter.model.parameters() if it.grad is not None]
        gradients.append(torch.cat(given))
    assert gradients[0] == pytest.approx(gradients[1], abs=1e-5)
    assert gradients[0] != pytest.approx(gradients[2], abs=1e-3)


@pytest.mark.parametrize("left", [True, False])
def test_a_batch_is_padded_on_one_side_and_pads_are_not_learned(left: bool) -> None:
    one = {"input_ids": [5, 6, 7], "labels": [IGNORED, 6, 7], "weight": 0.5}
    two = {"input_ids": [8, 9], "labels": [IGNORED, 9], "weight": 1.0}
    found = Batches(0, left)([one, two])
    assert found["input_ids"].tolist() == [[5, 6, 7], [0, 8, 9] if left else [8, 9, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [0, 1, 1] if left else [1, 1, 0]]
    padded = [IGNORED, IGNORED, 9] if left else [IGNORED, 9, IGNORED]
    assert found["labels"].tolist() == [[IGNORED, 6, 7], padded]
    assert found["weights"].tolist() == [0.5, 1.0]
    assert found["kept"] == (2 if left else 0)


# A course


@each_kind
@pytest.mark.parametrize("adapter", [None, {"rank": 8, "alpha": 16}])
def test_a_rewriter_learns_by_heart_what_it_is_shown_often(
    bases: Bases, kind: str, adapter: dict[str, int] | None
) -> None:
    run = run_of(fresh(bases[kind], likeliest=1), adapter=adapter)
    lesson = {"query": "male pupils", "target": "boys in class", "weight": 0.2}
    run.course([lesson], 100, 1e-2, "by heart")
    assert run.rewriter.rewrites(["male pupils"], 0) == [["boys in class"]]


@each_kind
def test_a_course_lowers_the_loss_of_what_it_teaches(
    bases: Bases, kind: str, rewriter_pairs: Path, tmp_path: Path
) -> None:
    lessons = taught(rewriter_pairs)
    assert {it["kind"] for it in lessons} == {*LEARNED}
    run = run_of(fresh(bases[kind]))
    losses = []
    for _ in range(2):
        with torch.no_grad():
            losses.append(loss_of(run, lessons, tmp_path).item())
        run.course(lessons, 3, 3e-3, "learning")
    assert losses[1] < losses[0] - 0.5


@each_kind
def test_what_weighs_more_is_learned_more(bases: Bases, kind: str, tmp_path: Path) -> None:
    one, two = ({"query": "male pupils", "target": it} for it in ("boys in class", "rice crop"))
    losses = []
    for weight in (0.01, 0.99):
        run = run_of(fresh(bases[kind]))
        run.course([one | {"weight": weight}, two | {"weight": 1 - weight}], 15, 1e-2, "learning")
        with torch.no_grad():
            losses.append(plain_loss(run.rewriter, one))
    assert losses[1] < losses[0] - 1


def test_the_seed_draws_the_order_of_the_examples(bases: Bases, rewriter_pairs: Path) -> None:
    prints = []
    for seed in (1, 1, 2):
        run = run_of(fresh(bases["causal"]), seed)
        run.course(taught(rewriter_pairs)[:20], 1, 1e-3, "learning")
        prints.append(fingerprint(run.rewriter.model))
    assert prints[0] == prints[1] != prints[2]


@each_kind
def test_an_adapter_leaves_plain_names_and_only_what_it_learned(bases: Bases, kind: str) -> None:
    rewriter = fresh(bases[kind])
    layers = {f"{name}.weight" for name, it in rewriter.model.named_modules() if type(it) is Linear}
    before = snapshot(rewriter.model)
    run = run_of(rewriter, adapter={"rank": 4, "alpha": 8})
    for name in ("first", "second"):
        run.course(LESSONS, 2, 1e-2, name)
        after = snapshot(rewriter.model)
        assert set(after) == set(before) == set(run.watch.best_weights)
        assert all(torch.equal(weight, after[it]) for it, weight in run.watch.best_weights.items())
        moved = {it for it, weight in before.items() if not torch.equal(weight, after[it])}
        assert moved == layers - {"lm_head.weight"}
        before = after


@each_kind
def test_a_loss_that_is_no_number_stops_training(
    bases: Bases, kind: str, rewriter_pairs: Path
) -> None:
    with pytest.raises(CollapseError, match="the loss is no number"):
        fitted(bases[kind], rewriter_pairs, learning_rate=1e30)


@each_kind
def test_weights_that_are_no_longer_numbers_stop_training(
    bases: Bases, kind: str, rewriter_pairs: Path
) -> None:
    one_step: dict[str, Any] = {"epochs": 1, "batch_size": 1000, "warmup": 0, "learning_rate": 1e39}
    none = {"epochs": 0, "learning_rate": 1e-3, "kept": 1}
    with pytest.raises(CollapseError, match="no longer finite"):
        fitted(bases[kind], rewriter_pairs, best_of=none, **one_step)


# Fitting


@each_kind
def test_the_history_tells_of_the_base_and_of_every_evaluation(
    tuned: dict[str, Fitted], kind: str
) -> None:
    found = tuned[kind]
    steps = [it["step"] for it in found.history]
    assert steps[0] == 0
    assert steps == sorted(set(steps))
    assert 1 < len(steps) <= 1 + 2 * RECIPE["evaluations"]
    assert {*found.history[0]} == {"step", "recall@10", "exact_copy", "repeat", "fit"}
    assert all(0 <= it[name] <= 1 for it in found.history for name in it if name != "step")
    assert found.facts["best_step"] in steps


@each_kind
def test_the_sweep_tries_every_way_at_every_interpolation(
    tuned: dict[str, Fitted], kind: str
) -> None:
    found = tuned[kind]
    names = ("interpolation", "rewrites", "constant", "question", "joined")
    tried = [tuple(it[name] for name in names) for it in found.sweep]
    steps = [0, 0.5, 1] if found.facts["best_step"] else [0]
    assert tried == [*product(steps, (1, 2), (10,), (1, 2), (0, 1))]
    assert all(0 <= it["recall@10"] <= 1 for it in found.sweep)


@each_kind
def test_the_facts_tell_what_was_decided(tuned: dict[str, Fitted], kind: str) -> None:
    facts = tuned[kind].facts
    dev = {"recall@10 on dev, alone", "recall@10 on dev, fused"}
    assert {*facts} == {"precision", "best_step", "interpolation", *dev, *Settings.model_fields}
    assert all(0 <= facts[name] <= 1 for name in dev)
    assert {name: facts[name] for name in Settings.model_fields} == (
        tuned[kind].model.settings.model_dump()
    )


def test_fitting_moves_the_weights(tuned: dict[str, Fitted], bases: Bases) -> None:
    moved = [kind for kind in KINDS if tuned[kind].facts["interpolation"]]
    for kind in moved:
        assert fingerprint(tuned[kind].model.model) != fingerprint(fresh(bases[kind]).model)
    assert moved


def test_the_same_seed_gives_the_same_rewriter_and_nothing_else_is_written(
    tuned: dict[str, Fitted], bases: Bases, rewriter_pairs: Path, tmp_path: Path
) -> None:
    folders = [*bases.values(), rewriter_pairs]
    before = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        again = {
            "causal": fitted(bases["causal"], rewriter_pairs, **ADAPTED),
            "t5": fitted(bases["t5"], rewriter_pairs),
        }
    for kind, found in again.items():
        assert fingerprint(found.model.model) == fingerprint(tuned[kind].model.model)
        assert (found.history, found.sweep, found.facts) == (
            tuned[kind].history,
            tuned[kind].sweep,
            tuned[kind].facts,
        )
    assert {path: path.read_bytes() for folder in folders for path in folder.iterdir()} == before
    assert not [*tmp_path.iterdir()]


@each_kind
def test_a_saved_rewriter_is_the_fitted_one_and_holds_no_training_text(
    tuned: dict[str, Fitted], rewriter_pairs: Path, kind: str, tmp_path: Path
) -> None:
    tuned[kind].save(tmp_path)
    again = load(tmp_path)
    assert fingerprint(again.model) == fingerprint(tuned[kind].model.model)
    assert again.settings == tuned[kind].model.settings
    texts = {it["query"].encode() for it in read_jsonl(rewriter_pairs / "train.jsonl")}
    assert len(texts) > 20
    for path in tmp_path.iterdir():
        assert not [text for text in texts if text in path.read_bytes()], path


@each_kind
def test_what_was_trained_in_bf16_is_judged_and_saved_in_bf16(
    bases: Bases, rewriter_pairs: Path, kind: str, tmp_path: Path
) -> None:
    ours = fresh(bases[kind])
    half = as_saved(ours, "bf16")
    assert {weight.dtype for weight in ours.model.parameters()} == {torch.float32}
    assert {weight.dtype for weight in half.model.parameters()} == {torch.bfloat16}
    half.save(tmp_path)
    again = load(tmp_path)
    assert {weight.dtype for weight in again.model.parameters()} == {torch.bfloat16}
    dev = read_kind(rewriter_pairs / "dev.jsonl", "question")
    pool = ByWords(read_pool(rewriter_pairs / "pool.jsonl"))
    [judged], _ = Dev(dev, pool, recipe(), "bf16", 13).draw(ours)
    rewrites = again.candidates([it["query"] for it in dev], 13)
    assert judged == [
        fit_to_search(it["query"], its, frozenset()) for it, its in zip(dev, rewrites, strict=True)
    ]
    assert as_saved(ours, "fp32") is ours


def test_what_an_adapter_learned_is_drawn_from_again_once_it_is_merged(bases: Bases) -> None:
    # merging rounds, so that dev would else decide by what the saved model does not write

    class Counting(Blind):
        """A dev set that knows how often it was drawn from."""

        draws = 0

        def draw(self, rewriter: object) -> tuple[list[Draw], dict[str, float]]:
            self.draws += 1
            return [[[f"draw {self.draws}"]]], super().draw(rewriter)[1]

    drawn = []
    for adapter in (None, {"rank": 4, "alpha": 8}):
        rewriter, found, dev = fresh(bases["causal"]), recipe(adapter=adapter), Counting()
        watch = Watch(rewriter, cast(Dev, dev), found, lambda _: None, progress=False)
        Run(rewriter, found, "fp32", 13, watch).course(LESSONS, 1, 1e-3, "learning")
        assert watch.best_drawn == [[[f"draw {dev.draws}"]]]
        drawn.append(dev.draws)
    assert drawn[1] == drawn[0] + 1


def test_what_an_adapter_learned_is_merged_into_a_stock_model(bases: Bases, tmp_path: Path) -> None:
    run = run_of(fresh(bases["causal"]), adapter={"rank": 4, "alpha": 8})
    run.course(LESSONS, 3, 1e-2, "learning")
    run.rewriter.save(tmp_path)
    stock = AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    assert fingerprint(stock) == fingerprint(run.rewriter.model)
    assert fingerprint(stock) != fingerprint(fresh(bases["causal"]).model)
    stored = load_file(tmp_path / "model.safetensors")
    assert not [name for name in stored if "lora" in name or "base_layer" in name]
    assert "peft" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    assert not (tmp_path / "adapter_config.json").exists()


def test_the_second_course_may_be_left_out(bases: Bases, rewriter_pairs: Path) -> None:
    told: list[str] = []
    none = recipe(best_of={"epochs": 0, "learning_rate": 1e-3, "kept": 2})
    fit({"rewriter": bases["t5"]}, rewriter_pairs, none, 13, told.append, progress=False)
    assert not [line for line in told if "its own" in line or "drawing" in line]
