"""The bodies of requests, with their limits. Fields that nothing here knows are ignored."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from findtune.serving.limits import (
    MAX_DOCUMENTS,
    MAX_HISTORY,
    MAX_NAME_CHARS,
    MAX_QUERY_CHARS,
    MAX_RESULTS,
    MAX_REWRITES,
    MAX_TEXT_CHARS,
    MAX_TEXTS,
)

INVISIBLE = {"Cc", "Cf", "Cs"}  # control and format characters, and halves of one


def as_whole(value: object) -> object:
    """Return 4 for 4.0, which JSON does not tell apart; another value is as it was."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_blank(question: str) -> bool:
    """Return whether nothing of a question can be seen, so that it asks nothing."""
    kinds = {*map(unicodedata.category, question)}
    return all(kind in INVISIBLE or kind.startswith("Z") for kind in kinds)


def refuse_blank(question: str) -> str:
    """Return a question; raise ValueError for one that asks nothing."""
    if is_blank(question):
        raise ValueError("the question is empty; ask something")
    return question


# The limits stand before the validator, or the JSON schema would lack them.
WHOLE = BeforeValidator(as_whole)
Count = Annotated[int, Field(ge=1), WHOLE]
Rewrites = Annotated[int, Field(ge=1, le=MAX_REWRITES), WHOLE]
Results = Annotated[int, Field(ge=1, le=MAX_RESULTS), WHOLE]
Seed = Annotated[int, Field(ge=0, lt=2**32), WHOLE]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]
Query = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARS)]
Question = Annotated[
    str,
    Field(min_length=1, max_length=MAX_QUERY_CHARS, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(refuse_blank),
]
History = Annotated[list[Question], Field(max_length=MAX_HISTORY)]


class Body(BaseModel):
    """A body; fields that it does not know are ignored. false is no number, 0 no truth value."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def leave_out_nulls(cls, value: object) -> object:
        """Take null for a field that was left out, as clients send it that write all they have."""
        if not isinstance(value, Mapping):
            return value
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: item for name, item in value.items() if item is not None or name in required}


class ErrorDetail(BaseModel):
    """What OpenAI's clients read of an error. code: the HTTP status."""

    message: str
    type: str
    param: None
    code: int


class ErrorBody(BaseModel):
    """The body of every answer that is an error. message: what Cohere's clients read."""

    error: ErrorDetail
    message: str


class EmbeddingsBody(Body):
    """OpenAI's request for embeddings."""

    input: Text | Texts
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Count | None = None

    @field_validator("input", mode="before")
    @classmethod
    def refuse_tokens(cls, value: object) -> object:
        """Refuse token ids: those of another model's tokenizer would mean other words here."""
        first = next(iter(value), "") if isinstance(value, list) else value
        if isinstance(first, (int, list)) and not isinstance(first, bool):
            raise ValueError(
                "send texts, not token ids: the tokenizer of another model numbers other words"
            )
        return value

    @property
    def texts(self) -> list[str]:
        """The texts, also where there is one."""
        return [self.input] if isinstance(self.input, str) else self.input


class EmbedBody(Body):
    """The request of text-embeddings-inference for embeddings."""

    inputs: Text | Texts
    dimensions: Count | None = None
    normalize: Literal[True] = True

    @property
    def texts(self) -> list[str]:
        """The texts, also where there is one."""
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs


def filled(name: str) -> dict[str, Any]:
    """Return the JSON schema of an object in which a text is not empty."""
    return {"required": [name], "properties": {name: {"minLength": 1}}}


class Document(Body):
    """A document to rerank; clients that send a snippet or a content call it text."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [filled("title"), filled("text")]})

    title: Text = ""
    text: Text = ""
    url: Text = ""

    @model_validator(mode="after")
    def refuse_empty(self) -> "Document":
        """Refuse an object with neither a title nor a text, which probably names them otherwise."""
        if not self.title and not self.text:
            raise ValueError("a document needs a text, or a title")
        return self


def only(name: str, other: str) -> dict[str, Any]:
    """Return the JSON schema of a body that has one of two lists."""
    properties = {name: {"type": "array"}, other: {"type": "null"}}
    return {"required": [name], "properties": properties}


class RerankBody(Body):
    """Cohere's and Jina's request, with documents, or that of text-embeddings-inference."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [only("documents", "texts"), only("texts", "documents")]}
    )

    query: Query
    documents: list[Text | Document] | None = Field(
        default=None, min_length=1, max_length=MAX_DOCUMENTS
    )
    texts: list[Text] | None = Field(default=None, min_length=1, max_length=MAX_DOCUMENTS)
    model: str | None = None
    top_n: Count | None = None
    return_documents: bool = False
    return_text: bool = False
    raw_scores: bool = False

    @model_validator(mode="after")
    def refuse_both(self) -> "RerankBody":
        """Refuse a request of which nobody could say which answer it expects."""
        if (self.documents is None) == (self.texts is None):
            raise ValueError("send documents, or texts as text-embeddings-inference has them")
        return self

    @property
    def rows(self) -> list[dict[str, str]]:
        """The documents as a reranker reads them: {"title", "text"}."""
        return [
            {"title": "", "text": document}
            if isinstance(document, str)
            else {"title": document.title, "text": document.text}
            for document in self.documents or self.texts or []
        ]

    def shown(self, index: int) -> dict[str, str]:
        """Return a document of an answer: the fields that were sent."""
        document = (self.documents or self.texts or [])[index]
        if isinstance(document, str):
            return {"text": document}
        return document.model_dump(exclude_unset=True)


class RewriteBody(Body):
    """A request for rewrites; without n, as many as the pipeline searches."""

    query: Question
    model: str | None = None
    n: Rewrites | None = None
    seed: Seed | None = None
    history: History = []


class SearchBody(Body):
    """A request for a search; without rewrite_query, the question alone is searched.

    user: who asks; where searches are recorded, it is kept as a salted hash.
    """

    query: Question
    model: str | None = None
    max_num_results: Results = 10
    rewrite_query: bool = True
    history: History = []
    user: Annotated[str, Field(max_length=MAX_NAME_CHARS)] | None = None


class PicksBody(Body):
    """What a user picked of a recorded search.

    picks: URLs, the best first; [] where none is right, and null to take an answer back.
    """

    search: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    picks: Annotated[list[Text], Field(max_length=MAX_RESULTS)] | None
