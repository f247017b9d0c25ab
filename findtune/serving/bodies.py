"""The bodies of requests, with their limits. Unknown fields are ignored."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
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

INVISIBLE = {"Cc", "Cf", "Cs"}  # control characters, format characters, surrogates
# The form in which a field was sent, if it may have two; a part of the place of an error.
TAGS = ONE_TEXT, A_LIST, AN_OBJECT = "one text", "a list", "an object"


def as_whole(value: object) -> object:
    """Return 4 for 4.0, since JSON has one type for both; return other values unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_blank(question: str) -> bool:
    """Return whether a question has no visible character."""
    kinds = {*map(unicodedata.category, question)}
    return all(kind in INVISIBLE or kind.startswith("Z") for kind in kinds)


def refuse_blank(question: str) -> str:
    """Return a question; raise ValueError if it is blank."""
    if is_blank(question):
        raise ValueError("the question is empty; ask something")
    return question


def form_of(value: object) -> str | None:
    """Return the tag of a value, so that it is checked as what it is, and not as all it may be."""
    forms = ((str, ONE_TEXT), (list, A_LIST), (Mapping, AN_OBJECT))
    return next((tag for kind, tag in forms if isinstance(value, kind)), None)


# Limits come before the validator; otherwise the JSON schema would lack them.
WHOLE = BeforeValidator(as_whole)
Count = Annotated[int, Field(ge=1), WHOLE]
Rewrites = Annotated[int, Field(ge=1, le=MAX_REWRITES), WHOLE]
Results = Annotated[int, Field(ge=1, le=MAX_RESULTS), WHOLE]
Seed = Annotated[int, Field(ge=0, lt=2**32), WHOLE]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]
TextOrTexts = Annotated[
    Annotated[Text, Tag(ONE_TEXT)] | Annotated[Texts, Tag(A_LIST)],
    Discriminator(
        form_of,
        custom_error_type="text_or_texts",
        custom_error_message="send a text or a list of texts",
    ),
]
Query = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARS)]
Question = Annotated[
    str,
    Field(min_length=1, max_length=MAX_QUERY_CHARS, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(refuse_blank),
]
History = Annotated[list[Question], Field(max_length=MAX_HISTORY)]


class Body(BaseModel):
    """A body; unknown fields are ignored. Types are strict: false is not 0, and 0 is not false."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def leave_out_nulls(cls, value: object) -> object:
        """Treat null as a missing field, since some clients send every field that they have."""
        if not isinstance(value, Mapping):
            return value
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: item for name, item in value.items() if item is not None or name in required}


class ErrorDetail(BaseModel):
    """The error that OpenAI's clients read. code: the HTTP status."""

    message: str
    type: str
    param: None
    code: int


class ErrorBody(BaseModel):
    """The body of every error. message: the field that Cohere's clients read."""

    error: ErrorDetail
    message: str


class EmbeddingsBody(Body):
    """OpenAI's request for embeddings."""

    input: TextOrTexts
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Count | None = None

    @field_validator("input", mode="before")
    @classmethod
    def refuse_tokens(cls, value: object) -> object:
        """Refuse token ids: those of another tokenizer mean other words here."""
        first = next(iter(value), "") if isinstance(value, list) else value
        if isinstance(first, (int, list)) and not isinstance(first, bool):
            raise ValueError(
                "send texts, not token ids: those of another tokenizer mean other words here"
            )
        return value

    @property
    def texts(self) -> list[str]:
        """The texts as a list, even if there is only one."""
        return [self.input] if isinstance(self.input, str) else self.input


class EmbedBody(Body):
    """The request of text-embeddings-inference for embeddings."""

    inputs: TextOrTexts
    dimensions: Count | None = None
    normalize: Literal[True] = True

    @property
    def texts(self) -> list[str]:
        """The texts as a list, even if there is only one."""
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs


def filled(name: str) -> dict[str, Any]:
    """Return the JSON schema of an object whose text of this name is not empty."""
    return {"required": [name], "properties": {name: {"minLength": 1}}}


class Document(Body):
    """A document to rerank; a snippet or content has to be sent as text."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [filled("title"), filled("text")]})

    title: Text = ""
    text: Text = ""
    url: Text = ""

    @model_validator(mode="after")
    def refuse_empty(self) -> "Document":
        """Refuse an object without title and text, which probably has other names for them."""
        if not self.title and not self.text:
            raise ValueError("a document needs a text, or a title")
        return self


TextOrDocument = Annotated[
    Annotated[Text, Tag(ONE_TEXT)] | Annotated[Document, Tag(AN_OBJECT)],
    Discriminator(
        form_of,
        custom_error_type="text_or_document",
        custom_error_message="send a text or an object with title, text and url",
    ),
]


def only(name: str, other: str) -> dict[str, Any]:
    """Return the JSON schema of a body with one list and without the other."""
    properties = {name: {"type": "array"}, other: {"type": "null"}}
    return {"required": [name], "properties": properties}


class RerankBody(Body):
    """A rerank request: of Cohere or Jina (documents) or text-embeddings-inference (texts)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [only("documents", "texts"), only("texts", "documents")]}
    )

    query: Query
    documents: list[TextOrDocument] | None = Field(
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
        """Refuse a request with both lists or neither: its answer would have no clear form."""
        if (self.documents is None) == (self.texts is None):
            raise ValueError("send documents, or texts as in text-embeddings-inference")
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
        """Return a document for an answer, with the fields that were sent."""
        document = (self.documents or self.texts or [])[index]
        if isinstance(document, str):
            return {"text": document}
        return document.model_dump(exclude_unset=True)


class RewriteBody(Body):
    """A request for rewrites. n: how many; by default as many as the pipeline searches."""

    query: Question
    model: str | None = None
    n: Rewrites | None = None
    seed: Seed | None = None
    history: History = []


class SearchBody(Body):
    """A request for a search. rewrite_query: if false, only the question is searched.

    user: who asks; if searches are recorded, it is stored as a salted hash.
    """

    query: Question
    model: str | None = None
    max_num_results: Results = 10
    rewrite_query: bool = True
    history: History = []
    user: Annotated[str, Field(max_length=MAX_NAME_CHARS)] | None = None


class PicksBody(Body):
    """What a user picked of a recorded search.

    picks: URLs, the best first; [] if none is right, null to take an answer back.
    """

    search: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    picks: Annotated[list[Text], Field(max_length=MAX_RESULTS)] | None
