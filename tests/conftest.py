"""Fixtures that many tests share: a corpus, feedback and models small enough for seconds.

The corpus lies in tests/data/small_corpus: 20 variables in two catalogs, scored pairs and pairs of
general English. The models are untrained.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import settings

from findtune.core.files import sha256, write_jsonl

# "same" tries the same examples on every machine. To look for new counterexamples now and then:
# pytest --hypothesis-profile explore
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("same")

DATA = Path(__file__).parent / "data"
CORPUS = DATA / "small_corpus"
CATALOGS = ("autogen_input/small/variables.csv", "autogen_input/medium/variables.csv")
ALTERNATIVES = "alternatives/written.csv"
# The tokenizers learn from the files in this order.
FILES = (*CATALOGS, ALTERNATIVES, "finetuning/sentence_pairs.csv", "guard/paraphrases.csv")
FIXTURES = yaml.safe_load((DATA / "fixtures.yaml").read_text(encoding="utf-8"))

# How often tests/test_torture.py tries: `make torture KILLS=20` passes these on.
SIZES = {"kills": 200, "full-disks": 60, "flips": 200, "fuzzed": 100_000}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line say how much test_torture.py tries."""
    for name, size in SIZES.items():
        parser.addoption(f"--{name}", type=int, default=size)


# The starter data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need the starter data when a team has replaced it with its own."""
    present = {
        "needs_starter_catalog": has_starter_catalog(),
        "needs_starter_feedback": has_starter_feedback(),
    }
    skip = pytest.mark.skip(reason="data/ no longer holds the starter data")
    for item in items:
        if any(item.get_closest_marker(name) and not there for name, there in present.items()):
            item.add_marker(skip)


def has_starter_catalog() -> bool:
    """Return whether a starter file exists; one is enough, so a lost file is noticed."""
    names = ("small/labour_income.csv", "small/health.csv", "medium/composed.csv")
    return any(Path("data/autogen_input", name).exists() for name in names)


def has_starter_feedback() -> bool:
    """Return whether a file of feedback mentions a site that only the starter data knows."""
    paths = Path("data/training_data").glob("*_training_data.json")
    return any("/methods.uniworld.example/" in path.read_text("utf-8", "replace") for path in paths)


# The corpus and the feedback


@pytest.fixture(scope="session")
def corpus_texts() -> list[str]:
    """Return the texts of the small corpus's files."""
    return [(CORPUS / name).read_text(encoding="utf-8") for name in FILES]


@pytest.fixture(scope="session")
def ten_line_corpus() -> Path:
    """Return the small corpus as a data folder. No test changes it."""
    return CORPUS


@pytest.fixture(scope="session")
def forty_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of feedback: forty ranked lists with picks, their judgments, and searches.

    Two questions ask for each of the 20 variables. A list shows five neighbours in the catalog.
    Users picked the variable that was asked for first, and the one below it, if any, second.
    """
    documents = [document(variable) for name in CATALOGS for variable in read_csv(name)]
    lists = [
        ranked_list(question, documents[index - index % 5 :][:5], picked=index % 5)
        for index, row in enumerate(read_csv(ALTERNATIVES))
        for question in row["Alternatives"].split(";")[:2]
    ]
    contents = {
        "reranker_training_data": {"reranker_data": lists},
        "query_rewriting_training_data": {"query_rewriting_data": list(map(search_record, lists))},
        "judgments": {
            row["query"]: dict(zip(row["positive_sources"], (3, 2), strict=False)) for row in lists
        },
    }
    folder = tmp_path_factory.mktemp("forty_lists")
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return folder


def read_csv(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((CORPUS / name).read_text(encoding="utf-8").splitlines()))


def document(variable: dict[str, str]) -> dict[str, str]:
    """Return a variable of the catalog as a page that a search shows."""
    url = f"https://catalog.example/{variable['dcid']}"
    return {"title": variable["Name"], "url": url, "snippet": variable["Description"]}


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
    query, documents = row["query"], row["all_sources"]
    title = {shown["url"]: shown["title"] for shown in documents}[row["positive_sources"][0]]
    matching = [shown for shown in documents if words(query) & words(shown["title"])]
    return {
        "original_query": query,
        "selected_sources": row["positive_sources"],
        "query_source_mapping": {
            query: {"query": query, "sources": matching},
            title: {"query": title, "sources": documents},
        },
        "timestamp": row["timestamp"],
    }


def words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", text.lower()))


@pytest.fixture(scope="session")
def rewriter_examples(forty_lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the stages `ingest` and `prepare` make for a rewriter."""
    from findtune.ingest.clean_files import write_clean
    from findtune.ingest.limits import FeedbackLimits
    from findtune.rewriter.prepare.examples import PrepareSettings, write_examples

    folder, data = tmp_path_factory.mktemp("rewriter_examples"), Path("data")
    clean = data / "clean" / "rewriter"
    limits = FeedbackLimits(max_text_chars=1000, max_documents=50, max_rejected=0)
    hidden_bar = nullcontext(SimpleNamespace(update=lambda size: None))
    options = {"limits": limits, "progress_bar": lambda size: hidden_bar}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # a record names its file by a relative path
        shutil.copytree(forty_lists, data / "training_data")
        for kind in ("searches", "corpus", "judgments"):
            write_clean(kind, data=data, out=clean, **options)
        prepare_settings = PrepareSettings.model_validate(FIXTURES["rewriter_examples"])
        write_examples(clean, Path("examples"), prepare_settings)
    return folder / "examples"


@pytest.fixture
def judged_project(tmp_path: Path) -> Path:
    """Return a folder with what the stages leave of a tiny project; a test may edit it."""
    project = tmp_path / "judged"
    files = yaml.safe_load((DATA / "report_project.yaml").read_text(encoding="utf-8"))
    for name, content in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            write_jsonl(path, content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")
    return project


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
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *known_words(corpus_texts)]
    encoder = tmp_path_factory.mktemp("encoder")
    BertModel(BertConfig(vocab_size=len(vocabulary), **FIXTURES["bert"]["config"])).save_pretrained(
        encoder
    )
    save_word_tokenizer(vocabulary, encoder)

    folder = tmp_path_factory.mktemp("tiny_base")
    modules = [Transformer(str(encoder), max_seq_length=40), Pooling(32), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def known_words(texts: list[str]) -> list[str]:
    return sorted({word for text in texts for word in words(text)})


@pytest.fixture(scope="session")
def save_word_tokenizer() -> Callable[[list[str], Path], None]:
    """Return the function that writes a tokenizer of whole words: (vocabulary, folder)."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    def save(vocabulary: list[str], folder: Path) -> None:
        layout = json.loads((DATA / "tokenizers" / "words.json").read_text(encoding="utf-8"))
        ids = layout["model"]["vocab"] = {word: index for index, word in enumerate(vocabulary)}
        layout["post_processor"] |= {"sep": ("[SEP]", ids["[SEP]"]), "cls": ("[CLS]", ids["[CLS]"])}
        tokenizer = Tokenizer.from_str(json.dumps(layout))
        special = FIXTURES["bert"]["tokenizer"]
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)

    return save


@pytest.fixture(scope="session")
def tiny_causal(corpus_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained Llama with a chat template and byte-level tokens."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = Tokenizer.from_file(str(DATA / "tokenizers" / "bytes.json"))
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text.lower() for text in corpus_texts], trainer)
    folder = tmp_path_factory.mktemp("tiny_causal")
    return save_untrained(LlamaForCausalLM, LlamaConfig, tokenizer, folder)


@pytest.fixture(scope="session")
def tiny_t5(corpus_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained T5 whose tokens are the corpus's words, and letters."""
    from tokenizers import Tokenizer
    from transformers import T5Config, T5ForConditionalGeneration

    layout = json.loads((DATA / "tokenizers" / "pieces.json").read_text(encoding="utf-8"))
    pieces = layout["model"]["vocab"]
    pieces += [(f"▁{word}", -5.0) for word in known_words(corpus_texts)]
    pieces += [(letter, -20.0) for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789?,."]
    tokenizer = Tokenizer.from_str(json.dumps(layout))
    folder = tmp_path_factory.mktemp("tiny_t5")
    return save_untrained(T5ForConditionalGeneration, T5Config, tokenizer, folder)


def save_untrained(model_class: Any, config_class: Any, tokenizer: Any, folder: Path) -> Path:
    """Write a language model with random weights and its tokenizer; return the folder."""
    import torch
    from transformers import PreTrainedTokenizerFast

    parts = FIXTURES[config_class.model_type]
    fast_tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **parts["tokenizer"])
    torch.manual_seed(0)
    config = config_class(vocab_size=len(fast_tokenizer), **parts["config"])
    model_class(config).save_pretrained(folder)
    fast_tokenizer.save_pretrained(folder)
    return folder


# A training that is killed again and again


class Killed(BaseException):
    """What a test raises in the place of SIGKILL."""


@pytest.fixture
def train_in_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return the function that trains until the end, in lives that are cut off after some steps.

    train: gets the checkpoints; steps: of each life; saved_every: steps from one checkpoint to the
    next. Returns what train returns, and all lines about checkpoints.
    """
    from findtune.training.checkpoints import Checkpoints
    from findtune.training.resumption import SaveCheckpoints

    on_step_end = SaveCheckpoints.on_step_end
    counts, lines = [0], list[str]()

    def end_step(self: SaveCheckpoints, *arguments: Any, **options: Any) -> None:
        counts[-1] += 1
        if counts[-1] > counts[0]:
            raise Killed
        on_step_end(self, *arguments, **options)

    def run(train: Callable[..., Any], steps: int, saved_every: int = 1) -> Any:
        def is_due(self: SaveCheckpoints) -> bool:
            return bool(self.trainer.state.global_step % saved_every == 0)

        monkeypatch.setattr(SaveCheckpoints, "on_step_end", end_step)
        monkeypatch.setattr(SaveCheckpoints, "is_due", is_due)
        counts[0] = steps
        for _ in range(100):
            counts.append(0)
            try:
                checkpoints = Checkpoints(tmp_path / "checkpoints" / "key", lines.append)
                return train(checkpoints=checkpoints), lines
            except Killed:
                continue
        raise AssertionError("the training does not get on")

    return run


# A project that git and DVC keep, for the tests of doctor, registry and sharing


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git and DVC repository whose pipeline has run and is committed."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(DATA / "tiny_project", folder)
    # Under its own name, DVC would take it for a part of this project's pipeline.
    (folder / "pipeline.yaml").rename(folder / "dvc.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            "git init --quiet --initial-branch=main",
            "git config user.name Somebody",
            "git config user.email somebody@example.org",
            "dvc init --quiet",
            "dvc config core.analytics false",
            "dvc repro --quiet",
            "git add --all",
            "git commit --quiet --message=Train",
        ):
            run_tool(command)
    return folder


@pytest.fixture
def tiny_project(finished_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a copy of the finished project."""
    folder = tmp_path / "project"
    shutil.copytree(finished_project, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return folder


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Return the function that runs git or dvc and returns what it prints."""
    return run_tool


def run_tool(command: str) -> str:
    """Run git or dvc; raise AssertionError with its message if it fails."""
    name, *arguments = shlex.split(command)
    call = ["git"] if name == "git" else [sys.executable, "-m", "dvc"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    result = subprocess.run([*call, *arguments], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, (command, result.stderr)
    return result.stdout


# The whole pipeline, on tiny models and a few lines of data


@pytest.fixture(scope="session")
def whole_pipeline(
    tiny_base: Path,
    tiny_t5: Path,
    ten_line_corpus: Path,
    forty_lists: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a project in which the whole pipeline ran once. No test changes it."""
    from dvc.repo import Repo

    project = tmp_path_factory.mktemp("built")
    for folder in ("stages", "findtune"):
        shutil.copytree(folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ten_line_corpus, project / "data")
    shutil.copytree(forty_lists, project / "data" / "training_data")
    (project / ".dvc").mkdir()
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config"):
        shutil.copyfile(name, project / name)
    bases = {"embedder": tiny_base, "reranker": tiny_base, "rewriter": tiny_t5}
    text = yaml.safe_dump(tiny_params(bases), sort_keys=False)
    (project / "params.yaml").write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site_cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.chdir(project)
        with Repo() as repo:
            repo.reproduce()
    return project


def tiny_params(bases: dict[str, Path]) -> dict[str, Any]:
    """Return params.yaml with bases, splits and recipes for a few lines of data."""
    content: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    tiny = yaml.safe_load((DATA / "tiny_params.yaml").read_text(encoding="utf-8"))
    content["sizes"] = ["small"]
    for room, base in bases.items():
        files = {
            path.relative_to(base).as_posix(): sha256(path)
            for path in sorted(base.rglob("*"))
            if path.is_file()
        }
        source = {"path": str(base), "wheel": None, "hub": None, "files": files}
        content["base"][room]["small"] |= {"name": "tiny", **source}
        content["prepare"][room]["small"] |= tiny["prepare"][room]
        content[room]["small"] |= tiny[room]
    return content
