"""Questions of train are rewritten by models that learned neither them nor questions of theirs."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from findtune.core.records import Record
from findtune.retrieval.corpus import read_corpus
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.training import fit as training
from findtune.rewriter.training.cross_fitting import StopAt, split_train
from findtune.rewriter.training.dev_set import RewriterDevSet
from findtune.rewriter.training.training_data import all_targets, fold_lexicon, read_train
from findtune.training.fit_result import FitResult

Fit = Callable[..., FitResult]


def make_rows(groups: str, kinds: tuple[str, ...] = ("rewrite",)) -> dict[str, list[Record]]:
    """Return one question of each group, and one target of each kind for every question."""
    rows: dict[str, list[Record]] = {"question": [], "rewrite": [], "identity": [], "title": []}
    for number, group in enumerate(groups):
        record = {"query": f"tea {number}", "history": [], "record": f"a.json:{number}"}
        rows["question"].append({**record, "group": group, "picks": ["a"]})
        for kind in kinds:
            rows[kind].append({**record, "target": kind, "weight": 1.0})
    return rows


def test_no_fold_learns_a_target_of_its_questions_or_of_their_groups() -> None:
    rows = make_rows("aabbccddeeff", ("rewrite", "title"))
    group_of = {question["record"]: question["group"] for question in rows["question"]}
    folds = split_train(rows, 99)
    asked = [[group_of[question["record"]] for question in fold.questions] for fold in folds]
    learned = [[group_of[target["record"]] for target in fold.targets] for fold in folds]
    assert sorted(sum(asked, [])) == sorted(group_of.values())
    for groups, others in zip(asked, learned, strict=True):
        assert {*groups}.isdisjoint(others)
        assert {*groups, *others} == {*"abcdef"}
        assert len(others) == 12  # both targets of each question of three other groups


def test_every_target_is_learned_though_few_questions_are_asked() -> None:
    rows = make_rows("abcdefgh")
    folds = split_train(rows, 3)
    assert sum(len(fold.questions) for fold in folds) == 3
    assert [len(fold.targets) for fold in folds] == [4, 4]


@pytest.mark.parametrize(("groups", "number"), [("aaaa", 99), ("abcd", 0), ("", 99)])
def test_a_fold_without_questions_or_other_targets_is_left_out(groups: str, number: int) -> None:
    assert split_train(make_rows(groups), number) == []


def test_each_fold_starts_from_the_base_and_learns_its_own_targets(
    fit_tiny: Fit, rewriter_examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[torch.Tensor] = []
    learned: list[list[Record]] = []
    train = training.train

    def watch(rewriter: Rewriter, targets: list[Record], **settings: Any) -> int:
        before.append(next(rewriter.model.parameters()).clone())
        learned.append(targets)
        return train(rewriter, targets, **settings)

    monkeypatch.setattr(training, "train", watch)
    fit_tiny("t5", train_questions=99, epochs=1, eval_steps=1.0)
    rows = read_train(rewriter_examples)
    folds = [fold.targets for fold in split_train(rows, 99)]
    assert len(folds) == 2
    assert learned == [all_targets(rows), *folds]
    assert all(torch.equal(*pair) for pair in pairwise(before))


def test_no_fold_rewrites_with_words_that_only_its_own_targets_have(
    fit_tiny: Fit, rewriter_examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[frozenset[str]] = []
    sample = RewriterDevSet.sample_rewrites

    def watch(questions: RewriterDevSet, rewriter: Rewriter) -> object:
        known.append(rewriter.lexicon.vocabulary)
        return sample(questions, rewriter)

    monkeypatch.setattr(RewriterDevSet, "sample_rewrites", watch)
    fitted = fit_tiny("t5", train_questions=99, epochs=1, eval_steps=1.0)
    rows = read_train(rewriter_examples)
    folds = split_train(rows, 99)
    corpus = read_corpus(rewriter_examples / "corpus.jsonl")
    expected = [
        fold_lexicon(rewriter_examples, corpus, rows, fold.targets).vocabulary for fold in folds
    ]
    assert {*known} == {*expected}
    assert all(words <= fitted.model.lexicon.vocabulary for words in known)


@pytest.mark.parametrize(("share", "last"), [(0.5, 4), (0.2, 2), (1.0, 7)])
def test_a_fold_is_trained_as_far_as_the_weights_that_dev_kept(share: float, last: int) -> None:
    arguments, control = TrainingArguments(), TrainerControl()
    steps = []
    for step in range(1, 8):
        steps.append(step)
        StopAt(share).on_step_end(arguments, TrainerState(global_step=step, max_steps=7), control)
        if control.should_training_stop:
            break
    assert steps[-1] == last
