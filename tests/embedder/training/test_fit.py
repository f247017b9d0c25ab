"""Training an embedder never lowers dev, repeats exactly, and stops when it goes wrong."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from findtune.core.errors import CollapseError, InputError
from findtune.core.files import read_jsonl, write_jsonl
from findtune.core.records import read_kind
from findtune.embedder.model.folder import evaluated_folder
from findtune.embedder.training import trainer
from findtune.embedder.training.dev_set import EmbedderDevSet, GuardResults
from findtune.embedder.training.fit import Recipe, describe_data, fit
from findtune.training import selection
from findtune.training.arguments import run_trainer
from findtune.training.callback import DevResult
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.fit_result import FitResult

FitTiny = Callable[..., FitResult]
MEASURES = ["ndcg@10", "pairs_spearman", "guard_spearman", "random_cosine"]


@pytest.fixture(scope="module", autouse=True)
def _few_resamples() -> Iterator[None]:
    """Estimate errors from few resamples: with 200 they take a third of a tiny training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "RESAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def fit_tiny(tiny_base: Path, example_folder: Path, recipe: dict[str, Any]) -> FitTiny:
    """Train the tiny base model; `changes` are settings of the recipe."""

    def fit_with(
        checkpoints: Checkpoints = NO_CHECKPOINTS,
        examples: Path | None = None,
        seed: int = 13,
        **changes: Any,
    ) -> FitResult:
        bases, examples = {"embedder": tiny_base}, examples or example_folder
        tiny_recipe = Recipe(**recipe | changes)
        options = {"progress": False, "checkpoints": checkpoints}
        return fit(bases, examples, tiny_recipe, seed, lambda _: None, **options)

    return fit_with


@pytest.fixture(scope="module")
def tuned(fit_tiny: FitTiny) -> FitResult:
    return fit_tiny()


def fingerprint(model: SentenceTransformer) -> str:
    """Return a hash of all weights."""
    weights = sorted(model.state_dict().items())
    content = b"".join(name.encode() + weight.numpy().tobytes() for name, weight in weights)
    return hashlib.sha256(content).hexdigest()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_training_raises_dev_and_its_history_has_the_base_and_every_evaluation(
    tuned: FitResult,
) -> None:
    scores = {row["interpolation"]: row["score"] for row in tuned.sweep}
    assert scores[0] == tuned.history[0]["score"]
    assert scores[tuned.facts["interpolation"]] > scores[0]
    steps = tuned.facts["steps"]
    assert [row["step"] for row in tuned.history] == [steps * part // 4 for part in range(5)]
    assert list(tuned.history[0]) == ["step", *MEASURES, "score", "error"]


def test_a_seed_gives_the_same_weights_again_and_changes_no_file(
    tuned: FitResult, fit_tiny: FitTiny, tiny_base: Path, example_folder: Path
) -> None:
    before = contents(tiny_base) | contents(example_folder)
    again = fit_tiny()
    assert fingerprint(again.model) == fingerprint(tuned.model)
    assert again.history == tuned.history
    assert fingerprint(fit_tiny(seed=14).model) != fingerprint(tuned.model)
    assert contents(tiny_base) | contents(example_folder) == before


def test_a_killed_training_ends_with_the_same_weights(
    tuned: FitResult, fit_tiny: FitTiny, train_in_lives: Callable[..., Any]
) -> None:
    again, lines = train_in_lives(fit_tiny, steps=33, saved_every=2)
    assert lines == ["tuning: going on after step 32"]
    assert fingerprint(again.model) == fingerprint(tuned.model)
    assert (again.history, again.sweep) == (tuned.history, tuned.sweep)
    assert again.facts == tuned.facts


@pytest.mark.slow
@pytest.mark.parametrize("steps", [7, 56, 57, 58])  # around the end of the tuning, too
@pytest.mark.parametrize(
    "changes", [{"refit": True}, {"recipe": "plain"}, {"refit": True, "precision": "bf16"}]
)
def test_each_recipe_survives_kills_and_refits_alike(
    fit_tiny: FitTiny,
    train_in_lives: Callable[..., Any],
    steps: int,
    changes: dict[str, Any],
    tmp_path: Path,
) -> None:
    undisturbed = fit_tiny(**changes)
    again, _ = train_in_lives(partial(fit_tiny, **changes), steps=steps)
    assert (again.history, again.facts) == (undisturbed.history, undisturbed.facts)
    undisturbed.save(tmp_path / "undisturbed")
    again.save(tmp_path / "again")
    assert [*contents(tmp_path / "undisturbed").values()] == [
        *contents(tmp_path / "again").values()
    ]


def test_the_first_evaluation_is_kept_although_the_base_is_better(
    fit_tiny: FitTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    # base, then four evaluations, of which the second and third fall below the first
    scores = iter([0.9, 0.7, 0.68, 0.6, 0.5, *[0.0] * 9])

    def evaluate(self: EmbedderDevSet, model: SentenceTransformer) -> DevResult:
        score = next(scores)
        measures = dict.fromkeys(MEASURES, 0.1) | {"score": score, "error": 0.01}
        return DevResult(measures, score, GuardResults(np.zeros(len(self.guard)), np.zeros(0)))

    monkeypatch.setattr(EmbedderDevSet, "evaluate", evaluate)
    stopped = fit_tiny(early_stopping_patience=2)
    assert [row["score"] for row in stopped.history] == [0.9, 0.7, 0.68, 0.6]
    assert stopped.facts["best_step"] == stopped.history[1]["step"]
    assert stopped.facts["interpolation"] == 0


def test_the_returned_model_has_the_selected_weights(tiny_base: Path, fit_tiny: FitTiny) -> None:
    untouched = fit_tiny(learning_rate=1e-12)
    assert untouched.facts["interpolation"] == 0
    assert fingerprint(untouched.model) == fingerprint(SentenceTransformer(str(tiny_base)))


def test_dev_reads_short_texts_throughout_and_the_saved_model_as_long_ones_as_the_base(
    fit_tiny: FitTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    evaluate = EmbedderDevSet.evaluate

    def record_length(self: EmbedderDevSet, model: SentenceTransformer) -> DevResult:
        lengths.append(model.max_seq_length)
        return evaluate(self, model)

    monkeypatch.setattr(EmbedderDevSet, "evaluate", record_length)
    fit_tiny(max_seq_length=8, epochs=1, interpolation=[0.5, 0.75, 1.0]).save(tmp_path)
    assert len(lengths) > 3
    assert set(lengths) == {8}
    saved = SentenceTransformer(str(tmp_path))
    assert saved.max_seq_length == 40
    assert len(saved.preprocess(["men " * 30])["input_ids"][0]) == 32


def test_the_plain_recipe_keeps_its_last_weights(fit_tiny: FitTiny) -> None:
    plain = {"recipe": "plain", "early_stopping_patience": 1, "learning_rate": 3e-3}
    often = fit_tiny(**plain, eval_steps=0.125)
    once = fit_tiny(**plain, eval_steps=1)
    best = max(often.history, key=lambda row: row["score"])
    assert best["step"] < often.facts["steps"]
    assert fingerprint(often.model) == fingerprint(once.model)
    assert often.facts["interpolation"] == 1
    assert often.sweep == []


def test_training_works_without_scored_pairs_and_in_fp32_without_bf16(
    fit_tiny: FitTiny, example_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in example_folder.glob("*.jsonl"):
        records = [row for row in read_jsonl(path) if row.get("kind") != "scored"]
        write_jsonl(tmp_path / path.name, records)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    trained = fit_tiny(examples=tmp_path, precision="bf16", epochs=1)
    assert trained.history[-1]["pairs_spearman"] == 0
    assert trained.facts["precision"] == "fp32"


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_dev_searches_all_relevant_documents_and_others_that_are_hard(
    tiny_base: Path, example_folder: Path, size: int
) -> None:
    corpus = read_jsonl(example_folder / "corpus.jsonl")
    model = SentenceTransformer(str(tiny_base))
    dev = EmbedderDevSet(model, example_folder, size, "fp32", progress=False)
    relevant = set(sum(dev.relevant, []))
    number = sum(document["dcid"] in relevant for document in corpus)
    assert 0 < sum(owner in relevant for owner in dev.owners) == number < len(corpus)
    assert len(dev.owners) == min(len(corpus), max(size, number + size // 2))


def test_a_list_that_is_asked_again_leaves_the_error_of_dev_as_it_is(
    tiny_base: Path, with_feedback: Path, tmp_path: Path
) -> None:
    rows = read_jsonl(with_feedback / "dev.jsonl")
    lists = [row for row in rows if row["kind"] == "list"]
    others = [row for row in rows if row["kind"] not in ("list", "query")]
    model, errors = SentenceTransformer(str(tiny_base)), []
    for number, dev in enumerate([lists, lists * 9, [row | {"group": 0} for row in lists]]):
        folder = copytree(with_feedback, tmp_path / f"{number}")
        write_jsonl(folder / "dev.jsonl", [*others, *dev])
        result = EmbedderDevSet(model, folder, 5, "fp32", progress=False).evaluate(model)
        errors.append(result.measures["error"])
    assert errors == [pytest.approx(errors[0]), pytest.approx(errors[0], rel=1e-4), 1]


@pytest.fixture(scope="module")
def with_feedback(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with picks, held-out lists and guard queries."""
    folder = tmp_path_factory.mktemp("with_feedback")
    copytree(example_folder, folder, dirs_exist_ok=True)
    texts = [row["text"] for row in read_jsonl(example_folder / "corpus.jsonl")]
    picks = [
        {"kind": "pick", "query": f"ask {n}", "positive": text, "negatives": texts[n + 1 : n + 3]}
        for n, text in enumerate(texts[:20])
    ]
    picks[3]["negatives"] = texts[30:31]  # a short list
    lists = [
        {"kind": "list", "query": text, "documents": texts[n : n + 3], "picked": [1, 0, 0]}
        | {"group": text}
        for n, text in enumerate(texts[:5])
    ]
    guards = [{"kind": "guard_query", "query": text, "text": f"{text} men"} for text in texts[:5]]
    for split, more in (("train", picks), ("dev", [*lists, *guards])):
        path = folder / f"{split}.jsonl"
        write_jsonl(path, [*read_jsonl(path), *more])
    return folder


def test_picks_are_learned_beside_the_catalog_or_alone_and_lists_count_on_dev(
    fit_tiny: FitTiny, tuned: FitResult, with_feedback: Path, tmp_path: Path
) -> None:
    both = fit_tiny(examples=with_feedback)
    assert both.facts["steps"] > tuned.facts["steps"]
    row = both.history[-1]
    assert row["score"] == pytest.approx((row["ndcg@10"] + row["feedback_ndcg@10"]) / 2)
    assert "guard_mrr@10" in row
    for path in with_feedback.glob("*.jsonl"):
        kinds = ("pick", "list", "guard")
        write_jsonl(tmp_path / path.name, [r for r in read_jsonl(path) if r.get("kind") in kinds])
    alone = fit_tiny(examples=tmp_path)
    assert alone.history[-1]["score"] == alone.history[-1]["feedback_ndcg@10"]
    with pytest.raises(InputError, match="`recipe: plain` learns from a catalog"):
        fit_tiny(examples=tmp_path, recipe="plain")


def test_picks_are_not_repeated_for_the_sake_of_min_batches(
    with_feedback: Path, fit_tiny: FitTiny, tmp_path: Path
) -> None:
    for path in with_feedback.glob("*.jsonl"):
        write_jsonl(
            tmp_path / path.name, [r for r in read_jsonl(path) if r.get("kind") != "positive"]
        )
    settings: dict[str, Any] = {"feedback_passes": 2, "feedback_batch_size": 2}
    few, many = (
        fit_tiny(examples=tmp_path, min_batches=number, **settings).facts["steps"]
        for number in (1, 300)
    )
    assert few == many < 300


def test_a_line_says_what_is_learned_and_what_is_absent(
    example_folder: Path, with_feedback: Path
) -> None:
    assert "; no picks of the feedback, no guard queries" in describe_data(example_folder)
    assert "20 picks of the feedback" in describe_data(with_feedback)
    assert "no " not in describe_data(with_feedback)


def test_a_refit_ships_a_model_of_the_whole_catalog_and_keeps_the_one_that_test_may_judge(
    fit_tiny: FitTiny, tuned: FitResult, tmp_path: Path
) -> None:
    again = fit_tiny(refit=True)
    assert again.facts == tuned.facts | {"refit": True}
    assert (again.history, again.sweep) == (tuned.history, tuned.sweep)
    assert fingerprint(again.model) != fingerprint(tuned.model)
    again.save(tmp_path)
    shipped, evaluated = (
        SentenceTransformer(str(folder)) for folder in (tmp_path, evaluated_folder(tmp_path))
    )
    assert fingerprint(shipped) == fingerprint(again.model)
    assert fingerprint(evaluated) == fingerprint(tuned.model)
    assert shipped.max_seq_length == evaluated.max_seq_length == 40


@pytest.mark.slow
def test_a_refit_learns_as_often_as_dev_chose(
    fit_tiny: FitTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def run(trainer: Any, model: Any, **options: Any) -> None:
        run_trainer(trainer, model, **options)
        steps.append((len(trainer.train_dataset["positives"]), trainer.state.max_steps))

    monkeypatch.setattr(trainer, "run_trainer", run)
    chosen = fit_tiny(refit=True).facts["best_step"]
    (pairs, _), (all_pairs, refit_steps) = steps
    assert all_pairs > pairs
    assert refit_steps == pytest.approx(chosen * all_pairs / pairs, rel=0.15)


@pytest.mark.slow
def test_a_refit_that_forgets_general_english_is_not_shipped(
    fit_tiny: FitTiny, tuned: FitResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findtune.embedder.training.fit.keeps_general_english", lambda *_: False)
    kept = fit_tiny(refit=True)
    assert kept.facts["refit"] is False
    assert fingerprint(kept.model) == fingerprint(tuned.model)


def test_the_saved_model_loads_without_findtune_and_holds_no_training_text(
    tuned: FitResult, example_folder: Path, tmp_path: Path
) -> None:
    tuned.save(tmp_path)
    stock = SentenceTransformer(str(tmp_path), local_files_only=True)
    sentence = "jobless men"
    assert stock.encode(sentence) == pytest.approx(tuned.model.encode(sentence), abs=1e-6)
    positives = read_kind(example_folder / "train.jsonl", "positive")
    texts = [record[side].encode() for record in positives for side in ("anchor", "positive")]
    assert texts
    files = contents(tmp_path)
    assert not [path for path, content in files.items() for text in texts if text in content]
    assert tmp_path / "README.md" not in files


def test_training_that_can_not_work_is_an_error(fit_tiny: FitTiny) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        fit_tiny(learning_rate=1e30)
    with pytest.raises(InputError, match="less than a batch of 1000"):
        fit_tiny(batch_size=1000)


def test_a_small_catalog_is_learned_often_enough_for_min_batches(fit_tiny: FitTiny) -> None:
    short, long = (
        fit_tiny(epochs=0.1, min_batches=number, interpolation=[1.0]).facts["steps"]
        for number in (1, 12)
    )
    assert short < 12 <= long
