"""Training learns the picks, gives the same result twice, and stops when it collapses."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from findtune.core.errors import CollapseError
from findtune.core.files import read_jsonl, write_jsonl
from findtune.core.records import read_kind
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights, read_weights
from findtune.reranker.model.cross_encoder import load_or_create
from findtune.reranker.model.examination import MAX_WEIGHT, NO_BIAS, read_examination
from findtune.reranker.model.ranked_lists import (
    decisive_gains,
    document_texts,
    gains_of,
    measure_lists,
    without_random_negatives,
)
from findtune.reranker.model.retriever_features import (
    FEATURES,
    TUNED_FEATURES,
    retriever_features,
    untuned_features,
)
from findtune.reranker.training import training_data
from findtune.reranker.training.blend_weight import Selection, blended_weights
from findtune.reranker.training.feature_weights import FUSED, UNTUNED, Ranking
from findtune.reranker.training.fit import (
    distillation_phase,
    is_better,
    shipped_share,
    tuning_phase,
)
from findtune.reranker.training.list_losses import LossName, pick_labels
from findtune.reranker.training.phases import Phase, run_phase
from findtune.reranker.training.position_bias import estimate_examination
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.training_data import TrainingData, read_training_data
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.fit_result import FitResult

COLLAPSING = {"epochs": 1, "learning_rate": 1e30}
# Of the untuned features, those by which position bias is estimated.
BIAS_COLUMNS = [FEATURES.index(name) for name in ("base_retriever", "bm25")]
ALL_DOCUMENTS = 1_000
NO_TUNING = {"epochs": 0, "learning_rate": 1e-3}

Fit = Callable[..., FitResult]
Train = Callable[..., tuple[CrossEncoder, Phase]]
Contents = Callable[[Path], dict[str, bytes]]


def weights_of(model: torch.nn.Module) -> list[bytes]:
    return [weight.numpy().tobytes() for weight in model.state_dict().values()]


def load_weights(folder: Path) -> list[bytes]:
    return weights_of(load_or_create(folder, 40, seed=0))


# What training records


def test_the_history_and_the_sweep_lead_to_the_reranker(fitted: FitResult, saved: Path) -> None:
    facts = fitted.facts
    steps = [row["step"] for row in fitted.history]
    assert steps == sorted({0, *steps})
    assert len(steps) == 3  # eval_steps is 0.5
    assert facts["best_step"] in steps
    assert facts["features_ranking"] in (*UNTUNED, FUSED)
    assert [*fitted.history[0]] == ["step", "ndcg@3", "ndcg@10", "mrr@10", "map"]
    rows = {(row["interpolation"], row["cross_encoder_weight"]): row for row in fitted.sweep}
    assert rows[(0, 1)]["map"] == fitted.history[0]["map"]
    weight = facts["cross_encoder_weight"]
    chosen = rows[(facts["cross_encoder_interpolation"], weight)]
    rivals = [row for row in fitted.sweep if weight or not row["cross_encoder_weight"]]
    assert chosen["ndcg@10"] == max(row["ndcg@10"] for row in rivals)
    weights = BlendWeights(**{name: facts[name] for name in BlendWeights.model_fields})
    assert weights == fitted.model.weights
    by_features = blended_weights(read_weights(saved / "retriever_features.json"), weight)
    for name in ("cross_encoder", *FEATURES, "temperature"):
        assert getattr(weights, name) == getattr(by_features, name), name


SHARES = [(0.5, FUSED, 0.3, 0.3), (0, FUSED, 0.3, 1), (0, "bm25", 0.3, 0), (0.5, "bm25", 0, 0)]


@pytest.mark.parametrize(("weight", "name", "interpolation", "share"), SHARES)
def test_the_recorded_interpolation_is_that_of_what_ships(
    weight: float, name: str, interpolation: float, share: float
) -> None:
    weights = CROSS_ENCODER_ONLY.model_copy(update={"cross_encoder": weight})
    ranking = Ranking(name, weights, np.ones(3))
    assert shipped_share(Selection([], interpolation, weights), ranking) == share


def test_a_killed_training_ends_with_the_same_bytes(
    fitted: FitResult,
    saved: Path,
    fit_reranker: Fit,
    folder_contents: Contents,
    train_in_lives: Callable[..., Any],
    tmp_path: Path,
) -> None:
    again, lines = train_in_lives(fit_reranker, steps=17, saved_every=2)
    finished = {line.partition(":")[0] for line in lines if "trained before" in line}
    assert finished == {"retriever-1", "retriever-2", "retriever-3", "retriever-4", "distilling"}
    assert (again.history, again.sweep) == (fitted.history, fitted.sweep)
    assert again.facts == fitted.facts
    again.save(tmp_path / "again")
    assert folder_contents(tmp_path / "again") == folder_contents(saved)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 8])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["encoder", "jina"])
def test_each_cross_encoder_survives_kills(
    kind: str,
    precision: str,
    steps: int,
    bases: dict[str, Path],
    converted_jina: Path,
    fit_reranker: Fit,
    folder_contents: Contents,
    train_in_lives: Callable[..., Any],
    tmp_path: Path,
) -> None:
    both = {**bases, "reranker": converted_jina} if kind == "jina" else bases
    train = partial(fit_reranker, bases=both, precision=precision)
    undisturbed, (again, _) = train(), train_in_lives(train, steps=steps)
    assert (again.history, again.facts) == (undisturbed.history, undisturbed.facts)
    undisturbed.save(tmp_path / "undisturbed")
    again.save(tmp_path / "again")
    assert folder_contents(tmp_path / "again") == folder_contents(tmp_path / "undisturbed")


def test_the_same_seed_gives_the_same_reranker_and_writes_nothing(
    fitted: FitResult,
    fit_reranker: Fit,
    folder_contents: Contents,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    again, other = fit_reranker(), fit_reranker(seed=14)
    weights = weights_of(fitted.model.cross_encoder)
    assert weights_of(again.model.cross_encoder) == weights
    assert weights_of(other.model.cross_encoder) != weights
    retriever = weights_of(fitted.model.retriever)
    assert weights_of(again.model.retriever) == retriever
    assert weights_of(other.model.retriever) != retriever
    expected = (fitted.history, fitted.sweep, fitted.facts)
    assert (again.history, again.sweep, again.facts) == expected
    assert folder_contents(tmp_path) == {}


# The phases


@pytest.mark.parametrize("phase", ["distil", "tune"])
def test_weights_that_are_not_finite_stop_training(fit_reranker: Fit, phase: str) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        fit_reranker(**{phase: COLLAPSING})


def test_a_cross_encoder_that_ranks_nothing_has_no_weight_and_the_features_ship(
    fit_reranker: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same_scores(model: CrossEncoder, lists: list[Any]) -> list[np.ndarray]:
        return [np.zeros(len(ranked_list["documents"])) for ranked_list in lists]

    monkeypatch.setattr("findtune.reranker.training.dev_set.predict_logits", same_scores)
    lines: list[str] = []
    facts = fit_reranker(say=lines.append).facts
    assert facts["cross_encoder_weight"] == 0
    assert any("gives all documents of a list the same score" in line for line in lines)


def test_only_a_strictly_better_result_is_kept() -> None:
    results = [is_better(DevResult({}, score), DevResult({}, 0.5)) for score in (0.4, 0.5, 0.6)]
    assert results == [False, False, True]


def test_without_tuning_the_distilled_base_is_the_reranker(
    bases: dict[str, Path], fit_reranker: Fit, example_folder: Path, tmp_path: Path
) -> None:
    distilled = fit_reranker(tune=NO_TUNING)
    assert (len(distilled.history), distilled.facts["cross_encoder_interpolation"]) == (1, 0)
    weights = weights_of(distilled.model.cross_encoder)
    assert weights != weights_of(load_or_create(bases["reranker"], 40, seed=13))
    for path in example_folder.glob("*.jsonl"):  # without title lists
        write_jsonl(tmp_path / path.name, read_kind(path, "list"))
    untitled = fit_reranker(examples=tmp_path, tune=NO_TUNING)
    assert weights_of(untitled.model.cross_encoder) != weights


@pytest.fixture(scope="module")
def data(bases: dict[str, Path], example_folder: Path, recipe: dict[str, Any]) -> TrainingData:
    values = Recipe(**recipe)
    settings = trainer_arguments(values, "fp32", 13, progress=False)
    return read_training_data(example_folder, bases["embedder"], values, settings, lambda _: None)


def test_no_features_come_from_the_retriever_that_ships_since_it_has_learned_dev(
    data: TrainingData,
) -> None:
    for group in ("list", "dev", "candidate", "dev_candidate", "title"):
        lists = data.lists[group]
        assert lists
        shipped = retriever_features(data.retriever, data.base_retriever, lists, 0.2)
        for own, by_shipped in zip(data.features[group], shipped, strict=True):
            same = np.isclose(own, by_shipped, atol=1e-5)
            assert same[:, len(TUNED_FEATURES) :].all()
            assert not same.all()


def test_candidates_are_found_for_the_queries_of_their_split(data: TrainingData) -> None:
    for found, kind in {"candidate": "list", "dev_candidate": "dev"}.items():
        queries = {row["query"] for row in data.lists[kind]}
        assert {row["query"] for row in data.lists[found]} <= queries


def test_one_retriever_has_learned_train_alone_for_a_choice_on_dev(
    bases: dict[str, Path], example_folder: Path, recipe: dict[str, Any], tmp_path: Path
) -> None:
    values = Recipe(**recipe)
    settings = trainer_arguments(values, "fp32", 13, progress=False)
    dev = read_kind(example_folder / "dev.jsonl", "list")
    weights = []
    for kept in (dev, dev[:1]):
        folder = tmp_path / f"{len(kept)}"
        shutil.copytree(example_folder, folder)
        write_jsonl(folder / "dev.jsonl", kept)
        data = read_training_data(folder, bases["embedder"], values, settings, lambda _: None)
        weights.append([weights_of(data.train_retriever), weights_of(data.retriever)])
    (train, shipped), (train_again, shipped_again) = weights
    assert train == train_again
    assert shipped != shipped_again


def test_rankings_are_judged_on_what_users_were_shown(data: TrainingData) -> None:
    lists = data.lists["list"] + data.lists["dev"]
    shown = without_random_negatives(lists)
    assert sum(len(row["documents"]) for row in lists) > sum(len(row["documents"]) for row in shown)
    cosines = [features[:, 0] for features in untuned_features(data.base_retriever, shown)]
    expected = measure_lists(cosines, [decisive_gains(row) for row in shown])["ndcg@10"]
    [bi_encoder] = [ranking for ranking in data.rankings if ranking.name == "bi_encoder"]
    assert bi_encoder.ndcg == pytest.approx(expected)


def test_titles_are_scored_by_the_retriever_that_has_not_learned_dev(
    data: TrainingData, recipe: dict[str, Any]
) -> None:
    retrievers = data.train_retriever, data.base_retriever
    expected = retriever_features(*retrievers, data.lists["title"], recipe["temperature"])
    assert len(expected) == len(data.features["title"]) > 0
    for computed, own in zip(data.features["title"], expected, strict=True):
        np.testing.assert_allclose(computed, own, atol=1e-5)


@pytest.mark.parametrize("build", [distillation_phase, tuning_phase])
def test_a_phase_reads_as_many_documents_of_a_list_as_the_recipe_says(
    bases: dict[str, Path], recipe: dict[str, Any], data: TrainingData, build: Callable[..., Phase]
) -> None:
    model = load_or_create(bases["reranker"], 40, seed=1)
    phase = build(model, data, Recipe(**recipe | {"documents": 3}), 13)
    assert max(len(documents) for documents in phase.dataset["documents"]) == 3


@pytest.fixture(scope="module")
def train(bases: dict[str, Path], recipe: dict[str, Any], data: TrainingData) -> Train:
    """The function that trains a new cross-encoder for one phase; it returns both."""

    def run(name: str, *, seed: int = 13, epochs: float = 1) -> tuple[CrossEncoder, Phase]:
        loss = "listnet" if name == "distillation" else name
        arguments = {"epochs": epochs, "learning_rate": 1e-2}
        changes = {"loss": loss, "distil": arguments, "tune": arguments}
        model, values = load_or_create(bases["reranker"], 40, seed=1), Recipe(**recipe | changes)
        callback = EvalCallback(
            model, cast(Any, None), values, lambda _: None, is_as_good=is_better, reported=()
        )
        build = distillation_phase if name == "distillation" else tuning_phase
        phase = build(model, data, values, seed)
        settings = trainer_arguments(values, "fp32", seed, progress=False)
        run_phase(phase, model, callback=callback, settings=settings)
        assert callback.history == []
        return model.eval(), phase

    return run


@pytest.mark.parametrize("name", ["distillation", "listnet", "lambda"])
def test_a_phase_lowers_its_loss(train: Train, name: str) -> None:
    losses = []
    for epochs in (0, 4):
        _, phase = train(name, epochs=epochs)
        rows = phase.dataset[:]
        labels = [torch.tensor(row) for row in rows["labels"]]
        with torch.no_grad():
            losses.append(phase.loss((rows["query"], rows["documents"]), labels))
    assert losses[1] < losses[0]


def test_the_seed_shuffles_the_lists(train: Train) -> None:
    first, same, other = (weights_of(train("listnet", seed=seed)[0]) for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("loss", ["listnet", "lambda"])
def test_the_tuning_phase_reads_texts_and_the_labels_of_its_loss(
    data: TrainingData, loss: LossName
) -> None:
    dataset = data.tuning_dataset(loss, ALL_DOCUMENTS, seed=13)
    lists = data.lists["list"]
    assert list(dataset["documents"]) == [document_texts(row) for row in lists]
    assert list(dataset["labels"]) == [pick_labels(gains_of(row), loss).tolist() for row in lists]


def test_the_tuning_phase_learns_corrected_gains(data: TrainingData) -> None:
    biased = replace(data, examination=NO_BIAS.model_copy(update={"eta": 1.0}))
    dataset = biased.tuning_dataset("lambda", ALL_DOCUMENTS, seed=13)
    ranked_list, labels = data.lists["list"][0], dataset["labels"][0]
    weights = np.arange(1, len(ranked_list["documents"]) + 1)  # it says no ranks: shown in order
    assert max(weights) <= MAX_WEIGHT
    assert labels == (gains_of(ranked_list) * weights).tolist()
    assert any(gains_of(ranked_list)[1:])


def test_position_bias_is_estimated_from_what_users_of_train_and_dev_saw(
    data: TrainingData, fitted: FitResult, saved: Path
) -> None:
    examination = read_examination(saved / "examination.json")
    known = data.lists["list"] + data.lists["dev"]
    assert examination.lists == len(known)
    assert examination == data.examination
    assert fitted.facts["examination_eta"] == examination.eta == 0
    shown = without_random_negatives(known)
    assert len(shown[0]["documents"]) < len(known[0]["documents"])
    columns = [
        features[[document["shown"] for document in row["documents"]]][:, BIAS_COLUMNS]
        for row, features in zip(known, data.features["list"] + data.features["dev"], strict=True)
    ]
    assert estimate_examination(shown, columns) == examination


@pytest.fixture
def ungraded_examples(example_folder: Path, tmp_path: Path) -> Path:
    """The folder of examples without its judgments."""
    for path in example_folder.glob("*.jsonl"):
        records = [record | {"qrels": {}} for record in read_jsonl(path)]
        write_jsonl(tmp_path / path.name, records)
    return tmp_path


@pytest.mark.slow
def test_a_position_bias_changes_what_is_learned_from_picks(
    fit_reranker: Fit,
    ungraded_examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tune = {"epochs": 4, "learning_rate": 1e-2}
    train = partial(fit_reranker, examples=ungraded_examples, tune=tune)
    unbiased = train()
    bias = NO_BIAS.model_copy(update={"eta": 1.0})
    monkeypatch.setattr(training_data, "estimate_examination", lambda *_: bias)
    biased = train()
    assert biased.facts["examination_eta"] == 1
    assert weights_of(biased.model.retriever) != weights_of(unbiased.model.retriever)
    biased.save(tmp_path / "model")
    assert read_examination(tmp_path / "model" / "examination.json") == bias
