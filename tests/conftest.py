"""Fixtures that many tests share: a corpus, feedback and models small enough for seconds.

The corpus lies in tests/data/small_corpus: 20 variables in two catalogs, scored pairs and pairs of
general English. The models are untrained.
"""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

# "same" tries the same examples on every machine. To look for new counterexamples now and then:
# pytest --hypothesis-profile explore
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("same")

CORPUS = Path(__file__).parent / "data" / "small_corpus"
CATALOGS = ("autogen_input/small/variables.csv", "autogen_input/medium/variables.csv")
ALTERNATIVES = "alternatives/written.csv"
# The tokenizers learn from the files in this order.
FILES = (*CATALOGS, ALTERNATIVES, "finetuning/sentence_pairs.csv", "guard/paraphrases.csv")

# The starter data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need the starter data when a team has replaced it with its own."""
    present = {
        "needs_starter_catalog": any(starter_catalog_files()),
        "needs_starter_feedback": any(starter_feedback_files()),
    }
    skip = pytest.mark.skip(reason="data/ no longer holds the starter data")
    for item in items:
        if any(item.get_closest_marker(name) and not there for name, there in present.items()):
            item.add_marker(skip)


def starter_catalog_files() -> Iterator[Path]:
    """Yield the starter catalog's files that exist.

    One is enough for the tests to run, so a file that was deleted by accident is noticed.
    """
    for name in ("small/labour_income.csv", "small/health.csv", "medium/composed.csv"):
        if (path := Path("data/autogen_input", name)).exists():
            yield path


def starter_feedback_files() -> Iterator[Path]:
    """Yield the feedback files that mention a site which only the starter data knows."""
    for name in ("reranker_training_data.json", "query_rewriting_training_data.json"):
        path = Path("data/training_data", name)
        if path.exists() and "/methods.uniworld.example/" in path.read_text("utf-8", "replace"):
            yield path


# The corpus and the feedback


@pytest.fixture(scope="session")
def corpus_texts() -> list[str]:
    """Return the texts of the small corpus's files."""
    return [(CORPUS / name).read_text(encoding="utf-8") for name in FILES]


@pytest.fixture(scope="session")
def ten_line_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the small corpus as a data folder."""
    return shutil.copytree(CORPUS, tmp_path_factory.mktemp("ten_line_corpus") / "data")


@pytest.fixture(scope="session")
def forty_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of feedback: forty ranked lists with picks, their judgments, and searches.

    Two questions ask for each of the 20 variables. A list shows five neighbours in the catalog.
    Users picked the variable that was asked for first, and the one below it, if any, second.
    """
    variables = [row for name in CATALOGS for row in read_csv(CORPUS / name)]
    lists = []
    for index, row in enumerate(read_csv(CORPUS / ALTERNATIVES)):
        documents = [document(variable) for variable in variables[index - index % 5 :][:5]]
        for question in row["Alternatives"].split(";")[:2]:
            lists.append(ranked_list(question, documents, picked=index % 5))
    judgments = {
        row["query"]: dict(zip(row["positive_sources"], (3, 2), strict=False)) for row in lists
    }
    searches = [search_record(row) for row in lists]
    folder = tmp_path_factory.mktemp("forty_lists")
    write_json(folder / "reranker_training_data.json", {"reranker_data": lists})
    write_json(folder / "judgments.json", judgments)
    write_json(folder / "query_rewriting_training_data.json", {"query_rewriting_data": searches})
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document(variable: dict[str, str]) -> dict[str, str]:
    """Return a variable of the catalog as a page that a search shows."""
    return {
        "title": variable["Name"],
        "url": f"https://catalog.example/{variable['dcid']}",
        "snippet": variable["Description"],
    }


def ranked_list(query: str, documents: list[dict[str, str]], picked: int) -> dict[str, Any]:
    """Return a list as a log writes it; `picked` is the position of the first of two picks."""
    urls = [row["url"] for row in documents]
    return {
        "query": query,
        "all_sources": documents,
        "positive_sources": urls[picked : picked + 2],
        "negative_sources": urls[:picked] + urls[picked + 2 :],
        "timestamp": "2025-01-31T12:00:00Z",
    }


def search_record(row: dict[str, Any]) -> dict[str, Any]:
    """Return the question of a list with two searches: itself and the title of the first pick.

    The title finds the whole list. The question finds only documents that share a word with it.
    """
    documents = row["all_sources"]
    titles = {shown["url"]: shown["title"] for shown in documents}
    title = titles[row["positive_sources"][0]]
    query_words = words(row["query"])
    matching = [shown for shown in documents if query_words & words(shown["title"])]
    return {
        "original_query": row["query"],
        "selected_sources": row["positive_sources"],
        "query_source_mapping": {
            row["query"]: {"query": row["query"], "sources": matching},
            title: {"query": title, "sources": documents},
        },
        "timestamp": row["timestamp"],
    }


def words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", text.lower()))


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


# How the rewriter's examples are made of the feedback above.
QUESTIONS = {
    "questions": {"dev": 0.25, "test": 0.3, "fold": 0},
    "gains": [3, 2, 1],
    "max_targets": 4,
    "max_identity_share": 0.1,
    "title_targets": {"picks": 2, "weight": 0.5},
    "max_corpus_documents": 100,
}


@pytest.fixture(scope="session")
def rewriter_examples(forty_lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the stages `ingest` and `prepare` make for a rewriter."""
    from findtune.ingest.clean_files import write_clean
    from findtune.ingest.limits import FeedbackLimits
    from findtune.rewriter.prepare.examples import PrepareSettings, write_examples

    def hidden_bar(_: int) -> AbstractContextManager[Any]:
        return nullcontext(SimpleNamespace(update=lambda size: None))

    folder, data = tmp_path_factory.mktemp("rewriter_examples"), Path("data")
    clean = data / "clean" / "rewriter"
    limits = FeedbackLimits(max_text_chars=1000, max_documents=50, max_rejected=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # a record names its file by a relative path
        shutil.copytree(forty_lists, data / "training_data")
        for kind in ("searches", "corpus", "judgments"):
            write_clean(kind, data=data, out=clean, limits=limits, progress_bar=hidden_bar)
        write_examples(clean, Path("examples"), PrepareSettings.model_validate(QUESTIONS))
    return folder / "examples"


# Models. Loading torch takes seconds and most tests need no model, so fixtures import it.


@pytest.fixture(scope="session")
def tiny_base(
    corpus_texts: list[str],
    save_word_tokenizer: Callable[[list[str], Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the folder of an untrained sentence encoder that knows the corpus's words."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    known = sorted({word for text in corpus_texts for word in words(text)})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *known]
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, max_position_embeddings=48, **shape
    )
    encoder = tmp_path_factory.mktemp("encoder")
    BertModel(config).save_pretrained(encoder)
    save_word_tokenizer(vocabulary, encoder)

    folder = tmp_path_factory.mktemp("tiny_base")
    modules = [Transformer(str(encoder), max_seq_length=40), Pooling(32), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def save_word_tokenizer() -> Callable[[list[str], Path], None]:
    """Return the function that writes a tokenizer of whole words: (vocabulary, folder)."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    def save(vocabulary: list[str], folder: Path) -> None:
        ids = {word: index for index, word in enumerate(vocabulary)}
        tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.post_processor = processors.BertProcessing(
            ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
        )
        special = {
            f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
        }
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)

    return save


CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_causal(corpus_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained Llama with a chat template and byte-level tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([text.lower() for text in corpus_texts], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT,
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("tiny_causal")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_t5(corpus_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained T5 whose tokens are the corpus's words, and letters."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    known = sorted({word for text in corpus_texts for word in words(text)})
    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((f"▁{word}", -5.0) for word in known),
    ]
    pieces += [(letter, -20.0) for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789?,."]
    unigram = Tokenizer(models.Unigram(pieces, unk_id=2))
    unigram.normalizer = normalizers.Lowercase()
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    unigram.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=unigram, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    folder = tmp_path_factory.mktemp("tiny_t5")
    T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
