"""Fitting an embedder loses nothing, gives the same twice, and stops when it goes wrong."""

import hashlib
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer
from transformers import TrainerControl

from findtune.catalog import read_catalog
from findtune.embedder.pairs import Choices, pairs, write_pairs
from findtune.embedder.training import Dev, Fitted, Recipe, Watch, chosen, fit, refuse_collapse
from findtune.encoders import load
from findtune.errors import CollapseError, InputError
from findtune.files import read_jsonl
from findtune.records import read_kind
from findtune.scored_pairs import read_scored_pairs

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
CUT = {"dev": 0.15, "test": 0.25, "fold": 0}
CHOICES = PARAMS["pair"]["embedder"]["small"] | {"variables": CUT, "scored_pairs": CUT}
RECIPE = PARAMS["embedder"]["small"] | {
    "recipe": "joint",
    "epochs": 4,
    "batch_size": 8,
    "learning_rate": 1.0e-3,
    "precision": "fp32",
    "threads": 1,
    "evaluations": 4,
    "patience": 4,
    "interpolation": [0.5, 1.0],
    "guard_tolerance": 1.0,  # what a random encoder says of eight pairs is chance
}


@pytest.fixture(scope="module")
def examples(ten_line_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `pair` makes of the corpus."""
    folder = tmp_path_factory.mktemp("examples")
    texts, _ = read_catalog(ten_line_corpus, longest_cell=1000)
    scored, _ = read_scored_pairs(ten_line_corpus / "finetuning", longest_cell=1000)
    guard, _ = read_scored_pairs(ten_line_corpus / "guard", longest_cell=1000)
    write_pairs(folder, pairs(texts, scored, guard, Choices(**CHOICES)))
    return folder


def fitted(base: Path, examples: Path, seed: int = 13, **changes: Any) -> Fitted:
    recipe = Recipe(**RECIPE | changes)
    return fit({"embedder": base}, examples, recipe, seed, lambda line: None, progress=False)


@pytest.fixture(scope="module")
def tuned(tiny_base: Path, examples: Path) -> Fitted:
    """The tiny base, tuned once."""
    return fitted(tiny_base, examples)


@pytest.fixture(scope="module")
def saved(tuned: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned model's folder, written as `train` does."""
    folder = tmp_path_factory.mktemp("saved")
    tuned.model.save_pretrained(str(folder), create_model_card=False)
    return folder


def fingerprint(model: SentenceTransformer) -> str:
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode() + weight.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def test_fitting_never_lowers_the_score_on_dev(tuned: Fitted) -> None:
    scores = {it["interpolation"]: it["score"] for it in tuned.sweep}
    assert scores[0] == tuned.history[0]["score"]
    assert scores[tuned.facts["interpolation"]] >= scores[0]


def test_fitting_brings_a_variables_texts_together(tuned: Fitted) -> None:
    # an untrained encoder knows nothing, so that even this little training shows
    assert max(it["score"] for it in tuned.sweep) > tuned.history[0]["score"]
    assert tuned.facts["interpolation"] > 0


def test_the_history_tells_of_the_base_and_of_every_evaluation(tuned: Fitted) -> None:
    steps = [it["step"] for it in tuned.history]
    assert steps[0] == 0
    assert steps == sorted(set(steps))
    assert steps[-1] == tuned.facts["steps"]
    assert len(steps) >= 1 + RECIPE["evaluations"]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    tuned: Fitted, tiny_base: Path, examples: Path
) -> None:
    again = fitted(tiny_base, examples)
    assert fingerprint(again.model) == fingerprint(tuned.model)
    assert again.history == tuned.history
    other = fitted(tiny_base, examples, seed=14)
    assert fingerprint(other.model) != fingerprint(tuned.model)


def test_fitting_changes_neither_the_base_nor_the_examples(tiny_base: Path, examples: Path) -> None:
    before = contents(tiny_base) | contents(examples)
    fitted(tiny_base, examples, epochs=1)
    assert contents(tiny_base) | contents(examples) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def scored(score: float, error: float = 0.01) -> dict[str, float]:
    return {**FIRST, "pairs_spearman": 0.0, "score": score, "error": error}


class OfScores:
    """A dev set that says one score after another, and remembers none."""

    def __init__(self, *scores: float) -> None:
        self.scores = iter(scores)

    def judge(self, model: object) -> dict[str, float]:
        return scored(next(self.scores))


def watched(base: Path, *scores: float, patience: int = 2) -> tuple[Watch, TrainerControl]:
    recipe = Recipe(**RECIPE | {"patience": patience})
    dev = cast(Dev, OfScores(*scores))
    watch = Watch(load(base), dev, scored(0.5), recipe, lambda _: None, progress=False)
    control = TrainerControl()
    for step in range(1, len(scores) + 1):
        watch.judge(step, control)
    return watch, control


def test_training_stops_early_where_dev_falls(tiny_base: Path) -> None:
    watch, control = watched(tiny_base, 0.7, 0.68, 0.6)
    assert control.should_training_stop
    assert watch.best_step == 1


def test_a_fall_that_dev_can_not_be_sure_of_stops_nothing(tiny_base: Path) -> None:
    watch, control = watched(tiny_base, 0.7, 0.695, 0.692)
    assert not control.should_training_stop
    assert watch.best_step == 3


def test_small_falls_in_a_row_are_measured_from_the_top(tiny_base: Path) -> None:
    watch, _ = watched(tiny_base, 0.7, 0.695, 0.686)
    assert watch.best_step == 2


def test_weights_that_are_no_longer_numbers_stop_training(tiny_base: Path, examples: Path) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        fitted(tiny_base, examples, learning_rate=1e30)


FIRST = {
    "ndcg@10": 0.5,
    "pairs_spearman": 0.5,
    "guard_spearman": 0.5,
    "random_cosine": 0.1,
    "score": 0.5,
    "error": 0.0,
}


@pytest.mark.parametrize("name", list(FIRST))
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_no_number_is_a_collapse(name: str, value: float) -> None:
    with pytest.raises(CollapseError, match="finite"):
        refuse_collapse(FIRST | {name: value}, FIRST)


def test_random_texts_that_grow_alike_are_a_collapse() -> None:
    refuse_collapse(FIRST | {"random_cosine": 0.29}, FIRST)
    refuse_collapse(FIRST | {"random_cosine": -0.5}, FIRST)
    with pytest.raises(CollapseError, match=r"cosine 0\.31, 0\.21 more"):
        refuse_collapse(FIRST | {"random_cosine": 0.31}, FIRST)


def step(interpolation: float, **changes: float) -> dict[str, float]:
    return {**FIRST, "interpolation": interpolation, **changes}


BASE, GOOD = step(0), step(0.5, score=0.6)


@pytest.mark.parametrize(
    "loses",
    [
        {"guard_spearman": 0.48},
        {"ndcg@10": 0.49},
        {"pairs_spearman": 0.49},
        {"random_cosine": 0.21},
    ],
    ids=["guard", "ranking", "scored pairs", "spread"],
)
def test_a_step_that_loses_something_is_never_chosen(loses: dict[str, float]) -> None:
    bad = step(1, score=0.9, **loses)
    assert chosen([BASE, GOOD, bad], 0.01) == GOOD
    assert chosen([BASE, bad], 0.01) == BASE


def test_the_guard_may_lose_what_is_tolerated_and_no_more() -> None:
    close = step(1, score=0.9, guard_spearman=0.495)
    assert chosen([BASE, close], 0.01) == close
    assert chosen([BASE, close], 0.001) == BASE


def test_of_two_steps_that_are_as_good_the_one_that_learned_more_is_chosen() -> None:
    far = step(1, score=0.59, error=0.02)
    assert chosen([far, BASE, GOOD], 0) == GOOD
    assert chosen([far, BASE, GOOD | {"error": 0.02}], 0) == far


def test_a_step_that_is_no_better_than_the_base_is_not_chosen() -> None:
    assert chosen([step(1), step(0.5), BASE], 0) == BASE
    assert chosen([step(1, score=0.49, error=0.1), BASE], 0) == BASE


def test_the_model_that_is_returned_is_the_step_that_was_chosen(
    tiny_base: Path, examples: Path
) -> None:
    untouched = fitted(tiny_base, examples, learning_rate=1e-12)
    assert untouched.facts["interpolation"] == 0
    assert fingerprint(untouched.model) == fingerprint(SentenceTransformer(str(tiny_base)))


def test_every_step_of_the_sweep_is_judged_at_one_length(
    tiny_base: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    judge = Dev.judge

    def told(self: Dev, model: SentenceTransformer) -> dict[str, float]:
        lengths.append(model.max_seq_length)
        return judge(self, model)

    monkeypatch.setattr(Dev, "judge", told)
    found = fitted(tiny_base, examples, max_length=8, epochs=1, interpolation=[0.5, 0.75, 1.0])
    assert len(lengths) > 3
    assert set(lengths) == {8}
    assert found.model.max_seq_length == 40


def test_dev_searches_others_beside_what_is_asked_for(tiny_base: Path, examples: Path) -> None:
    every = len(read_jsonl(examples / "documents.jsonl"))

    def searched(most: int) -> tuple[set[str], list[str]]:
        dev = Dev(
            SentenceTransformer(str(tiny_base)),
            examples,
            Recipe(**RECIPE | {"dev_documents": most}),
            "fp32",
            progress=False,
        )
        return {dcid for its in dev.relevant for dcid in its}, dev.owners

    for most in (1, 5, 1000):
        asked, owners = searched(most)
        assert asked <= set(owners)
        wanted = sum(owner in asked for owner in owners)
        assert 0 < wanted < every
        assert len(owners) == min(every, max(most, 2 * wanted))


def test_the_saved_model_loads_without_findtune(tuned: Fitted, saved: Path) -> None:
    stock = SentenceTransformer(str(saved), local_files_only=True)
    sentence = "jobless men"
    assert stock.encode(sentence) == pytest.approx(tuned.model.encode(sentence), abs=1e-6)


def test_the_saved_model_reads_as_long_texts_as_the_base(
    tiny_base: Path, examples: Path, tmp_path: Path
) -> None:
    short = fitted(tiny_base, examples, max_length=8, epochs=1)
    short.model.save_pretrained(str(tmp_path), create_model_card=False)
    base, stock = (SentenceTransformer(str(folder)) for folder in (tiny_base, tmp_path))
    assert stock.max_seq_length == base.max_seq_length == 40
    long = "men " * 30
    assert len(stock.preprocess([long])["input_ids"][0]) == 32


def test_the_saved_model_holds_no_training_text(saved: Path, examples: Path) -> None:
    learned = read_kind(examples / "train.jsonl", "positive")
    texts = [it[side].encode() for it in learned for side in ("anchor", "positive")]
    assert texts
    for path, content in contents(saved).items():
        assert not [text for text in texts if text in content], path
    assert not (saved / "README.md").exists()


def test_the_plain_recipe_keeps_its_last_weights(tiny_base: Path, examples: Path) -> None:
    plain = {"recipe": "plain", "patience": 1, "learning_rate": 3e-3}
    often = fitted(tiny_base, examples, **plain, evaluations=8)
    once = fitted(tiny_base, examples, **plain, evaluations=1)
    best = max(often.history, key=lambda it: it["score"])
    assert best["step"] < often.facts["steps"]
    assert fingerprint(often.model) == fingerprint(once.model)
    assert often.facts["interpolation"] == 1
    assert often.sweep == []


def test_less_to_learn_than_a_batch_is_told(tiny_base: Path, examples: Path) -> None:
    with pytest.raises(InputError, match="less than a batch of 1000"):
        fitted(tiny_base, examples, batch_size=1000)


def test_there_may_be_no_scored_pairs_at_all(
    tiny_base: Path, examples: Path, tmp_path: Path
) -> None:
    for path in examples.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if '"kind": "scored"' not in line]
        (tmp_path / path.name).write_text("".join(kept), encoding="utf-8")
    assert fitted(tiny_base, tmp_path, epochs=1).history[-1]["pairs_spearman"] == 0


def test_a_machine_without_bf16_is_told_of(
    tiny_base: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    told: list[str] = []
    recipe = Recipe(**RECIPE | {"precision": "bf16", "epochs": 1})
    found = fit({"embedder": tiny_base}, examples, recipe, 13, told.append, progress=False)
    assert "no bf16" in told[0]
    assert found.facts["precision"] == "fp32"
