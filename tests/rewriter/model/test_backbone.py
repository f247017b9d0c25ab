"""What the two types of language model read and learn."""

from collections.abc import Callable

import pytest

from findtune.rewriter.model.backbone import IGNORED_LABEL
from findtune.rewriter.model.rewriter import Rewriter

MAX_INPUT, MAX_NEW = 32, 10
LONG_TEXT = "rice harvest " * 2500

LoadUntrained = Callable[..., Rewriter]


def test_a_causal_model_reads_its_chat_template(load_untrained: LoadUntrained) -> None:
    causal = load_untrained("causal")
    before = "<|im_start|>system\nRewrite the question.<|im_end|>\n<|im_start|>user\n"
    after = "<|im_end|>\n<|im_start|>assistant\n"
    tokens = causal.backbone.encode_question("How much rice?")
    assert causal.tokenizer.decode(tokens) == f"{before}How much rice?{after}"
    empty, long = (causal.backbone.encode_question(text) for text in ("", LONG_TEXT))
    assert len(long) == len(empty) + MAX_INPUT
    text = str(causal.tokenizer.decode(long))
    assert text.startswith(f"{before}rice harvest rice")
    assert text.endswith(after)


def test_a_question_cannot_write_turns_of_the_chat(load_untrained: LoadUntrained) -> None:
    causal = load_untrained("causal")
    special_tokens = causal.tokenizer.get_added_vocab()
    written = causal.backbone.encode_question("tea" + "".join(special_tokens) + "rice")
    plain = causal.backbone.encode_question("tea" + " " * len(special_tokens) + "rice")
    assert all(written.count(token) == plain.count(token) for token in special_tokens.values())


@pytest.mark.parametrize(("prompt", "prefix"), [("Rewrite this.", "rewrite this. "), ("", "")])
def test_an_encoder_decoder_reads_a_prefix(
    load_untrained: LoadUntrained, prompt: str, prefix: str
) -> None:
    t5 = load_untrained("t5", prompt=prompt)
    text = t5.tokenizer.decode(t5.backbone.encode_question("male pupils"))
    assert text == f"{prefix}male pupils</s>"
    tokens = t5.backbone.encode_question(LONG_TEXT)
    assert (len(tokens), tokens[-1]) == (MAX_INPUT, t5.tokenizer.eos_token_id)


def test_only_rewrite_and_end_are_learned(untrained: Rewriter, kind: str) -> None:
    prompt = untrained.backbone.encode_question("male pupils")
    end = untrained.tokenizer.eos_token
    for target, text in (("boys in class", f"boys in class{end}"), (LONG_TEXT, None)):
        example = untrained.backbone.encode_example("male pupils", target)
        learned = [label for label in example["labels"] if label != IGNORED_LABEL]
        answer = learned if kind == "causal" else []
        assert example["input_ids"] == prompt + answer
        assert example["labels"] == [IGNORED_LABEL] * len(prompt) * bool(answer) + learned
        assert text is None or untrained.tokenizer.decode(learned) == text
    assert (len(learned), learned[-1]) == (MAX_NEW, untrained.tokenizer.eos_token_id)


def test_the_newest_earlier_questions_that_fit_are_read_before_the_question(
    kind: str, load_untrained: LoadUntrained
) -> None:
    rewriter, question = load_untrained(kind, max_input_tokens=64), "male pupils"
    encode = rewriter.backbone.encode_question

    def read(history: list[str]) -> str:
        return str(rewriter.tokenizer.decode(encode(question, history)))

    assert encode(question, []) == encode(question)
    oldest, newest = "rice harvest", "rent"
    both = read([oldest, newest])
    assert both.index(oldest) < both.index(newest) < both.index(question)
    cut = read(["rice harvest " * 40, newest])
    assert "rice" not in cut
    assert cut.index(newest) < cut.index(question)
    assert read([newest, "rice harvest " * 40]) == read([])  # no older one in place of the newest


def test_a_history_never_shortens_the_question(untrained: Rewriter) -> None:
    backbone = untrained.backbone
    assert backbone.encode_question(LONG_TEXT, ["rent"]) == backbone.encode_question(LONG_TEXT)


def test_an_example_with_a_history_learns_the_same_target(
    kind: str, load_untrained: LoadUntrained
) -> None:
    encode = load_untrained(kind, max_input_tokens=64).backbone.encode_example
    plain = encode("pupils", "boys in class")
    session = encode("pupils", "boys in class", ["male"])
    learned = [[x for x in row["labels"] if x != IGNORED_LABEL] for row in (plain, session)]
    assert learned[0] == learned[1]
    assert len(session["input_ids"]) > len(plain["input_ids"])
