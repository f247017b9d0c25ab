"""Fitting a reranker learns the picks, gives the same twice, and stops when it goes wrong."""

import hashlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import exp, log, log2
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from test_jina import tensors, write_official
from transformers import TrainerControl, TrainerState, TrainingArguments

from findtune import feedback, jina, judgments, list_losses
from findtune.encoders import load as load_encoder
from findtune.errors import CollapseError
from findtune.files import read_jsonl
from findtune.interpolation import snapshot
from findtune.list_losses import (
    Distilling,
    ListLoss,
    Picking,
    bce_loss,
    lambda_loss,
    softmax_loss,
)
from findtune.records import Record, read_kind
from findtune.reranker import model as rankers
from findtune.reranker import training
from findtune.reranker.model import SIGNALS, Weights, blended, cross_encoder, logits, relevance
from findtune.reranker.pairs import Choices, write
from findtune.reranker.training import (
    START,
    Course,
    Dev,
    Fitted,
    Recipe,
    Run,
    Watch,
    calibrated,
    decided,
    fit,
    priors,
    refuse_collapse,
    retriever_weights,
    shared,
)
from findtune.sources import Limits

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
CHOICES = PARAMS["pair"]["reranker"]["small"] | {
    "lists": {"dev": 0.2, "test": 0.3, "fold": 0},
    "titles": {"lists": 4, "neighbours": 2},
}
RECIPE = PARAMS["reranker"]["small"] | {
    "loss": "softmax",
    "distil": {"epochs": 2, "learning_rate": 3e-3},
    "tune": {"epochs": 2, "learning_rate": 1e-2},
    "lists_per_batch": 4,
    "max_length": 40,
    "precision": "fp32",
    "threads": 1,
    "evaluations": 2,
    "patience": 2,
    "interpolation": [0.5, 1.0],
    "shares": [0.25, 0.75, 1.0],
}
COLLAPSED = {"epochs": 1, "learning_rate": 1e30}


def made(training_data: Path, out: Path) -> Path:
    """Return the folder that `ingest` and `pair` make of users' feedback."""
    data = Path("data")
    limits = Limits(longest_text=1000, most_sources=50, max_rejected=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)  # a record tells its file, which is not to hang on where this runs
        shutil.copytree(training_data, data / "training_data")
        feedback.write_clean(kind="reranker", data=data, limits=limits, bar=unseen)
        judgments.write_clean(kind="judgments", data=data, limits=limits, bar=unseen)
        write(data / "clean" / "reranker", Path("pairs"), Choices(**CHOICES))
    return out / "pairs"


def unseen(_: int) -> AbstractContextManager[Any]:
    """Return a progress bar that nobody looks at."""
    return nullcontext(SimpleNamespace(update=lambda size: None))


def fitted(bases: dict[str, Path], examples: Path, seed: int = 13, **changes: Any) -> Fitted:
    recipe = Recipe(**RECIPE | changes)
    return fit(bases, examples, recipe, seed, lambda _: None, progress=False)


@pytest.fixture(scope="module")
def examples(forty_lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pairs."""
    return made(forty_lists, tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def bases(tiny_base: Path) -> dict[str, Path]:
    """An untrained encoder, to be the retriever and what the cross-encoder starts from."""
    return {"embedder": tiny_base, "reranker": tiny_base}


@pytest.fixture(scope="module")
def tuned(bases: dict[str, Path], examples: Path) -> Fitted:
    """The tiny base, tuned once."""
    return fitted(bases, examples)


@pytest.fixture(scope="module")
def saved(tuned: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned ranker's folder, written as `train` does."""
    folder = tmp_path_factory.mktemp("saved")
    tuned.save(folder)
    return folder


@pytest.fixture(scope="module")
def native_jina(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JinaBERT of chance, which has a head."""
    folder = tmp_path_factory.mktemp("jina")
    official = write_official(folder / "official", tensors())
    jina.native(official, folder / "ours", slopes="halved")
    return folder / "ours"


def fingerprint(state: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, weight in sorted(state.items()):
        digest.update(name.encode() + weight.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# The losses, one number at a time

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
LOSSES: list[Loss] = [softmax_loss, lambda_loss, bce_loss]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=["softmax", "lambda", "bce"])


def lost(
    loss: Loss, scores: list[float], gains: list[float], weights: list[float] | None = None
) -> float:
    counted = weights or [1.0] * len(scores)
    return loss(*(torch.tensor(its).float() for its in (scores, gains, counted))).item()


def gradient(loss: Loss, scores: list[float], gains: list[float], weights: list[float]) -> Any:
    at = torch.tensor(scores).float().requires_grad_()
    loss(at, torch.tensor(gains).float(), torch.tensor(weights).float()).backward()
    assert at.grad is not None
    return at.grad


def softplus(x: float) -> float:
    return log(1 + exp(x))


def test_the_softmax_loss_is_a_cross_entropy_in_which_a_weight_counts_sources() -> None:
    total = exp(2) + 0.5 * exp(1) + exp(-1)
    found = lost(softmax_loss, [2, 1, -1], [3, 0, 1], [1, 0.5, 1])
    assert found == pytest.approx(-0.75 * log(exp(2) / total) - 0.25 * log(exp(-1) / total))
    twice = lost(softmax_loss, [2, 1, 1], [1, 0, 0])
    assert lost(softmax_loss, [2, 1], [1, 0], [1, 2]) == pytest.approx(twice)


def test_the_lambda_loss_is_logistic_by_what_a_swap_would_cost() -> None:
    # ranked: the second, the pick, the third
    found = lost(lambda_loss, [0.5, 1.0, -1.0], [1, 0, 0], [1, 1, 0.5])
    up, down = abs(1 / log2(3) - 1), abs(1 / log2(3) - 1 / log2(4))
    assert found == pytest.approx(up * softplus(0.5) + 0.5 * down * softplus(-1.5))


def test_the_lambda_loss_orders_the_picks_among_each_other() -> None:
    found = lost(lambda_loss, [1.0, 2.0], [2, 1])
    ideal = 3 + 1 / log2(3)
    assert found == pytest.approx((3 - 1) * (1 - 1 / log2(3)) / ideal * softplus(1))
    assert lost(lambda_loss, [1.0, 2.0], [1, 1]) == 0


def test_the_binary_loss_counts_the_pick_as_much_as_the_rest() -> None:
    found = lost(bce_loss, [2, 1, -1], [3, 0, 0], [1, 1, 0.5])
    each = [1.5 * softplus(-2), 1 * softplus(1), 0.5 * softplus(-1)]
    assert found == pytest.approx(sum(each) / 3)
    # the second pick is wanted at a third
    third = softplus(1) - 1 / 3
    assert lost(bce_loss, [1, 0], [1, 3]) == pytest.approx((third + log(2)) / 2)


@each_loss
def test_a_loss_is_lower_the_higher_the_pick_stands(loss: Loss) -> None:
    gains = [[3.0, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 3.0, 0], [0, 0, 0, 3.0]]
    losses = [lost(loss, [2, 1, 0, -1], its) for its in gains]
    assert losses == sorted(losses)
    assert len(set(losses)) == 4
    order = [[3.0, 2, 0, 0], [2, 3.0, 0, 0], [0, 0, 2, 3.0]]
    losses = [lost(loss, [2, 1, 0, -1], its) for its in order]
    assert losses == sorted(losses)


@each_loss
@settings(max_examples=50, deadline=None)
@given(scores=st.lists(st.floats(-9, 9), min_size=2, max_size=6), pick=st.integers(0, 5))
def test_a_step_against_the_gradient_lifts_the_pick_and_nothing_else(
    loss: Loss, scores: list[float], pick: int
) -> None:
    gains = [3.0 if at == pick % len(scores) else 0.0 for at in range(len(scores))]
    found = gradient(loss, scores, gains, [1.0] * len(scores))
    assert found[pick % len(scores)] <= 0
    assert all(found[at] >= 0 for at, gain in enumerate(gains) if not gain)
    assert found.abs().max() > 0


@each_loss
def test_a_negative_of_weight_0_counts_nothing(loss: Loss) -> None:
    without = lost(loss, [1.0, 0.5], [2, 0], [1, 1])
    assert lost(loss, [1.0, 0.5, -2.0], [2, 0, 0], [1, 1, 0]) == pytest.approx(without)
    found = gradient(loss, [1.0, 0.5, 30.0], [2, 0, 0], [1, 1, 0])
    assert found[2] == 0
    assert found.isfinite().all()


@pytest.mark.parametrize("loss", [softmax_loss, bce_loss])
def test_a_negative_of_weight_0_counts_nothing_wherever_it_stands(loss: Loss) -> None:
    without = lost(loss, [1.0, 0.5], [2, 0], [1, 1])
    for high in (-90.0, 0.7, 90.0):
        assert lost(loss, [1.0, 0.5, high], [2, 0, 0], [1, 1, 0]) == pytest.approx(without)


@each_loss
@pytest.mark.parametrize("size", [1e2, 1e4, 1e10])
@pytest.mark.parametrize("signs", [[1, -1, 1], [-1, 1, 1], [-1, -1, -1], [0, 0, 0]])
def test_an_extreme_score_gives_a_finite_loss(loss: Loss, size: float, signs: list[int]) -> None:
    scores, gains, weights = [size * sign for sign in signs], [3.0, 0, 2], [1.0, 0.5, 1]
    assert np.isfinite(lost(loss, scores, gains, weights))
    assert gradient(loss, scores, gains, weights).isfinite().all()


@each_loss
def test_a_loss_does_not_hang_on_the_order_of_the_sources(loss: Loss) -> None:
    scores, gains, weights = [0.3, -1.0, 2.0, 0.1], [2.0, 0, 0, 3], [1.0, 0.5, 1, 1]
    order = [2, 0, 3, 1]
    turned = [[its[at] for at in order] for its in (scores, gains, weights)]
    assert lost(loss, *turned) == pytest.approx(lost(loss, scores, gains, weights))


FINITE = st.lists(st.floats(-5, 5), min_size=2, max_size=5)


@settings(max_examples=50, deadline=None)
@given(teacher=FINITE, away=st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_distilling_is_lowest_where_the_student_says_what_the_teacher_does(
    teacher: list[float], away: list[float]
) -> None:
    loss = Distilling(cast(CrossEncoder, None))
    wanted = torch.tensor([[score, 1.0] for score in teacher], dtype=torch.float64)
    student = wanted[:, 0] + torch.tensor(away[: len(teacher)], dtype=torch.float64)
    best = loss.of_list(wanted[:, 0], wanted)
    assert loss.of_list(student, wanted) >= best - 1e-9
    # a softmax sees differences only
    assert loss.of_list(wanted[:, 0] + 7, wanted).item() == pytest.approx(best.item())
    at = wanted[:, 0].clone().requires_grad_()
    loss.of_list(at, wanted).backward()
    assert at.grad is not None
    assert at.grad.abs().max() < 1e-6


# Lists in a batch


@pytest.fixture(scope="module")
def student(tiny_base: Path) -> CrossEncoder:
    """A cross-encoder of chance, that drops nothing out."""
    return cross_encoder(tiny_base, 40, seed=1).eval()


def test_scores_come_in_the_order_of_the_pairs_whatever_their_length(
    student: CrossEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_losses, "PAIRS_AT_ONCE", 3)
    texts = ["rice crop " * times for times in (9, 1, 4, 2, 2, 7, 1, 12)]
    pairs = [("men " * (at % 3 + 1), text) for at, text in enumerate(texts)]
    with torch.no_grad():
        found = ListLoss(student).scores(pairs)
    alone = [
        logits(student, [{"query": query, "sources": [{"text": text}]}])[0].item()
        for query, text in pairs
    ]
    assert found.tolist() == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) > 5


def test_the_loss_of_a_batch_is_the_mean_of_its_lists(student: CrossEncoder) -> None:
    queries = ["jobless men", "rice"]
    documents = [["Men without work.", "rain", "a fat wheat harvest"], ["rice crop", "rent"]]
    labels = [torch.tensor([[3.0, 1], [0, 1], [0, 0.5]]), torch.tensor([[0.0, 1], [3, 1]])]
    with torch.no_grad():
        for name, loss in zip(("softmax", "lambda", "bce"), LOSSES, strict=True):
            found = Picking(student, name)((queries, documents), labels)
            each = []
            for query, texts, label in zip(queries, documents, labels, strict=True):
                [scores] = logits(student, [{"query": query, "sources": texts_of(texts)}])
                each.append(loss(torch.tensor(scores), label[:, 0], label[:, 1]))
            assert found.item() == pytest.approx(sum(each).item() / 2, abs=1e-5)


def texts_of(texts: list[str]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


# What the retriever is worth


def listed(*gains: float) -> Record:
    return {"sources": [{"gain": gain} for gain in gains]}


def told(retriever: list[float], company: list[float]) -> np.ndarray:
    """Return the retriever's signals of one list; of titles it says nothing."""
    return np.array([retriever, company, [0.0] * len(company)]).T


def test_a_signal_that_tells_the_picks_counts_and_one_that_does_not_counts_nothing() -> None:
    lists = [listed(3, 0, 0), listed(0, 3, 0)]
    near = [told([0.9, 0.2, 0.1], [0.1, 0.5, 0.9]), told([0.2, 0.8, 0.3], [0.8, 0.1, 0.3])]
    found = retriever_weights(lists, near, 0.3)
    assert found.retriever > 5
    assert found.company == 0
    assert (found.cross_encoder, found.sharpness) == (0, 0.3)
    assert np.isfinite([found.retriever, found.company, found.title_company]).all()


def test_the_retriever_is_weighed_by_what_users_were_shown(examples: Path) -> None:
    lists = read_kind(examples / "train.jsonl", "list")
    whys = {source["why"] for it in lists for source in it["sources"]}
    left = {source["why"] for it in training.shown(lists) for source in it["sources"]}
    assert whys - left == {"drawn at random"}
    assert [it["picks"] for it in training.shown(lists)] == [it["picks"] for it in lists]


def test_each_group_of_lists_gets_its_own_signals(tiny_base: Path, examples: Path) -> None:
    encoder = load_encoder(tiny_base)
    groups = {name: read_kind(examples / "train.jsonl", name) for name in ("list", "title")}
    groups |= {"none": [], "dev": read_kind(examples / "dev.jsonl", "list")}
    found = training.grouped(encoder, groups, 0.2, progress=False)
    assert groups["title"]
    for name, lists in groups.items():
        wanted = rankers.signals(encoder, lists, 0.2)
        for one, two in zip(found[name], wanted, strict=True):
            assert one == pytest.approx(two, abs=1e-5)


def test_the_weights_of_the_signals_are_the_likeliest_ones() -> None:
    rng = np.random.default_rng(1)
    near = [rng.normal(size=(6, len(SIGNALS))) for _ in range(800)]
    true = np.array([2.0, 0.5, 1.0])
    lists = []
    for its in near:
        chances = np.exp(its @ true) / np.exp(its @ true).sum()
        pick = rng.choice(6, p=chances)
        lists.append(listed(*(3.0 * (at == pick) for at in range(6))))
    found = retriever_weights(lists, near, 0.2)
    assert [getattr(found, name) for name in SIGNALS] == pytest.approx(true, abs=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_of_the_signals_do_not_hang_on_the_order_of_the_lists(seed: int) -> None:
    # as little as on the last bit of a sum, which differs from processor to processor
    rng = np.random.default_rng(seed)
    near = [rng.normal(size=(12, len(SIGNALS))) for _ in range(50)]
    lists = [listed(3, *[0.0] * 11) for _ in near]
    order = rng.permutation(len(near))
    one = retriever_weights(lists, near, 0.2)
    assert one == retriever_weights(lists, [near[at] for at in order], 0.2)
    assert any(getattr(one, name) for name in SIGNALS)


def test_share_0_is_the_retriever_and_share_1_the_cross_encoder() -> None:
    rng = np.random.default_rng(1)
    read, near = [rng.normal(size=4)], [rng.normal(size=(4, len(SIGNALS)))]
    weights = START.model_copy(update={"retriever": 9.0, "company": 4.0, "title_company": 2.0})
    [none], [half], [whole] = (blended(read, near, shared(weights, at)) for at in (0, 0.5, 1))
    assert none == pytest.approx(near[0] @ [9, 4, 2])
    assert none == pytest.approx(priors(near, shared(weights, 0))[0])
    assert whole == pytest.approx(read[0])
    assert half == pytest.approx((none + whole) / 2)


# Relevance


def drawn(
    temperature: float, threshold: float, scale: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return scores of many lists, and picks that are as likely as a sigmoid tells."""
    rng = np.random.default_rng(2)
    scores = [rng.normal(threshold, scale, size=10) for _ in range(400)]
    chances = [1 / (1 + np.exp((threshold - its) / temperature)) for its in scores]
    return scores, [(rng.random(10) < its).astype(int) for its in chances]


@pytest.mark.parametrize(
    ("temperature", "threshold", "scale"),
    [(0.7, 1.3, 2), (2, -3, 4), (0.02, 0.5, 0.05), (9, 90, 20)],
)
def test_calibrating_finds_the_temperature_and_the_threshold_that_made_the_picks(
    temperature: float, threshold: float, scale: float
) -> None:
    found = calibrated(*drawn(temperature, threshold, scale))
    assert found["temperature"] == pytest.approx(temperature, rel=0.1)
    assert found["threshold"] == pytest.approx(threshold, abs=0.2 * temperature)


PICKS = {
    "told apart": lambda its: its > 0.5,
    "told apart the other way": lambda its: its < 0.5,
    "none picked": lambda its: its > 99,
    "all picked": lambda its: its < 99,
    "one picked": lambda its: its == its.max(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pick", PICKS.values(), ids=PICKS)
@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_calibrating_never_reorders_and_keeps_scores_apart(
    pick: Callable[[np.ndarray], np.ndarray], scale: float
) -> None:
    rng = np.random.default_rng(3)
    scores = [rng.normal(size=8) for _ in range(12)]
    found = calibrated([its * scale for its in scores], [pick(its).astype(int) for its in scores])
    weights = Weights(**START.model_dump() | found)
    every = np.sort(np.concatenate(scores) * scale)
    told = relevance(every, weights)
    assert np.isfinite(told).all()
    assert (np.diff(told) >= 0).all()
    if pick is not PICKS["told apart the other way"]:
        assert (np.diff(told) > 0).all()


def test_scores_that_are_all_the_same_are_as_relevant_as_often_they_are_picked() -> None:
    scores, gains = [np.ones(10)] * 50, [np.array([1, 1] + [0] * 8)] * 50
    weights = Weights(**START.model_dump() | calibrated(scores, gains))
    assert relevance(scores[0], weights) == pytest.approx([0.2] * 10, abs=0.01)


# Collapse


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_a_collapse(bad: float) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        refuse_collapse([np.array([0.1, 0.2]), np.array([0.1, bad])])


def test_lists_whose_sources_all_score_the_same_are_a_collapse() -> None:
    apart, same = np.array([0.1, 0.3]), np.array([0.7, 0.7 + 1e-6])
    refuse_collapse([apart, same, apart])
    with pytest.raises(CollapseError, match=r"differ by 5e-07 in score"):
        refuse_collapse([same, apart, same])


class OfScores:
    """A dev set that says one score after another."""

    def __init__(self, *scores: float) -> None:
        self.scores = iter(scores)

    def read(self, model: object) -> list[np.ndarray]:
        return [np.arange(3.0)]

    def judge(self, read: object, weights: object) -> dict[str, float]:
        return {"ndcg@10": next(self.scores)}


def watched(model: CrossEncoder, *scores: float) -> tuple[Watch, list[bool]]:
    """Return a watch that saw the scores, the first of them the base's, and where it stopped."""
    recipe = Recipe(**RECIPE | {"evaluations": len(scores) - 1, "patience": 2})
    watch = Watch(model, cast(Dev, OfScores(*scores)), recipe, lambda _: None, progress=False)
    watch.begin()
    stopped, arguments = [], cast(TrainingArguments, None)
    for step in range(1, len(scores)):
        control = TrainerControl()
        watch.on_step_end(
            arguments, TrainerState(global_step=step, max_steps=len(scores) - 1), control
        )
        stopped.append(control.should_training_stop)
    return watch, stopped


def test_training_stops_where_dev_gets_no_better(student: CrossEncoder) -> None:
    watch, stopped = watched(student, 0.5, 0.7, 0.6, 0.7)
    assert stopped == [False, False, True]
    assert (watch.best_step, watch.best) == (1, 0.7)
    assert [it["step"] for it in watch.history] == [0, 1, 2, 3]


def test_a_better_score_gives_new_patience(student: CrossEncoder) -> None:
    watch, stopped = watched(student, 0.5, 0.4, 0.6, 0.5, 0.7)
    assert not any(stopped)
    assert watch.best_step == 4


def test_a_base_that_nothing_beats_stays_the_best(student: CrossEncoder) -> None:
    watch, stopped = watched(student, 0.5, 0.5, 0.4)
    assert watch.best_step == 0
    assert stopped == [False, True]


@pytest.mark.parametrize("course", ["distil", "tune"])
def test_weights_that_are_no_longer_numbers_stop_training(
    bases: dict[str, Path], examples: Path, course: str
) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        fitted(bases, examples, **{course: COLLAPSED})


def test_a_base_that_says_the_same_of_all_is_a_collapse(
    bases: dict[str, Path], examples: Path, student: CrossEncoder, tmp_path: Path
) -> None:
    mute = cross_encoder(bases["reranker"], 40, seed=1)
    torch.nn.init.zeros_(cast(Any, mute.model).classifier.weight)
    mute.save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(CollapseError, match="says the same of all"):
        fitted({**bases, "reranker": tmp_path}, examples)


# Fitting


def test_the_history_tells_of_the_base_and_of_every_evaluation(tuned: Fitted) -> None:
    steps = [it["step"] for it in tuned.history]
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert len(steps) == 1 + RECIPE["evaluations"]
    assert {*tuned.history[0]} == {"step", "ndcg@3", "ndcg@10", "mrr@10", "map"}
    assert all(0 <= it[name] <= 1 for it in tuned.history for name in it if name != "step")
    assert tuned.facts["best_step"] in steps


def test_the_sweep_tries_every_share_of_the_base_and_of_what_was_better(tuned: Fitted) -> None:
    tried = [(it["interpolation"], it["share"]) for it in tuned.sweep]
    better = [0, 0.5, 1] if tuned.facts["best_step"] else [0]
    assert tried == [(a, share) for a in better for share in (0.25, 0.75, 1)]
    [base] = [it for it in tuned.sweep if (it["interpolation"], it["share"]) == (0, 1)]
    assert all(base[name] == tuned.history[0][name] for name in ("ndcg@3", "ndcg@10", "map"))


def headed(base: Path, size: float) -> CrossEncoder:
    """Return a cross-encoder of chance with a head as large, or turned around."""
    model = cross_encoder(base, 40, seed=1)
    with torch.no_grad():
        cast(Any, model.model).classifier.weight *= size
    return model


class Tried(NamedTuple):
    """What dev decided between two heads: one ranks as the other does from below."""

    found: Fitted
    first: dict[str, torch.Tensor]
    last: dict[str, torch.Tensor]


def tried(tiny_base: Path, examples: Path, *, better: bool) -> Tried:
    """Let dev decide about a training that made the ranking better, or worse."""
    lists = read_kind(examples / "dev.jsonl", "list")
    near = [np.zeros((len(it["sources"]), len(SIGNALS))) for it in lists]
    dev, recipe = Dev(lists, near, "fp32"), Recipe(**RECIPE)
    heads = [headed(tiny_base, size) for size in (100, -100)]
    heads.sort(key=lambda it: dev.judge(dev.read(it), START)["ndcg@10"], reverse=not better)
    first, last = (snapshot(it) for it in heads)
    model = headed(tiny_base, 1)
    watch = Watch(model, dev, recipe, lambda _: None, progress=False)
    model.load_state_dict(first)
    watch.begin()
    model.load_state_dict(last)
    watch.judge(7)
    encoder = load_encoder(tiny_base)
    return Tried(decided(model, encoder, START, first, watch, recipe, "fp32"), first, last)


def test_where_tuning_helps_dev_goes_all_the_way(tiny_base: Path, examples: Path) -> None:
    found, first, last = tried(tiny_base, examples, better=True)
    tests = [(it["interpolation"], it["share"]) for it in found.sweep]
    assert tests == [(a, share) for a in (0, 0.5, 1) for share in (0.25, 0.75, 1)]
    assert (found.facts["best_step"], found.facts["interpolation"]) == (7, 1)
    assert fingerprint(found.model.cross_encoder.state_dict()) == fingerprint(last)
    assert fingerprint(found.base) == fingerprint(first)


def test_where_tuning_does_not_help_dev_stays_at_the_base(tiny_base: Path, examples: Path) -> None:
    found, first, _ = tried(tiny_base, examples, better=False)
    tests = [(it["interpolation"], it["share"]) for it in found.sweep]
    assert tests == [(0, share) for share in (0.25, 0.75, 1)]
    assert (found.facts["best_step"], found.facts["interpolation"]) == (0, 0)
    assert fingerprint(found.model.cross_encoder.state_dict()) == fingerprint(first)


def test_the_tuned_weights_and_those_of_the_base_are_saved_apart(
    tiny_base: Path, examples: Path, tmp_path: Path
) -> None:
    found, first, last = tried(tiny_base, examples, better=True)
    found.save(tmp_path)
    assert fingerprint(found.model.cross_encoder.state_dict()) == fingerprint(last)
    for folder, wanted in ((tmp_path, last), (tmp_path / "base", first)):
        stored = cross_encoder(folder, 40, seed=0).state_dict()
        assert fingerprint(stored) == fingerprint(wanted)


def test_the_ranker_is_the_one_that_dev_likes_best(tuned: Fitted, examples: Path) -> None:
    best = max(it["ndcg@10"] for it in tuned.sweep)
    chosen = (tuned.facts["interpolation"], tuned.facts["share of the cross-encoder"])
    [row] = [it for it in tuned.sweep if (it["interpolation"], it["share"]) == chosen]
    assert row["ndcg@10"] == best
    assert tuned.model.weights.cross_encoder == chosen[1]
    assert Weights(**{name: tuned.facts[name] for name in Weights.model_fields}) == (
        tuned.model.weights
    )
    dev = read_kind(examples / "dev.jsonl", "list")
    gains = [rankers.picked(it) for it in dev]
    found = training.measures.per_list(tuned.model.scores(dev), gains)
    assert found["ndcg@10"].mean() == pytest.approx(best)


class Again(NamedTuple):
    """A second fit with the same seed, in an empty folder, and the files before and after it."""

    fitted: Fitted
    before: dict[Path, bytes]
    after: dict[Path, bytes]


@pytest.fixture(scope="module")
def again(
    bases: dict[str, Path], examples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Again:
    """The tiny base, tuned once more."""
    folders = [bases["reranker"], examples, tmp_path_factory.mktemp("empty")]
    before = {path: it for folder in folders for path, it in contents(folder).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folders[-1])
        found = fitted(bases, examples)
    after = {path: it for folder in folders for path, it in contents(folder).items()}
    return Again(found, before, after)


def test_the_same_seed_gives_the_same_ranker(tuned: Fitted, again: Again) -> None:
    same = again.fitted
    assert fingerprint(same.base) == fingerprint(tuned.base)
    one, two = (it.model.cross_encoder.state_dict() for it in (tuned, same))
    assert fingerprint(one) == fingerprint(two)
    assert (same.history, same.sweep, same.facts) == (tuned.history, tuned.sweep, tuned.facts)


def test_another_seed_gives_another_ranker(
    tuned: Fitted, bases: dict[str, Path], examples: Path
) -> None:
    other = fitted(bases, examples, seed=14)
    assert fingerprint(other.base) != fingerprint(tuned.base)
    assert other.history != tuned.history


def test_fitting_writes_nothing(again: Again) -> None:
    assert again.before
    assert again.after == again.before


@pytest.mark.parametrize("loss", ["distilling", "softmax", "lambda", "bce"])
def test_a_course_of_training_lowers_its_loss(
    bases: dict[str, Path], examples: Path, loss: str
) -> None:
    lists = read_kind(examples / "train.jsonl", "list")[:4]
    model = cross_encoder(bases["reranker"], 40, seed=1)
    wanted = Distilling(model) if loss == "distilling" else Picking(model, loss)
    learned = training.examples(lists)
    watch = Watch(model, cast(Dev, None), Recipe(**RECIPE), lambda _: None, progress=False)

    def lost() -> float:
        model.eval()
        with torch.no_grad():
            labels = [torch.tensor(its) for its in learned["labels"]]
            return wanted((learned["query"], learned["documents"]), labels).item()

    before = lost()
    run = Run(model, Recipe(**RECIPE), "fp32", 13, watch)
    run.course(Course(epochs=20, learning_rate=1e-2), learned, wanted, loss)
    assert lost() < before
    assert watch.history == []


def test_the_seed_draws_the_order_of_the_lists(bases: dict[str, Path], examples: Path) -> None:
    learned = training.examples(read_kind(examples / "train.jsonl", "list")[:8])
    prints = []
    for seed in (1, 1, 2):
        model = cross_encoder(bases["reranker"], 40, seed=1)
        watch = Watch(model, cast(Dev, None), Recipe(**RECIPE), lambda _: None, progress=False)
        run = Run(model, Recipe(**RECIPE), "fp32", seed, watch)
        run.course(Course(epochs=1, learning_rate=1e-3), learned, Picking(model, "bce"), "tuning")
        prints.append(fingerprint(model.state_dict()))
    assert prints[0] == prints[1] != prints[2]


def test_the_teacher_of_a_list_is_what_the_retriever_says(examples: Path) -> None:
    lists = read_kind(examples / "train.jsonl", "list")[:3]
    teacher = [np.arange(len(it["sources"])) / 4 for it in lists]
    for it, scores, row in zip(lists, teacher, training.examples(lists, teacher), strict=True):
        assert row["query"] == it["query"]
        assert row["documents"] == [source["text"] for source in it["sources"]]
        assert [label[0] for label in row["labels"]] == scores.tolist()
    [row] = training.examples(lists[:1])
    assert row["labels"] == [[it["gain"], it["weight"]] for it in lists[0]["sources"]]


@pytest.fixture(scope="module")
def distilled(bases: dict[str, Path], examples: Path) -> Fitted:
    """The tiny base, distilled and not tuned."""
    return fitted(bases, examples, tune={"epochs": 0, "learning_rate": 1e-3})


def test_without_tuning_the_base_is_what_comes_out(distilled: Fitted) -> None:
    assert len(distilled.history) == 1
    assert distilled.facts["interpolation"] == 0
    assert fingerprint(distilled.model.cross_encoder.state_dict()) == fingerprint(distilled.base)


def test_the_base_is_what_was_distilled(
    tuned: Fitted, distilled: Fitted, bases: dict[str, Path]
) -> None:
    new = cross_encoder(bases["reranker"], 40, seed=13).state_dict()
    assert fingerprint(tuned.base) == fingerprint(distilled.base) != fingerprint(new)


def test_there_may_be_no_titles_at_all(
    bases: dict[str, Path], examples: Path, tmp_path: Path
) -> None:
    for path in examples.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if '"kind": "title"' not in line]
        (tmp_path / path.name).write_text("".join(kept), encoding="utf-8")
    assert (tmp_path / "train.jsonl").stat().st_size < (examples / "train.jsonl").stat().st_size
    assert fitted(bases, tmp_path, tune={"epochs": 0, "learning_rate": 1e-3}).sweep


# The folder


def test_a_saved_ranker_gives_the_scores_of_the_fitted_one(
    tuned: Fitted, saved: Path, examples: Path
) -> None:
    lists = read_kind(examples / "test.jsonl", "list")
    again = rankers.load(saved)
    for one, two in zip(tuned.model.scores(lists), again.scores(lists), strict=True):
        assert one.tolist() == two.tolist()


def test_beside_the_ranker_stands_the_base_that_was_not_tuned(
    tuned: Fitted, saved: Path, bases: dict[str, Path]
) -> None:
    stored, base = (cross_encoder(saved / name, 40, seed=0) for name in ("", "base"))
    assert fingerprint(base.state_dict()) == fingerprint(tuned.base)
    assert fingerprint(stored.state_dict()) == fingerprint(tuned.model.cross_encoder.state_dict())
    retriever = rankers.load(saved).retriever.state_dict()
    assert fingerprint(retriever) == fingerprint(load_encoder(bases["embedder"]).state_dict())


def test_the_saved_cross_encoder_loads_with_nothing_of_ours(saved: Path, examples: Path) -> None:
    lists = read_kind(examples / "test.jsonl", "list")
    ours = logits(rankers.load(saved).cross_encoder, lists)
    for folder, same in ((saved, True), (saved / "base", None)):
        stock = CrossEncoder(str(folder), local_files_only=True)
        assert type(cast(Any, stock.model)).__module__.startswith("transformers.models.")
        found = stock.predict(
            [(it["query"], source["text"]) for it in lists for source in it["sources"]],
            activation_fn=torch.nn.Identity(),
        )
        assert np.isfinite(found).all()
        assert not same or found.tolist() == pytest.approx(np.concatenate(ours), abs=1e-5)


def test_the_saved_folder_holds_no_training_text_and_no_card(saved: Path, examples: Path) -> None:
    records = read_jsonl(examples / "train.jsonl")
    texts = {it["query"].encode() for it in records}
    texts |= {source["text"].encode() for it in records for source in it["sources"]}
    assert len(texts) > 20
    for path, content in contents(saved).items():
        assert not [text for text in texts if text in content], path
    assert "README.md" not in {path.name for path in contents(saved)}


def test_saving_leaves_the_ranker_as_it_was_and_gives_the_same_bytes(
    tuned: Fitted, saved: Path, tmp_path: Path
) -> None:
    before = fingerprint(tuned.model.cross_encoder.state_dict())
    tuned.save(tmp_path)
    assert fingerprint(tuned.model.cross_encoder.state_dict()) == before
    one, two = (
        {path.relative_to(folder): content for path, content in contents(folder).items()}
        for folder in (saved, tmp_path)
    )
    assert one == two


def test_a_base_with_a_head_is_not_distilled_and_gets_an_onnx_file(
    bases: dict[str, Path], native_jina: Path, examples: Path, tmp_path: Path
) -> None:
    found = fitted(
        {**bases, "reranker": native_jina},
        examples,
        distil=COLLAPSED,  # which would stop it
        tune={"epochs": 0.5, "learning_rate": 1e-4},
    )
    stored = load_file(native_jina / "model.safetensors")
    assert sorted(map(tensor_bytes, found.base.values())) == sorted(
        map(tensor_bytes, stored.values())
    )
    half = replace(found, base={name: weight / 2 for name, weight in found.base.items()})
    half.save(tmp_path)
    lists = read_kind(examples / "test.jsonl", "list")[:2]
    again = rankers.load(tmp_path)
    for one, two in zip(found.model.scores(lists), again.scores(lists), strict=True):
        assert one.tolist() == two.tolist()
    told = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    for it, scores in zip(lists, logits(again.cross_encoder, lists), strict=True):
        pairs = [(it["query"], text) for text in rankers.texts_of(it)]
        tokens = cast(Any, again.cross_encoder.preprocess(pairs))
        inputs = {each.name: tokens[each.name].numpy() for each in told.get_inputs()}
        assert told.run(["logits"], inputs)[0][:, 0] == pytest.approx(scores, abs=1e-4)


def tensor_bytes(weight: torch.Tensor) -> bytes:
    return weight.float().numpy().tobytes()
