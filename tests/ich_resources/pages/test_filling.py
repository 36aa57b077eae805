"""Foreign text in a page is data, never markup."""

import json
from html.parser import HTMLParser

import pytest
from paged import HOSTILE, UNSCORED, about, each, rows, said, slices

from ich_resources.pages.filling import safe_json
from ich_resources.pages.series_page import series_page
from ich_resources.pages.worklist_page import worklist_page


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = ("src", "href", "srcset", "action")
        self.sources += [value or "" for name, value in attrs if name in named]


def _read(page: bytes) -> tuple[_Tags, dict]:
    text = page.decode()
    tags = _Tags()
    tags.feed(text)
    data = text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    return tags, json.loads(data)


@pytest.mark.parametrize("index", range(len(HOSTILE)))
def test_a_hostile_description_adds_no_tag(index):
    found = slices(3)
    calm, _ = _read(series_page(found, about(description="Kopf"), each(3)))
    hostile, data = _read(series_page(found, about(description=HOSTILE[index]), each(3)))
    assert hostile.tags == calm.tags
    assert data["description"] == HOSTILE[index]


def test_a_worklist_holds_what_it_was_given():
    listed, pictures = rows(9, made=2)
    tags, data = _read(worklist_page(listed, UNSCORED, pictures, said()))
    empty, _ = _read(worklist_page([], [], {}, said()))
    assert tags.tags == empty.tags
    assert data["rows"] == json.loads(json.dumps(listed))
    assert data["unscored"] == UNSCORED


@pytest.mark.parametrize("kind", ["series", "worklist"])
def test_a_page_asks_for_nothing(kind):
    page = (
        series_page(slices(3), about(), each(3))
        if kind == "series"
        else worklist_page([], [], {}, said())
    )
    tags, _ = _read(page)
    assert set(tags.sources) <= {"data:,", "../worklist.html"}
    text = page.decode()
    assert "default-src 'none'" in text
    assert not [mark for mark in ("https://", "@import", "url(", "fetch(") if mark in text]
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg")


def test_json_within_a_page():
    assert safe_json({"a": "</script>&\u2028"}) == '{"a":"\\u003c/script\\u003e\\u0026\\u2028"}'
    assert json.loads(safe_json(HOSTILE)) == list(HOSTILE)
    assert json.loads(safe_json("\udcf6")) == "\udcf6"
    with pytest.raises(ValueError, match="JSON"):
        safe_json(float("nan"))
