"""The page is one file: nothing runs or loads that is not its own, and people can use it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from shutil import rmtree

import pytest

from findtune.pages.standalone import source_hash
from findtune.report.inputs import read_inputs
from findtune.report.page import content, render

MODELS = ["embedder", "reranker", "rewriter"]
VOID = {"meta", "input", "link", "br", "img", "hr"}
USER_TEXTS = ("unhappy bakers", "rye", "write to", "count_bread", "bread.example", "yes", "second")


class Page(HTMLParser):
    """The elements of a page, and the texts in them; fails where they are not nested well."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), [*self.open]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), [*self.open]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def tags(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def inside(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


@pytest.fixture
def html(judged_project: Path) -> str:
    return render(read_inputs(judged_project, MODELS, "small"), examples=50)


def test_hostile_texts_are_shown_and_do_not_run(html: str) -> None:
    page = Page(html)
    assert len(page.tags("script")) == 1
    assert page.tags("img") == page.tags("b") == []
    shown = "".join(text for _, text in page.texts)
    for text in ("<img src=x onerror=alert(1)>", "<script>alert('title')</script>", "<b>it</b>"):
        assert text in shown
    handlers = [
        name for _, attributes, _ in page.elements for name in attributes if name[:2] == "on"
    ]
    assert handlers == []


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    page = Page(html)
    for _, attributes, _ in page.elements:
        assert not {"src", "srcset", "action", "data", "poster", "xlink:href"} & {*attributes}
        assert (attributes.get("href") or "#").startswith("#")
    [css] = page.inside("style")
    assert "url(" not in css
    assert "@import" not in css


def test_the_browser_is_told_to_run_the_pages_own_script_alone(html: str) -> None:
    page = Page(html)
    [policy] = [tag["content"] for tag in page.tags("meta") if "http-equiv" in tag]
    [script] = page.inside("script")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert f"script-src '{source_hash(script)}';" in policy
    assert "innerHTML" not in script


def test_a_link_of_the_contents_leads_to_a_section(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    targets = [(tag["href"] or "").removeprefix("#") for tag in page.tags("a")]
    assert {*targets} <= {*ids}
    for name in ("verdict", "models", "grid", "training", "questions", "pairs", "calibration"):
        assert name in targets
    assert {"data", "preferences", "cost"} <= {*targets}


def test_screen_readers_are_told_what_tables_and_charts_hold(html: str) -> None:
    page = Page(html)
    assert page.tags("html") == [{"lang": "en"}]
    assert len(page.tags("table")) == len(page.tags("caption")) > 10
    charts = page.tags("svg")
    assert len(charts) > 5
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert all(cell["scope"] for cell in page.tags("th"))
    levels = [int(tag[1]) for tag, *_ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    scrolling = [tag for tag in page.tags("div") if tag.get("class") in ("scroll", "long")]
    assert all(tag["tabindex"] == "0" and tag["aria-label"] for tag in scrolling)


def test_both_color_schemes_and_narrow_screens_have_a_style(html: str) -> None:
    [css] = Page(html).inside("style")
    assert "prefers-color-scheme: dark" in css
    assert "max-width: 40rem" in css
    assert 'name="viewport" content="width=device-width' in html


def test_zero_examples_show_no_text_of_users_and_keep_every_number(judged_project: Path) -> None:
    html = render(read_inputs(judged_project, MODELS, "small"), examples=0)
    texts = " ".join(Page(html).inside("td") + Page(html).inside("span"))
    for text in USER_TEXTS:
        assert text not in texts.replace("in this report", "")
    assert "secret words" not in html
    assert "+0.500" in texts


def test_personal_data_and_rejected_values_are_not_shown(html: str) -> None:
    assert "write to [e-mail] or call [number]" in html
    for text in ("ann@bakery", "7946", "secret words", "other words"):
        assert text not in html


def test_a_stack_that_was_not_judged_is_one_line(judged_project: Path) -> None:
    rmtree(judged_project / "metrics" / "stack")
    html = render(read_inputs(judged_project, MODELS, "small"), examples=50)
    assert "The stack was not judged: there is no metrics/stack/small.json." in html
    assert 'href="#grid"' not in html


def test_a_model_without_metrics_is_named(judged_project: Path) -> None:
    (judged_project / "metrics" / "reranker" / "small.json").unlink()
    html = render(read_inputs(judged_project, MODELS, "small"), examples=50)
    assert "reranker is not in this report: there is no metrics/reranker/small.json." in html
    assert 'href="#calibration"' not in html
    assert 'href="#pairs"' in html


def test_a_training_that_measured_nothing_says_so(html: str) -> None:
    assert html.count("Nothing was measured during this training.") == 1


def test_the_verdicts_stand_on_top_and_with_each_model(html: str) -> None:
    assert html.index('class="verdict WIN"') < html.index('class="badge INCONCLUSIVE"')


def test_every_difference_stands_on_the_page(judged_project: Path) -> None:
    path = judged_project / "metrics" / "reranker" / "small.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    shown = {"measure": "ndcg@10", "against": "as_shown", "ci_low": -0.1, "ci_high": 0.4}
    metrics["difference_best"] = {**shown, "mean": 0.1357}
    metrics["difference_as_shown"] = {**shown, "mean": 0.2468}
    metrics["as_shown"] = metrics["bm25"]
    metrics["decisive"]["as_shown"] = 0.5
    path.write_text(json.dumps(metrics), encoding="utf-8")
    html = render(read_inputs(judged_project, MODELS, "small"), examples=50)
    assert html.count("+0.1357 [") == 2  # in the table of models, too
    assert html.count("+0.2468 [") == 1


def test_the_costs_count_what_is_learned(judged_project: Path) -> None:
    path = judged_project / "data/examples/rewriter/small/leak_report.json"
    counts = {"rewrite": 4, "identity": 1, "question": 90, "with_qrels": 80}
    path.write_text(json.dumps({"records": {"train": counts}}), encoding="utf-8")
    inputs = read_inputs(judged_project, MODELS, "small")
    assert [row["examples"] for row in content(inputs, 0)["costs"]] == [10, 5, 5]


def test_pairs_that_there_are_none_of_have_no_curve(judged_project: Path) -> None:
    path = judged_project / "models" / "embedder" / "small" / "history.csv"
    columns = "step,ndcg@10,pairs_spearman,guard_spearman"
    path.write_text(f"{columns}\n0,0.0,0.0,0.0\n4,0.0,0.0,0.1\n", encoding="utf-8")
    embedder, *_ = content(read_inputs(judged_project, MODELS, "small"), 0)["models"]
    assert [name for name, _ in embedder["curves"]] == ["ndcg@10", "guard_spearman"]
