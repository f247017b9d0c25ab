"""Writing a tuned reranker, together with what its evaluation needs."""

from pathlib import Path
from typing import cast

from sentence_transformers import SentenceTransformer
from transformers import PreTrainedModel

from findtune.reranker.model.blending import BlendWeights, write_weights
from findtune.reranker.model.examination import Examination, write_examination
from findtune.reranker.model.jina.architecture import JinaConfig
from findtune.reranker.model.reranker import TRAIN_RETRIEVER, Reranker, save_retriever
from findtune.reranker.training.onnx_export import export_onnx


def save_model(
    reranker: Reranker,
    train_retriever: SentenceTransformer,
    feature_weights: BlendWeights,
    examination: Examination,
    folder: Path,
) -> None:
    """Write a reranker to a folder, together with what its evaluation needs.

    train_retriever: the retriever that has not learned dev, for choices on dev. feature_weights:
    the ranking without the cross-encoder, in `retriever_features.json`. examination: the position
    bias for which picks are corrected, in `examination.json`. A JinaBERT also gets an ONNX file,
    since the libraries can't load it without this project.
    """
    reranker.save(folder)
    save_retriever(train_retriever, folder / TRAIN_RETRIEVER)
    write_weights(folder / "retriever_features.json", feature_weights)
    write_examination(folder / "examination.json", examination)
    cross_encoder = reranker.cross_encoder
    model = cast(PreTrainedModel, cross_encoder.model)
    if model.config.model_type == JinaConfig.model_type:
        export_onnx(model, cross_encoder.tokenizer, folder)
