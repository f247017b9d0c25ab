"""A rewriter learns its targets by weight, the same way each time, and dev decides what is kept."""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from findtune.core.errors import CollapseError
from findtune.core.files import read_json
from findtune.core.records import read_kind
from findtune.rewriter.model.rewriter import Rewriter, load
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.training.dev_set import DevDetails
from findtune.rewriter.training.fit import build_callback, train
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.fit_result import FitResult

RATES = ("copy_rate", "repetition_rate", "unknown_word_rate", "usable_rate")
HABITS = dict.fromkeys(RATES, 0.0)
LOW, HIGH = [0.0, 0.0, 0.1, 0.0], [1.0, 0.9, 1.0, 1.0]

Fit = Callable[..., FitResult]
Tuned = dict[str, FitResult]
LoadUntrained = Callable[..., Rewriter]


def have_equal_weights(left: Rewriter, right: Rewriter) -> bool:
    weights = (rewriter.model.state_dict().values() for rewriter in (left, right))
    return all(torch.equal(*pair) for pair in zip(*weights, strict=True))


def test_the_heavier_target_is_learned_by_heart(
    kind: str, load_untrained: LoadUntrained, make_recipe: Any
) -> None:
    rewriter = load_untrained(kind, top_k=1)
    recipe = make_recipe(epochs=100, learning_rate=1e-2)
    targets = [
        {"query": "male pupils", "history": [], "target": target, "weight": weight}
        for target, weight in (("boys in class", 0.2), ("rice crop", 0.002))
    ]
    settings = trainer_arguments(recipe, "fp32", 13, progress=False)
    keep_last: dict[str, Any] = {"is_as_good": lambda *_: True, "reported": ()}
    callback = EvalCallback(rewriter.model, partial(DevResult, {}, 0.0), recipe, print, **keep_last)
    train(rewriter, targets, recipe=recipe, callbacks=[callback], settings=settings)
    assert rewriter.rewrites(["male pupils"], 0) == [["boys in class"]]


def test_non_finite_numbers_stop_the_training(kind: str, fit_tiny: Fit) -> None:
    with pytest.raises(CollapseError, match="the loss is not finite"):
        fit_tiny(kind, learning_rate=1e30)
    one_step = {"epochs": 1, "batch_size": 1000, "warmup_ratio": 0}  # no loss shows the weights
    with pytest.raises(CollapseError, match="the weights are no longer finite"):
        fit_tiny(kind, learning_rate=1e39, **one_step)


@pytest.mark.parametrize(
    ("recalls", "groups", "kept_step", "not_as_good"),
    [
        ([LOW, HIGH], "abcd", 1, 0),
        ([HIGH, LOW], "abcd", 0, 1),  # the base competes
        ([LOW, HIGH, LOW, LOW], "abcd", 1, 2),
        ([LOW, HIGH, LOW, HIGH], "abcd", 3, 0),
        ([HIGH, [1.0, 1.0, 0.8, 1.0]], "abcd", 1, 0),  # lower, but within one standard error
        ([HIGH, [1.0, 0.8, 0.9, 1.0]], "abcd", 0, 1),
        ([HIGH, [1.0, 0.8, 0.9, 1.0]], "aaaa", 1, 0),  # one question, asked four times
    ],
)
def test_weights_are_kept_unless_dev_is_sure_that_earlier_ones_were_better(
    recalls: list[Any],
    groups: str,
    kept_step: int,
    not_as_good: int,
    untrained: Rewriter,
    make_recipe: Any,
) -> None:
    results = (
        DevResult(
            {"recall@10": 0.0, **HABITS}, np.mean(recall), DevDetails([[]], np.array(recall), {})
        )
        for recall in recalls
    )
    dev = cast(Any, SimpleNamespace(evaluate=lambda _: next(results), groups=[*groups]))
    recipe = make_recipe()
    base, say = next(results), print
    callback = build_callback(untrained, dev=dev, base=base, recipe=recipe, say=say)
    for step in range(1, len(recalls)):
        callback.evaluate_now(step)
    assert (callback.kept_step, callback.not_as_good) == (kept_step, not_as_good)


def test_history_sweep_and_facts_are_complete_and_weights_have_moved(
    kind: str, tuned: Tuned, untrained: Rewriter
) -> None:
    result = tuned[kind]
    ships_tuned = result.facts["ships"] == "tuned"
    assert have_equal_weights(result.model, untrained) is not ships_tuned
    steps = [row["step"] for row in result.history]
    assert steps == sorted({0, *steps})
    assert len(steps) > 1
    for row in result.history:
        assert {*row} == {"step", "recall@10", *HABITS}
        assert all(0 <= value <= 1 for name, value in row.items() if name != "step")
    names = ("family", "interpolation", "num_rewrites", "original_query_weight", "query_repeats")
    tried = [tuple(row[name] for name in names) for row in result.sweep]
    searched = [*product((1, 2), (1, 2), (0, 1))]
    base, tuned_rows = (
        [(name, a, *row) for a in shares for row in searched]
        for name, shares in (("base", [0]), ("tuned", [0.5, 1]))
    )
    assert tried == [("question", 0, 0, 1, 0), *base, *tuned_rows]
    assert {(row["fb_docs"], row["rank_constant"]) for row in result.sweep} == {(0, 10)}
    facts, settings = result.facts, result.model.settings.model_dump()
    recalls = {"dev_recall_original", "dev_recall_shipped"}
    recalls |= {"oof_recall_question", "oof_recall_base", "oof_recall_tuned", "oof_questions"}
    samples = {"dev_samples", "dev_samples_usable", "dev_samples_unknown_words"}
    names_of_facts = {"precision", "best_step", "interpolation", *settings, *recalls, *samples}
    assert {*facts} == names_of_facts
    assert settings.items() <= facts.items()
    assert facts["best_step"] in steps
    assert facts["interpolation"] in (0, 0.5, 1)
    assert (facts["interpolation"] > 0) == (facts["ships"] == "tuned")
    assert facts["dev_samples_usable"] + facts["dev_samples_unknown_words"] <= facts["dev_samples"]


def test_the_same_seed_saves_the_same_rewriter_and_changes_no_other_file(
    kind: str,
    tuned: Tuned,
    fit_tiny: Fit,
    bases: dict[str, Path],
    rewriter_examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [*bases[kind].iterdir(), *rewriter_examples.iterdir()]
    contents = [path.read_bytes() for path in files]
    monkeypatch.chdir(tmp_path)
    again, before = fit_tiny(kind), tuned[kind]
    assert [path.read_bytes() for path in files] == contents
    assert not [*tmp_path.iterdir()]
    assert (again.history, again.sweep, again.facts) == (before.history, before.sweep, before.facts)
    again.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.settings == before.model.settings
    assert have_equal_weights(loaded, before.model)
    assert not (tmp_path / "prf.json").exists()  # no feedback titles were tried
    base = RewriterSettings(**read_json(tmp_path / "base.json"))
    assert base.ships == "base"
    assert base.num_rewrites > 0


def test_a_killed_training_saves_the_same_rewriter(
    tuned: Tuned, fit_tiny: Fit, train_in_lives: Callable[..., Any]
) -> None:
    again, lines = train_in_lives(partial(fit_tiny, "t5"), steps=8, saved_every=3)
    before = tuned["t5"]
    resumed = [line for line in lines if "going on after step" in line]
    assert resumed[:2] == [f"tuning: going on after step {step}" for step in (6, 12)]
    assert "tuning: trained before, going on after its last step" in lines  # and its folds go on
    assert any(line.startswith("fold-") for line in resumed)
    assert (again.history, again.sweep, again.facts) == (before.history, before.sweep, before.facts)
    assert have_equal_weights(again.model, before.model)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_each_architecture_survives_kills(
    kind: str, precision: str, steps: int, fit_tiny: Fit, train_in_lives: Callable[..., Any]
) -> None:
    # dropout, and orders of epochs that are drawn by the same generator
    train = partial(fit_tiny, kind, precision=precision, epochs=2, eval_steps=0.3)
    undisturbed, (again, _) = train(), train_in_lives(train, steps=steps)
    assert (again.history, again.facts) == (undisturbed.history, undisturbed.facts)
    assert again.sweep == undisturbed.sweep
    assert have_equal_weights(again.model, undisturbed.model)


def always_write(rewrites: list[str]) -> Callable[..., list[list[str]]]:
    return lambda _self, questions, *_: [[*rewrites] for _ in questions]


def test_a_useless_rewriter_stays_at_its_base_and_is_not_used(
    fit_tiny: Fit, load_untrained: LoadUntrained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Rewriter, "sample", always_write(["zebra quagga", "quagga herd"]))
    result = fit_tiny("t5")
    assert result.facts["interpolation"] == result.facts["num_rewrites"] == 0
    assert result.facts["ships"] == "question"
    assert have_equal_weights(result.model, load_untrained("t5"))
    assert result.facts["dev_recall_shipped"] == result.facts["dev_recall_original"]
    assert result.facts["dev_samples_unknown_words"] == result.facts["dev_samples"]  # no zebras
    result.save(tmp_path)
    assert load(tmp_path).settings.ships == "question"
    assert load(tmp_path).rewrites(["how much rice is grown?"], 0) == [[]]


HELPFUL = ["unemployment rate median pay heart lung disease deaths wheat rice harvest"]
HELPFUL += ["school enrolment rent homes rainfall months registered cars"]
# Both are searched; dev is too small to be sure of less.
BOTH: dict[str, Any] = {"num_rewrites": [2], "query_repeats": [0], "train_questions": 0}


def test_rewrites_that_help_without_tuning_ship_with_the_bases_weights(
    fit_tiny: Fit, load_untrained: LoadUntrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rewriter, "sample", always_write(HELPFUL))
    result = fit_tiny("t5", fb_docs=[0, 1], **BOTH)
    assert (result.facts["ships"], result.facts["interpolation"]) == ("base", 0)
    assert have_equal_weights(result.model, load_untrained("t5"))
    assert result.facts["num_rewrites"] > 0
    assert result.facts["dev_recall_shipped"] > result.facts["dev_recall_original"]
    result.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.settings.ships == "base"
    assert loaded.rewrites(["how much rice is grown?"], 0)[0]
    prf = RewriterSettings(**read_json(tmp_path / "prf.json"))
    assert (prf.ships, prf.num_rewrites, prf.fb_docs) == ("titles", 0, 1)


def test_rewrites_that_help_only_after_tuning_ship_with_the_tuned_weights(
    fit_tiny: Fit, load_untrained: LoadUntrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_untrained("t5")

    def write(rewriter: Rewriter, questions: list[str], *_: Any) -> list[list[str]]:
        rewrites = ["zebra"] if have_equal_weights(rewriter, base) else HELPFUL
        return [[*rewrites] for _ in questions]

    monkeypatch.setattr(Rewriter, "sample", write)
    result = fit_tiny("t5", interpolation=[1.0], **BOTH)
    assert result.facts["best_step"] == result.history[-1]["step"]
    assert (result.facts["ships"], result.facts["interpolation"]) == ("tuned", 1)
    assert not have_equal_weights(result.model, base)
    assert result.facts["dev_recall_shipped"] > result.facts["dev_recall_original"]


def test_untuned_families_compete_on_dev_and_on_as_many_questions_of_train(
    fit_tiny: Fit, rewriter_examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rewriter, "sample", always_write(["rice"]))
    dev = len(read_kind(rewriter_examples / "dev.jsonl", "question"))
    for number in (0, 3):
        facts = fit_tiny("t5", train_questions=number, epochs=1).facts
        assert facts["oof_questions"] == dev + number


@pytest.mark.parametrize("retriever", ["dense", "hybrid"])
def test_the_retriever_that_will_search_decides(
    retriever: str, fit_tiny: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rewriter, "sample", always_write(["rice"]))
    result = fit_tiny("t5", retriever=retriever, epochs=1)
    assert result.model.settings.retriever == result.facts["retriever"] == retriever
    by_words = fit_tiny("t5", retriever="bm25", epochs=1)
    assert result.facts["dev_recall_original"] != by_words.facts["dev_recall_original"]
