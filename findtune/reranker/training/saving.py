"""Writing a tuned reranker, together with what it is compared with."""

from pathlib import Path
from typing import cast

from transformers import PreTrainedModel

from findtune.reranker.model.blending import BlendWeights, write_weights
from findtune.reranker.model.jina.architecture import JinaConfig
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.training.onnx_export import export_onnx
from findtune.training.interpolation import State, snapshot


def save_model(
    reranker: Reranker, base: State, feature_weights: BlendWeights, folder: Path
) -> None:
    """Write a reranker to a folder, and beside it two rankings to compare it with.

    base: the weights of the cross-encoder before it was tuned on picks, written to `base/`.
    feature_weights: a ranking without the cross-encoder, in `retriever_features.json`. A
    JinaBERT also gets an ONNX file, since the libraries can't load it without this project.
    """
    reranker.save(folder)
    write_weights(folder / "retriever_features.json", feature_weights)
    cross_encoder = reranker.cross_encoder
    tuned = snapshot(cross_encoder)
    cross_encoder.load_state_dict(base)
    cross_encoder.save_pretrained(str(folder / "base"), create_model_card=False)
    cross_encoder.load_state_dict(tuned)
    model = cast(PreTrainedModel, cross_encoder.model)
    if model.config.model_type == JinaConfig.model_type:
        export_onnx(model, cross_encoder.tokenizer, folder)
