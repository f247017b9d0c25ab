"""A base in a GGUF file comes out as plain weights, its own tokenizer and nothing else."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf.quants import dequantize, quantize
from test_rewriter_model import SETTINGS
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from findtune.bases import Base, fetch, refuse_unsafe
from findtune.errors import UnsafeModelError
from findtune.files import sha256
from findtune.gguf import native
from findtune.rewriter.model import read
from stages.base import native as native_of

FOUR_BITS = gguf.GGMLQuantizationType.Q4_1
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers": "blk",
}


def write_gguf(tiny_causal: Path, path: Path, *, packed: bool, architecture: str = "llama") -> None:
    """Write a Llama of safetensors as llama.cpp does; packed: its matrices in four bits."""
    model: Any = LlamaForCausalLM.from_pretrained(tiny_causal)
    words = json.loads((tiny_causal / "tokenizer.json").read_bytes())["model"]
    config, writer = model.config, gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    tokens = sorted(words["vocab"], key=words["vocab"].get)
    writer.add_token_list(tokens)
    writer.add_token_types([3 if it.startswith("<|") else 1 for it in tokens])
    writer.add_token_merges([" ".join(it) for it in words["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template((tiny_causal / "chat_template.jinja").read_text(encoding="utf-8"))
    for name, weight in model.state_dict().items():
        if name != "lm_head.weight":  # tied to the embedding
            write_tensor(writer, name, weight.numpy(), config, packed=packed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_tensor(
    writer: gguf.GGUFWriter, name: str, weight: np.ndarray, config: Any, *, packed: bool
) -> None:
    for heads, which in (
        (config.num_attention_heads, "q_proj"),
        (config.num_key_value_heads, "k_proj"),
    ):
        if which in name:  # llama.cpp turns what is near in a head, and HF what is half a head away
            turned = weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2)
            weight = turned.reshape(weight.shape)
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    if packed and weight.ndim == 2:
        writer.add_tensor(name, quantize(weight, FOUR_BITS), raw_dtype=FOUR_BITS)
    else:
        writer.add_tensor(name, np.ascontiguousarray(weight))


@pytest.fixture(scope="module", params=[False, True], ids=["fp32", "4 bits"])
def packed(request: pytest.FixtureRequest) -> bool:
    """Whether the matrices are in few bits."""
    return bool(request.param)


@pytest.fixture(scope="module")
def official(tiny_causal: Path, packed: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Llama as one GGUF file."""
    folder = tmp_path_factory.mktemp("official")
    write_gguf(tiny_causal, folder / "tiny.gguf", packed=packed)
    return folder


@pytest.fixture(scope="module")
def ours(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is made of it."""
    folder = tmp_path_factory.mktemp("ours")
    native(official, folder / "native")
    return folder / "native"


# What comes out


def test_every_weight_comes_out_as_the_file_holds_it(
    tiny_causal: Path, ours: Path, packed: bool
) -> None:
    stock = AutoModelForCausalLM.from_pretrained(tiny_causal, local_files_only=True).state_dict()
    found = AutoModelForCausalLM.from_pretrained(ours, local_files_only=True).state_dict()
    assert set(found) == set(stock)
    for name, weight in stock.items():
        wanted = weight.numpy()
        if packed and wanted.ndim == 2:
            wanted = dequantize(quantize(wanted, FOUR_BITS), FOUR_BITS)
            assert not np.array_equal(wanted, weight)
        assert found[name].dtype == torch.float32
        assert found[name].numpy() == pytest.approx(wanted, abs=1e-6), name


def test_the_tokenizer_reads_and_writes_as_it_did(tiny_causal: Path, ours: Path) -> None:
    before, after = (AutoTokenizer.from_pretrained(it) for it in (tiny_causal, ours))
    for text in ("How much rice?", "rice  2020\n稲 🌾", "<|im_start|>user\nrice<|im_end|>", ""):
        tokens = after(text, add_special_tokens=False)["input_ids"]
        assert tokens == before(text, add_special_tokens=False)["input_ids"]
        assert after.decode(tokens) == text
    for name in ("eos_token_id", "pad_token_id", "chat_template"):
        assert getattr(after, name) == getattr(before, name)


def test_what_comes_out_is_a_rewriters_base_that_nothing_unsafe_lies_in(
    tiny_causal: Path, ours: Path, packed: bool
) -> None:
    settings = SETTINGS.model_copy(update={"candidates": 3})
    refuse_unsafe(ours)
    found = read(ours, settings, frozenset())
    assert "quantization_config" not in json.loads((ours / "config.json").read_bytes())
    assert not [path for path in ours.iterdir() if path.suffix == ".gguf"]
    drawn = found.candidates(["how much rice is grown?"], 13)
    assert [len(its) for its in drawn] == [3]
    if not packed:
        stock = read(tiny_causal, settings, frozenset())
        assert stock.candidates(["how much rice is grown?"], 13) == drawn


def test_the_same_file_gives_the_same_bytes_and_tells_nothing_of_the_machine(
    official: Path, ours: Path, tmp_path: Path
) -> None:
    native(official, tmp_path / "again")
    one, two = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (ours, tmp_path / "again")
    )
    assert one == two
    assert not [name for name, it in one.items() if str(official).encode() in it]


def test_nothing_is_drawn_on_the_screen(
    official: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    native(official, tmp_path / "again")
    assert capfd.readouterr() == ("", "")


# How it is fetched


def base_of(folder: Path) -> Base:
    """Return the entry of a base whose only file is a GGUF file."""
    return Base(
        name="tiny",
        licence="Apache-2.0",
        architecture="LlamaForCausalLM",
        path=str(folder),
        wheel=None,
        hub=None,
        files={"tiny.gguf": sha256(folder / "tiny.gguf")},
    )


def test_a_base_that_lists_a_gguf_file_is_made_native(official: Path, tmp_path: Path) -> None:
    base = base_of(official)
    assert fetch(base, tmp_path / "out", native_of(base)) == f"path {official}"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert "tiny.gguf" not in names


def test_a_gguf_file_that_can_not_be_read_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "official"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(b"no such thing")
    base = base_of(folder)
    with pytest.raises(UnsafeModelError, match="tiny.gguf can't be read as GGUF"):
        fetch(base, tmp_path / "out", native_of(base))
    assert not (tmp_path / "out").exists()


# What is refused


@pytest.mark.parametrize("names", [(), ("a.gguf", "b.gguf")])
def test_there_is_exactly_one_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(UnsafeModelError, match=f"holds {len(names)} GGUF files"):
        native(tmp_path, tmp_path / "out")


BROKEN = {
    "empty": lambda it: b"",
    "of another kind": lambda it: b"PK\x03\x04" + it[4:],
    "no more than its name": lambda it: it[:4],
    "cut off in its header": lambda it: it[:20],
    "cut off in its first values": lambda it: it[:100],
    "cut off in its words": lambda it: it[:3000],
    "cut off in its list of tensors": lambda it: it[: it.index(b"blk.1.attn_v") + 20],
    "cut off in its tensors": lambda it: it[: len(it) * 3 // 4],
    "cut off at its end": lambda it: it[:-64],
    "without end": lambda it: it[:8] + b"\xff" * 16 + it[24:],
    "of noise": lambda it: it[:24] + bytes(range(256)) * 40,
    "of another version": lambda it: it[:4] + b"\x09\0\0\0" + it[8:],
    "that is no Llama": lambda it: it.replace(b"llama", b"lhama"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_is_refused_in_one_line(
    official: Path, tmp_path: Path, broken: Any
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(broken((official / "tiny.gguf").read_bytes()))
    with pytest.raises(UnsafeModelError, match="tiny.gguf can't be read as GGUF: .") as told:
        native(tmp_path, tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_lacks_a_tensor_is_refused(official: Path, tmp_path: Path) -> None:
    content = (official / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(content.replace(b"blk.1.attn_v", b"blk.7.attn_v"))
    with pytest.raises(UnsafeModelError, match=r"layers\.1\.self_attn\.v_proj"):
        native(tmp_path, tmp_path / "out")
