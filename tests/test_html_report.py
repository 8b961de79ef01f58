"""The page of a sweep holds all that is in it, and needs nothing beside it."""

import base64
import re
from html.parser import HTMLParser

import pytest

from lightexp.cli.report import write
from lightexp.report.errors import ReportError
from tests import tracked

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Parsed(HTMLParser):
    """Elements with their attributes, text, and whether every element ends where it should."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data}\n"

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return tracked.sweep(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def page(uri, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write("small", path, None, "test/error", uri)
    return Parsed(path.read_text())


def test_it_is_whole(page):
    assert page.open == []
    assert [attributes for attributes in page.all("meta") if "charset" in attributes] == [{"charset": "utf-8"}]
    assert "Sweep small (digits, mlp)" in page.text


def test_it_needs_nothing_beside_it(page):
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.elements}
    links = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href", "srcset")
    ]
    assert links and all(link.startswith("data:image/png;base64,") for link in links)
    assert not re.search(r"https?://|url\(|@import", page.text)


def test_its_pictures_are_pictures_and_say_what_they_show(page):
    images = page.all("img")
    assert len(images) == 5 and len(page.all("figcaption")) == 5
    for image in images:
        assert base64.b64decode(image["src"].partition(",")[2], validate=True).startswith(b"\x89PNG") and image["alt"]
    assert "Error against density: a curve takes 5 densities of one method, here are 2 at most." in page.text


def test_it_says_what_ran_and_how_to_run_it_again(page):
    assert tracked.COMMAND in page.text
    assert tracked.CONFIG in page.text
    assert "In what the other runs differ from sparsity=0.6" in page.text and "sparsity=0.8" in page.text
    assert "2 runs (2 finished)" in page.text
    assert {"python", "torch", "lightexp", "numpy"} <= set(re.findall(r"\w+", page.text))


def test_its_table_is_that_of_the_sweep(page):
    assert "dense control" in page.text and "test error" in page.text
    assert len(page.all("tr")) > 4


def test_light_dark_and_paper(page):
    assert "prefers-color-scheme: dark" in page.text and "@media print" in page.text


def test_a_sweep_that_is_not_there(uri, tmp_path):
    with pytest.raises(ReportError, match=r"^there is no sweep 'smoll'; did you mean 'small'\?"):
        write("smoll", tmp_path / "page.html", None, "test/error", uri)
    assert not list(tmp_path.iterdir())
