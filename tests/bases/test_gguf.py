"""A base in a GGUF file is converted to plain weights and its own tokenizer, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from gguf.quants import dequantize, quantize
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from findtune.bases.entry import BaseEntry
from findtune.bases.fetching import fetch
from findtune.bases.gguf import convert
from findtune.core.errors import UnsafeModelError
from findtune.core.files import sha256

FOUR_BITS = gguf.GGMLQuantizationType.Q4_1
SHAPE = {  # GGUF's names of the settings of a Llama
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "head_count": "num_attention_heads",
    "head_count_kv": "num_key_value_heads",
    "rope_dimension_count": "head_dim",
    "layer_norm_rms_eps": "rms_norm_eps",
    "vocab_size": "vocab_size",
}


def write_gguf(model: Any, tokenizer: dict[str, Any], path: Path) -> None:
    """Write a Llama as llama.cpp does, its matrices in four bits."""
    writer = gguf.GGUFWriter(path, "llama")
    config = model.config
    shape = {name: getattr(config, setting) for name, setting in SHAPE.items()}
    shape["rope_freq_base"] = config.rope_parameters["rope_theta"]
    for name, value in (shape | tokenizer).items():
        getattr(writer, f"add_{name}")(value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        weight, target = tensor.numpy(), names.get_name(name, try_suffixes=(".weight",))
        if (projection := name.split(".")[-2]) in heads:
            # llama.cpp rotates neighbours, HF positions half a head apart
            paired = weight.reshape(heads[projection], 2, -1, weight.shape[1]).swapaxes(1, 2)
            weight = paired.reshape(weight.shape)
        if weight.ndim == 1:
            writer.add_tensor(target, weight)
        elif name != "lm_head.weight":  # tied to the embedding
            writer.add_tensor(target, quantize(weight, FOUR_BITS), raw_dtype=FOUR_BITS)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tokenizer_fields(tiny_causal: Path) -> dict[str, Any]:
    """Return what a GGUF file says of a byte-level BPE tokenizer."""
    bpe = json.loads((tiny_causal / "tokenizer.json").read_bytes())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "unk_token_id": 0}
    return ids | {
        "tokenizer_model": "gpt2",
        "tokenizer_pre": "default",
        "token_list": tokens,
        "token_types": [3 if token.startswith("<|") else 1 for token in tokens],
        "token_merges": [" ".join(merge) for merge in bpe["merges"]],
        "add_bos_token": False,
        "chat_template": (tiny_causal / "chat_template.jinja").read_text(encoding="utf-8"),
    }


@pytest.fixture(scope="module")
def stock(tiny_causal: Path) -> Any:
    """Return a tiny Llama whose matrices have values that four bits can hold."""
    model: Any = LlamaForCausalLM.from_pretrained(tiny_causal)
    for weight in model.parameters():
        if weight.ndim == 2:
            exact = dequantize(quantize(weight.detach().numpy(), FOUR_BITS), FOUR_BITS)
            weight.data.copy_(torch.from_numpy(exact))
    return model


@pytest.fixture(scope="module")
def official(stock: Any, tiny_causal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with this Llama as one GGUF file."""
    folder = tmp_path_factory.mktemp("official")
    write_gguf(stock, tokenizer_fields(tiny_causal), folder / "tiny.gguf")
    return folder


@pytest.fixture(scope="module")
def converted(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder after the conversion."""
    folder = tmp_path_factory.mktemp("converted") / "model"
    convert(official, folder)
    return folder


# The converted model


def test_every_weight_has_the_value_in_the_file_and_the_settings_agree(
    stock: Any, converted: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(converted, local_files_only=True)
    weights, expected = model.state_dict(), stock.state_dict()
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    torch.testing.assert_close(dict(weights), dict(expected), atol=1e-6, rtol=0)
    tokens = torch.arange(3, 40)[None]
    with torch.no_grad():
        assert torch.allclose(model(tokens).logits, stock(tokens).logits, atol=1e-5)


def test_the_tokenizer_encodes_and_decodes_as_before(tiny_causal: Path, converted: Path) -> None:
    before, after = (AutoTokenizer.from_pretrained(path) for path in (tiny_causal, converted))
    for text in ("How much rice?", "rice  2020\n稲 🌾", "<|im_start|>user\nrice<|im_end|>", ""):
        tokens = after(text, add_special_tokens=False)["input_ids"]
        assert tokens == before(text, add_special_tokens=False)["input_ids"]
        assert after.decode(tokens) == text
    for name in ("eos_token_id", "pad_token_id", "chat_template"):
        assert getattr(after, name) == getattr(before, name)


def test_the_conversion_is_quiet_repeatable_and_writes_no_local_path(
    official: Path, converted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    convert(official, tmp_path / "again")
    assert capfd.readouterr() == ("", "")
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (converted, tmp_path / "again")
    )
    assert first == second
    assert not [name for name, content in first.items() if str(official).encode() in content]


def test_a_fetched_gguf_file_becomes_a_safe_folder_without_a_trace_of_gguf(
    official: Path, tmp_path: Path
) -> None:
    plain = {"name": "tiny", "license": "MIT", "architecture": "LlamaForCausalLM"}
    files = {"tiny.gguf": sha256(official / "tiny.gguf")}
    entry = BaseEntry(**plain, path=str(official), wheel=None, hub=None, files=files)
    out = tmp_path / "out"
    assert fetch(entry, out, convert) == f"path {official}"
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith(".gguf")]
    assert "quantization_config" not in json.loads((out / "config.json").read_bytes())


# Refused files


def refusal(folder: Path) -> str:
    """Return the message with which a folder is refused; nothing is written."""
    with pytest.raises(UnsafeModelError) as error:
        convert(folder, folder / "out")
    assert not (folder / "out").exists()
    return str(error.value)


@pytest.mark.parametrize("names", [(), ("a.gguf", "b.gguf")])
def test_a_folder_without_exactly_one_gguf_file_is_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"GGUF")
    assert f"holds {len(names)} GGUF files" in refusal(tmp_path)


BROKEN = [lambda content, size=size: content[:size] for size in (0, 20, 100, 3000, -64)]
BROKEN += [
    lambda content: content[: content.index(b"blk.1.attn_v") + 20],  # in the list of tensors
    lambda content: b"PK\x03\x04" + content[4:],  # another format
    lambda content: content[:4] + b"\x09\0\0\0" + content[8:],  # another version
    lambda content: content[:8] + b"\xff" * 16 + content[24:],  # huge counts
    lambda content: content[:24] + bytes(range(256)) * 40,  # noise
    lambda content: content.replace(b"llama", b"lhama"),  # another architecture
]


@pytest.mark.parametrize("change", BROKEN)
def test_a_broken_file_is_refused_in_one_line(
    official: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(change((official / "tiny.gguf").read_bytes()))
    text = refusal(tmp_path)
    assert text.startswith("tiny.gguf can't be read as GGUF: ")
    assert "\n" not in text


def test_a_file_without_one_of_the_tensors_is_refused(official: Path, tmp_path: Path) -> None:
    content = (official / "tiny.gguf").read_bytes().replace(b"blk.1.attn_v", b"blk.7.attn_v")
    (tmp_path / "tiny.gguf").write_bytes(content)
    assert "layers.1.self_attn.v_proj" in refusal(tmp_path)
