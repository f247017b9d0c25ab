"""Loading a cross-encoder, a JinaBERT or a stock one, without running code from its folder.

The libraries know the model_type of a JinaBERT only after `register()`, so `CrossEncoder(folder)`
alone can't load it. Its ONNX file needs no code of this project.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from sentence_transformers import CrossEncoder
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging

from findtune.bases.safety import refuse_unsafe
from findtune.core.errors import InputError, UnsafeModelError
from findtune.reranker.model.jina.architecture import JinaConfig, JinaForSequenceClassification

# 0, 1, 2, ...: older BERT models store this tensor, though it is not a weight.
POSITION_IDS = "embeddings.position_ids"

Shape = tuple[int, ...]


def register() -> None:
    """Make JinaBERT known to the Auto classes of transformers; calling it twice is harmless."""
    AutoConfig.register(JinaConfig.model_type, JinaConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(
        JinaConfig, JinaForSequenceClassification, exist_ok=True
    )


def load_cross_encoder(folder: Path, max_length: int) -> CrossEncoder:
    """Return the cross-encoder in a folder, in fp32.

    It may be a JinaBERT, or any classifier with one logit that is part of transformers. Raises
    UnsafeModelError when the folder holds a pickle, code, or weights that don't fit the config,
    and InputError when the config does not describe a known model.
    """
    refuse_unsafe(folder)
    register()
    refuse_misfit(folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # loading takes 0.1 s
    model: CrossEncoder = CrossEncoder(
        str(folder),
        num_labels=1,
        max_length=max_length,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
    return model


def refuse_misfit(folder: Path) -> None:
    """Raise UnsafeModelError unless a folder holds exactly the weights of its config, all finite.

    transformers would only warn, and initialize missing weights at random.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise UnsafeModelError(f"{path} is missing; weights are read from that file only.")
    expected = expected_shapes(folder)
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in names}
        for misfit in misfits(expected, stored):
            raise UnsafeModelError(f"{path} does not fit its config.json: {misfit}.")
        for name in names:
            if not torch.isfinite(file.get_tensor(name)).all():
                raise UnsafeModelError(
                    f"{path} holds NaN or infinite numbers in {name}; fetch or train it again."
                )


def expected_shapes(folder: Path) -> dict[str, Shape]:
    """Return the shape of each tensor that a folder's config asks for."""
    path = folder / "config.json"
    try:
        config = AutoConfig.from_pretrained(
            folder, num_labels=1, local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} describes no known model: {error}") from None
    return {name: tuple(weight.shape) for name, weight in model.state_dict().items()}


def misfits(expected: Mapping[str, Shape], stored: Mapping[str, Shape]) -> Iterator[str]:
    """Yield what is wrong with stored tensors: missing, unexpected, or of another shape."""
    if missing := expected.keys() - stored.keys():
        yield f"tensors are missing: {', '.join(sorted(missing))}"
    unexpected = {name for name in stored.keys() - expected.keys() if not is_position_ids(name)}
    if unexpected:
        yield f"the model has no such tensors: {', '.join(sorted(unexpected))}"
    for name in sorted(expected.keys() & stored.keys()):
        if stored[name] != expected[name]:
            yield f"{name} has the shape {stored[name]}, not {expected[name]}"


def is_position_ids(name: str) -> bool:
    """Return whether a tensor only numbers the positions."""
    return name.endswith(POSITION_IDS)
