"""The settings of the stack: limits of its evaluation, and pseudo-relevance feedback."""

from pydantic import Field

from findtune.core.params import Section
from findtune.rewriter.model.settings import RewriterSettings


class TitleFeedback(Section):
    """Pseudo-relevance feedback, unless a rewriter's training has chosen its own on dev."""

    fb_docs: int = Field(gt=0)  # top documents of the question whose titles are searched too
    rank_constant: float = Field(ge=0)  # of reciprocal rank fusion
    original_query_weight: float = Field(gt=0)  # in the fusion; a title weighs 1


class StackSettings(Section):
    """The section `stack.SIZE` of params.yaml."""

    rerank_depth: int = Field(gt=0)  # top documents that a reranker reads
    max_questions: int = Field(gt=0)  # of dev, and of test
    max_corpus_documents: int = Field(gt=0)  # searched; dev and test may exceed it
    latency_questions: int = Field(gt=0)  # timed one by one
    prf: TitleFeedback


def without_rewrites(feedback: TitleFeedback | None) -> RewriterSettings:
    """Return settings without sampled rewrites: the question, with titles if feedback is given."""
    titles = feedback.model_dump() if feedback else {"fb_docs": 0}
    fusion = {"rank_constant": 60, "original_query_weight": 1, "query_repeats": 0}
    unused = dict.fromkeys(("num_return_sequences", "top_k", "max_input_tokens"), 1)
    return RewriterSettings.model_validate(
        {
            **fusion,
            **titles,
            **unused,
            "prompt": "",
            "temperature": 1,
            "max_new_tokens": 1,
            "ships": "titles" if feedback else "question",
            "retriever": "bm25",
            "num_rewrites": 0,
        }
    )
