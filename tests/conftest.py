"""A model, a corpus and feedback small enough to run the whole pipeline in seconds, made here."""

import csv
import json
import re
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

# What passes here passes everywhere. Look for new counterexamples now and then, with
# pytest --hypothesis-profile explore
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("same")

VARIABLES = "dcid,Name,Description,Override_Alternatives,Curated_Alternatives"
SMALL = """
work/men,"Unemployment Rate, Men",Men in the labour force without work.,,jobless men
work/women,"Unemployment Rate, Women",Women in the labour force without work.,,jobless women
work/youth,"Unemployment Rate, Youth",Youth in the labour force without work.,,jobless youth
pay/men,"Median Pay, Men",What the middle one of all men earns.,,typical wage of men
pay/women,"Median Pay, Women",What the middle one of all women earns.,,typical wage of women
heart/men,"Heart Disease Deaths, Men",Men who died of heart disease.,,fatal attacks of men
heart/women,"Heart Disease Deaths, Women",Women who died of heart disease.,,fatal attacks of women
lung/men,"Lung Disease Deaths, Men",Men who died of lung disease.,,fatal coughs of men
lung/women,"Lung Disease Deaths, Women",Women who died of lung disease.,,fatal coughs of women
wheat/tonnes,"Wheat Harvest, Tonnes",Weight of wheat taken from the fields.,,wheat crop by weight
wheat/hectares,"Wheat Harvest, Hectares",Land on which wheat was cut.,,wheat crop by land
rice/tonnes,"Rice Harvest, Tonnes",Weight of rice taken from the paddies.,,rice crop by weight
school/boys,"School Enrolment, Boys",Boys who go to school.,,boys in class
school/girls,"School Enrolment, Girls",Girls who go to school.,,girls in class
"""
MEDIUM = """
rent/private,"Median Rent, Private Homes",What private landlords ask.,,price of a private flat
rent/social,"Median Rent, Social Homes",What public landlords ask.,,cost of a public flat
rain/winter,"Rainfall, Winter Months",Water that falls from winter clouds.,,how wet winter is
rain/summer,"Rainfall, Summer Months",Water that falls from summer clouds.,,how wet summer is
cars/diesel,"Registered Cars, Diesel",Cars that burn diesel.,,diesel motors in use
cars/electric,"Registered Cars, Electric",Cars that a battery moves.,,battery motors in use
"""
ALTERNATIVES = """
work/men,men out of a job;how many men seek work?;idle male labour
work/women,women out of a job;how many women seek work?;idle female labour
work/youth,youth out of a job;how many youth seek work?;idle young labour
pay/men,earnings of men;what do men take home?;male income
pay/women,earnings of women;what do women take home?;female income
heart/men,men killed by the heart;do hearts kill many men?;male cardiac toll
heart/women,women killed by the heart;do hearts kill many women?;female cardiac toll
lung/men,men killed by the lungs;do lungs kill many men?;male respiratory toll
lung/women,women killed by the lungs;do lungs kill many women?;female respiratory toll
wheat/tonnes,wheat output;how much wheat is grown?;grain tonnes of wheat
wheat/hectares,wheat acreage;how much land bears wheat?;grain hectares of wheat
rice/tonnes,rice output;how much rice is grown?;grain tonnes of rice
school/boys,male pupils;how many boys learn at school?;boys enrolled
school/girls,female pupils;how many girls learn at school?;girls enrolled
rent/private,private tenant bill;what do private tenants pay?;market rent level
rent/social,public tenant bill;what do public tenants pay?;council rent level
rain/winter,winter downpour;does it rain much in winter?;wet cold season
rain/summer,summer downpour;does it rain much in summer?;wet warm season
cars/diesel,diesel fleet;how many cars burn diesel?;oil powered cars
cars/electric,electric fleet;how many cars use a battery?;plug powered cars
"""
SCORED = """
unemployment,jobless,0.95
unemployment,rain,0.0
men,women,0.1
male,men,0.95
female,women,0.95
female,male,0.1
wheat,rice,0.3
grain,wheat,0.7
harvest,crop,0.9
harvest,school,0.0
heart,lung,0.3
heart,cardiac,0.95
deaths,killed,0.8
deaths,pay,0.0
pay,wage,0.95
pay,income,0.9
rent,tenant,0.7
rent,battery,0.0
school,pupils,0.8
school,class,0.85
cars,motors,0.85
cars,rice,0.05
winter,cold,0.7
winter,summer,0.2
"""
GUARD = """
The dog sleeps.,A hound is asleep.,1.0
The dog sleeps well.,The soup is hot.,0.0
We sang a song.,All of us were singing.,0.9
We sang loudly.,Her bike is red.,0.0
The soup is warm.,This broth has heat.,0.8
The soup is good.,A door was shut.,0.1
He shut the door.,The door got closed.,0.9
He shut up.,My aunt bakes bread.,0.0
My aunt bakes bread.,Bread is baked by my aunt.,1.0
My aunt bakes.,Snow lay on the hill.,0.1
Snow fell.,It was snowing.,1.0
Snow melts.,We sang a hymn.,0.0
"""
FILES = {
    "autogen_input/small/variables.csv": VARIABLES + SMALL,
    "autogen_input/medium/variables.csv": VARIABLES + MEDIUM,
    "alternatives/written.csv": "dcid,Alternatives" + ALTERNATIVES,
    "finetuning/sentence_pairs.csv": "sentence_1,sentence_2,score" + SCORED,
    "guard/paraphrases.csv": "sentence_1,sentence_2,score" + GUARD,
}


@pytest.fixture(scope="session")
def ten_line_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder: 20 variables in two catalogs, scored pairs and guard pairs."""
    data = tmp_path_factory.mktemp("ten_line_corpus") / "data"
    for name, text in FILES.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text, encoding="utf-8")
    return data


@pytest.fixture(scope="session")
def forty_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of feedback: forty ranked lists with picks, their judgments, and searches.

    Two questions ask for each of the 20 variables. A list shows five that stand together in the
    catalog; the one asked for was picked first, and the one below it, if any, second.
    """
    variables = list(csv.DictReader((VARIABLES + SMALL + MEDIUM).splitlines()))
    lists = []
    for at, line in enumerate(ALTERNATIVES.split("\n")[1:-1]):
        fives = [source(it) for it in variables[at - at % 5 :][:5]]
        questions = line.split(",")[1].split(";")[:2]
        lists += [ranked(question, fives, picked=at % 5) for question in questions]
    judged = {it["query"]: dict(zip(it["positive_sources"], (3, 2), strict=False)) for it in lists}
    folder = tmp_path_factory.mktemp("forty_lists")
    write_json(folder / "reranker_training_data.json", {"reranker_data": lists})
    write_json(folder / "judgments.json", judged)
    rewritten = [searched(it) for it in lists]
    write_json(folder / "query_rewriting_training_data.json", {"query_rewriting_data": rewritten})
    return folder


def ranked(query: str, shown: list[dict[str, str]], picked: int) -> dict[str, Any]:
    """Return a list as a log writes it: `picked` is where the first of two picks stands."""
    urls = [it["url"] for it in shown]
    return {
        "query": query,
        "all_sources": shown,
        "positive_sources": urls[picked : picked + 2],
        "negative_sources": urls[:picked] + urls[picked + 2 :],
        "timestamp": "2025-01-31T12:00:00Z",
    }


def searched(it: dict[str, Any]) -> dict[str, Any]:
    """Return the question of a list with two searches: itself, and the title of what was picked.

    The title finds all that the list shows; the question only what a word of it stands in.
    """
    shown = {source["url"]: source for source in it["all_sources"]}
    title = shown[it["positive_sources"][0]]["title"]
    asked = set(re.findall("[a-z]+", it["query"].lower()))
    brought = [
        source
        for source in it["all_sources"]
        if asked & set(re.findall("[a-z]+", source["title"].lower()))
    ]
    return {
        "original_query": it["query"],
        "selected_sources": it["positive_sources"],
        "query_source_mapping": {
            it["query"]: {"query": it["query"], "sources": brought},
            title: {"query": title, "sources": it["all_sources"]},
        },
        "timestamp": it["timestamp"],
    }


def source(variable: dict[str, str]) -> dict[str, str]:
    """Return a variable of the catalog as a page that a search shows."""
    return {
        "title": variable["Name"],
        "url": f"https://catalog.example/{variable['dcid']}",
        "snippet": variable["Description"],
    }


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained sentence encoder that knows the corpus's words."""
    # torch takes seconds to load, and most tests need none of it
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    words = sorted({word for text in FILES.values() for word in re.findall("[a-z]+", text.lower())})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, max_position_embeddings=48, **shape
    )
    encoder = tmp_path_factory.mktemp("encoder")
    BertModel(config).save_pretrained(encoder)
    save_tokenizer(vocabulary, encoder)

    folder = tmp_path_factory.mktemp("tiny_base")
    modules = [Transformer(str(encoder), max_seq_length=40), Pooling(32), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def save_tokenizer(vocabulary: list[str], folder: Path) -> None:
    """Write a tokenizer that knows whole words only."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: number for number, word in enumerate(vocabulary)}
    words = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.BertProcessing(
        ("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"])
    )
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)


# How a rewriter's pairs are made of the feedback above.
QUESTIONS: dict[str, Any] = {
    "questions": {"dev": 0.25, "test": 0.3, "fold": 0},
    "gains": [3, 2, 1],
    "targets": 4,
    "identities": 0.1,
    "titles": {"picks": 2, "weight": 0.5},
    "pool": 100,
}


@pytest.fixture(scope="session")
def rewriter_pairs(forty_lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that `ingest` and `pair` make of the feedback for a rewriter."""
    from findtune import feedback, judgments
    from findtune.rewriter.pairs import Choices, write
    from findtune.sources import Limits

    def unseen(_: int) -> AbstractContextManager[Any]:
        return nullcontext(SimpleNamespace(update=lambda size: None))

    out, data = tmp_path_factory.mktemp("rewriter_pairs"), Path("data")
    limits = Limits(longest_text=1000, most_sources=50, max_rejected=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)  # a record tells its file, which is not to hang on where this runs
        shutil.copytree(forty_lists, data / "training_data")
        for kind in ("rewriting", "corpus"):
            feedback.write_clean(kind=kind, data=data, limits=limits, bar=unseen)
        judgments.write_clean(kind="qrels", data=data, limits=limits, bar=unseen)
        write(data / "clean" / "rewriter", Path("pairs"), Choices(**QUESTIONS))
    return out / "pairs"


CHAT = (
    "{% for one in messages %}<|im_start|>{{ one['role'] }}\n{{ one['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained Llama that is asked in a chat; its tokens are of bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokens.train_from_iterator([text.lower() for text in FILES.values()], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens,
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
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained T5 whose tokens are the corpus's words, and letters."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    words = sorted({word for text in FILES.values() for word in re.findall("[a-z]+", text.lower())})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"▁{it}", -5.0) for it in words)]
    pieces += [(letter, -20.0) for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789?,."]
    tokens = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokens.normalizer = normalizers.Lowercase()
    tokens.pre_tokenizer = pre_tokenizers.Metaspace()
    tokens.decoder = decoders.Metaspace()
    tokens.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
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
