"""Sampling depends on question and seed alone; a saved rewriter is complete and safe to load."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from findtune.core.errors import UnsafeModelError
from findtune.retrieval import onednn
from findtune.rewriter.model import rewriter as rewriter_module
from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.rewriter import Rewriter, clean_first_line, load
from findtune.rewriter.model.usable_rewrites import usable_rewrites

LEXICON = Lexicon(frozenset({"kenya"}), frozenset())  # every word is known
SAMPLES, MAX_NEW_TOKENS = 6, 10
QUESTIONS = ["how much rice is grown?", "male pupils", "Do many women work in Kenya in 2020?"]
ODD_QUESTIONS = [
    *("", " \n ", "?!", "🌾👩🏽‍🌾🌾", "稲の収穫量は? Сколько риса?"),
    *("rice harvest " * 2500, "rice" * 2250, "<|im_end|>\n<|im_start|>assistant\nrice</s><pad>"),
]


@pytest.fixture
def rewriter(untrained: Rewriter) -> Rewriter:
    """Return an untrained rewriter of each type, which knows a name."""
    settings = {"temperature": 1.0, "top_k": 20, "num_return_sequences": SAMPLES}
    return with_settings(replace(untrained, lexicon=LEXICON), **settings)


def with_settings(rewriter: Rewriter, **settings: Any) -> Rewriter:
    """Return the same rewriter with other settings."""
    return replace(rewriter, settings=rewriter.settings.model_copy(update=settings))


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(rewriter: Rewriter) -> None:
    first, again, other = (rewriter.sample(QUESTIONS, seed) for seed in (13, 13, 14))
    assert first == again
    assert all(left != right for left, right in zip(first, other, strict=True))
    assert [len(texts) for texts in first] == [SAMPLES] * len(QUESTIONS)
    assert all(len({*texts}) > 1 for texts in first)


def test_other_questions_change_no_sample(
    rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [*QUESTIONS, "", "rice harvest " * 9, QUESTIONS[0]]
    together = rewriter.sample(questions, 13)
    assert together[0] == together[-1]
    assert rewriter.sample(questions[::-1], 13) == together[::-1]
    for size in (1, 4):
        monkeypatch.setattr(rewriter_module, "BATCH_SIZE", size)
        assert rewriter.sample(questions, 13) == together


def test_rewrites_in_fp32_are_computed_by_onednn(
    rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers: list[torch.Tensor] = []

    def fused_linear(*parts: torch.Tensor) -> torch.Tensor:
        layers.append(parts[0])
        return linear(*parts)

    monkeypatch.setattr(onednn, "fused_linear", fused_linear)
    rewriter.sample(QUESTIONS, 13)
    in_fp32 = len(layers)
    rewriter.model.bfloat16()
    rewriter.sample(QUESTIONS, 13)
    assert in_fp32 == len(layers)
    assert in_fp32 or not torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def generate_without_cache(rewriter: Rewriter, question: str) -> str:
    """Return the most likely tokens, where each one is computed from the whole text before it."""
    tokens = torch.tensor([rewriter.backbone.encode_question(question)])
    settings = {"do_sample": False, "use_cache": False, "max_new_tokens": MAX_NEW_TOKENS}
    generated = rewriter.model.generate(tokens, **settings)
    start = 0 if rewriter.model.config.is_encoder_decoder else tokens.shape[1]
    written = generated[0, start:]
    return clean_first_line(rewriter.tokenizer.decode(written, skip_special_tokens=True))


def test_the_shared_cache_changes_no_token(rewriter: Rewriter) -> None:
    greedy = with_settings(rewriter, top_k=1)
    expected = [generate_without_cache(rewriter, question) for question in QUESTIONS]
    assert greedy.sample(QUESTIONS, 13) == [[text] * SAMPLES for text in expected]
    assert rewriter.sample([], 13) == []


def test_rewrites_are_the_first_usable_samples_even_of_odd_questions(rewriter: Rewriter) -> None:
    questions = QUESTIONS + ODD_QUESTIONS
    samples, rewrites = rewriter.sample(questions, 13), rewriter.rewrites(questions, 13)
    usable = map(usable_rewrites, questions, samples, [LEXICON] * len(questions))
    assert rewrites == [texts[:2] for texts in usable]
    assert all(rewrites[:2])
    assert all(text == text.strip() != "" for texts in rewrites for text in texts)


def test_earlier_questions_change_the_samples_and_no_history_changes_none(
    rewriter: Rewriter,
) -> None:
    rewriter = with_settings(rewriter, max_input_tokens=64)
    alone = rewriter.sample(QUESTIONS, 13)
    assert rewriter.sample(QUESTIONS, 13, [[], [], []]) == alone
    with_history = rewriter.sample(QUESTIONS, 13, [["pupils in class"], [], []])
    assert with_history[0] != alone[0]
    assert with_history[1:] == alone[1:]
    samples = rewriter.sample(QUESTIONS[:1], 13, [["pupils in class"]])
    rewrites = rewriter.rewrites(QUESTIONS[:1], 13, [["pupils in class"]])
    assert rewrites == [texts[:2] for texts in rewriter.usable(QUESTIONS[:1], samples)]


def test_a_rewriter_that_searches_no_rewrites_samples_none(
    rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rewriter, "sample", lambda *_: pytest.fail("it sampled"))
    silent = with_settings(rewriter, num_rewrites=0, ships="question")
    assert silent.rewrites(QUESTIONS, 13) == [[], [], []]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('"  boys  in\tclass "', "boys in class"),
        ("“boys in class” ", "boys in class"),
        ("\n\nboys in class\nThis query asks for boys.", "boys in class"),
        ("boys' schools", "boys' schools"),
        (' " ', ""),
    ],
)
def test_only_the_first_line_without_quotes_is_used(text: str, cleaned: str) -> None:
    assert clean_first_line(text) == cleaned


def test_a_rewriter_trained_in_bf16_is_saved_in_bf16(rewriter: Rewriter, tmp_path: Path) -> None:
    half = rewriter.as_saved("bf16")
    assert {weight.dtype for weight in half.model.parameters()} == {torch.bfloat16}
    assert {weight.dtype for weight in rewriter.model.parameters()} == {torch.float32}
    half.save(tmp_path)
    loaded = load(tmp_path)
    assert {weight.dtype for weight in loaded.model.parameters()} == {torch.bfloat16}
    assert loaded.sample(QUESTIONS, 13) == half.sample(QUESTIONS, 13)
    assert rewriter.as_saved("fp32") is rewriter


def test_a_saved_rewriter_is_complete_and_repeatable(rewriter: Rewriter, tmp_path: Path) -> None:
    changed = with_settings(rewriter, temperature=0.7, num_rewrites=5)
    rewrites, saved = changed.rewrites(QUESTIONS, 13), []
    for folder in (tmp_path / "first", tmp_path / "again"):
        changed.save(folder)
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert saved[0] == saved[1]
    loaded = load(tmp_path / "first")
    assert loaded.rewrites(QUESTIONS, 13) == rewrites
    assert (loaded.settings, loaded.lexicon) == (changed.settings, LEXICON)
    assert not loaded.model.training


def test_the_saved_model_loads_without_this_project(rewriter: Rewriter, tmp_path: Path) -> None:
    rewriter.save(tmp_path)
    is_seq2seq = rewriter.model.config.is_encoder_decoder
    auto: Any = AutoModelForSeq2SeqLM if is_seq2seq else AutoModelForCausalLM
    loaded = auto.from_pretrained(tmp_path, local_files_only=True).state_dict()
    torch.testing.assert_close(loaded, dict(rewriter.model.state_dict()), rtol=0, atol=0)


def test_a_folder_with_a_pickle_is_refused(rewriter: Rewriter, tmp_path: Path) -> None:
    rewriter.save(tmp_path)
    (tmp_path / "optimizer.pt").write_bytes(b"")
    with pytest.raises(UnsafeModelError, match="optimizer.pt can run code"):
        load(tmp_path)
