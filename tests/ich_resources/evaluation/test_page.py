"""The page: one file that asks for nothing, with foreign text made harmless."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from ich_resources.evaluation.evaluate import evaluate
from ich_resources.evaluation.outcome import Evaluation, Options
from ich_resources.evaluation.page import evaluation_page
from ich_resources.evaluation.page_parts import Pictures
from ich_resources.labels import Labels
from ich_resources.scores import Scores, Unscored, Weights

EVIL = '<script src="http://evil.example/x.js">\x1b[31m'
PICTURES = Pictures(
    {"roc": b"light", "reliability": b"r", "confusion": b"c"},
    {"roc": b"dark"},
    {"output/saliency_panels/s 0/a.png": b"jpeg"},
)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.loaded += [values[k] for k in ("src", "srcset", "data", "poster") if values.get(k)]
        if tag == "link":
            self.loaded.append(values["href"])
        if tag == "a":
            self.links.append(values["href"])


def _found(weights: Weights, **options: object) -> Evaluation:
    random = np.random.default_rng(1)
    p = random.random((40, 6))
    labels = np.zeros((40, 6), np.float32)
    labels[::3, [0, 2]] = 1
    names = tuple(f"s {i}" for i in range(40))
    scores = Scores(
        tuple(f"ID_{n}" for n in names),
        names,
        names,
        p,
        weights,
        unscored=(Unscored("", "lost", "lost", "NOT_AXIAL", EVIL),),
        panels={"ID_s 0": "output/saliency_panels/s 0/a.png"},
    )
    columns = {"site": {n: EVIL if i % 2 else "b" for i, n in enumerate(names)}}
    values = np.concatenate([labels, labels[:1]])
    file = Labels("series", (*names, "lost"), values, {}, columns, notes=(EVIL,))
    chosen = replace(Options(bootstrap=50, threshold=1.0, fit="isotonic"), **options)
    return evaluate(scores, file, chosen, scores)


def _parsed(page: str) -> _Links:
    parser = _Links()
    parser.feed(page)
    return parser


def test_the_page_asks_for_nothing_and_no_foreign_text_is_markup():
    page = evaluation_page(_found(Weights(EVIL)), PICTURES, [f"Labels: {EVIL}"])
    parsed = _parsed(page)
    assert parsed.loaded and all(url.startswith("data:") for url in parsed.loaded)
    assert "script" not in parsed.tags and "\x1b" not in page
    assert "default-src 'none'" in page and "@import" not in page
    assert not re.search(r"url\((?!data:)", page)
    assert all(u.startswith(("#", "../../output/saliency_panels/")) for u in parsed.links)
    anchors = {u[1:] for u in parsed.links if u.startswith("#")}
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))


def test_the_page_says_what_was_judged_missed_and_left_out():
    page = evaluation_page(_found(Weights("five folds"), prevalence=0.1), PICTURES)
    assert "Research use only" in page.split("\n")[0]
    assert "40 of 41 labelled series" in page.split("\n")[0]
    assert "Missed bleeds: 14" in page and "s%200/a.png" in page
    assert "NOT_AXIAL" in page and "calibration.json" in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page
    assert "role=alert" not in page


def test_untrained_weights_stand_on_top():
    page = evaluation_page(_found(Weights("stand-ins", "nothing")), Pictures())
    assert page.index("UNTRAINED STAND-IN") < page.index("<h1>")
    assert "role=alert" in page
