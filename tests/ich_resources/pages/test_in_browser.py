"""The pages in a real Chromium: no request, no complaint, keys, counts, axe-core."""

import json
from pathlib import Path

import pytest
from browser import Page, browser
from paged import HOSTILE, UNSCORED, about, each, rows, said, slices

from ich_resources.pages.series_page import series_page
from ich_resources.pages.worklist_page import worklist_page

pytestmark = pytest.mark.slow

STUDIES = "#list > li"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):
    with browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def worklist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "worklist.html"
    listed, pictures = rows(60)
    path.write_bytes(worklist_page(listed, UNSCORED, pictures, said(banners=["nothing"])))
    return path


@pytest.fixture(scope="module")
def series(worklist: Path) -> Path:
    path = worklist.parent / "series" / "1.2.0.html"
    path.parent.mkdir()
    changed = about(banner="nothing", threshold=0.3)
    path.write_bytes(series_page(slices(), changed, each(28)))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1300, 400])
@pytest.mark.parametrize("kind", ["worklist", "series"])
def test_one_request_no_complaint_and_axe_finds_nothing(page, kind, width, dark, request):
    path = request.getfixturevalue(kind)
    page.open(path, width=width, dark=dark)
    assert page.violations() == []
    assert (page.requests, page.complaints) == ([path.as_uri()], [])
    assert page.value("document.documentElement.scrollWidth") <= width


def test_hostile_text_is_shown_literally(page: Page, worklist: Path, series: Path):
    page.open(worklist)
    assert page.value("document.title") == "Worklist"
    page.value("window.dispatchEvent(new Event('beforeprint'))")
    text = page.value("document.body.textContent")
    for words in (*HOSTILE, UNSCORED[0]["path"]):
        assert words in text
    page.open(series)
    assert page.value("document.title") == "Series: " + HOSTILE[0]
    assert page.value("document.querySelector('h1').textContent") == HOSTILE[0]


def test_the_slider_counts_as_the_table_does(page: Page, worklist: Path):
    listed = json.loads(worklist.read_text().partition('id="data">')[2].partition("</script>")[0])[
        "rows"
    ]
    page.open(worklist)
    exact = sorted({row["p"][0] for row in listed})[3]
    for t in (0.5, 0.0, 1.0, 0.25, exact):
        page.value(f"threshold({t!r})")
        page.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        best = [row["p"][0] for row in listed if row["m"]]
        alerts = sum(p >= t for p in best)
        said_ = page.value("$('count').textContent")
        assert f"{alerts} of {len(best)} studies alert" in said_
        assert f"{100 * alerts / len(best):.1f} per 100 studies" in said_
        assert f"; {sum(r['p'][0] >= t for r in listed)} of {len(listed)} series" in said_
        page.value("more(view.length)")
        assert page.value(f"document.querySelectorAll('{STUDIES}.alert').length") == alerts
    assert "(not chosen)" in page.value("$('count').textContent")


def test_order_filter_and_keys(page: Page, worklist: Path):
    page.open(worklist)
    page.value("more(view.length)")
    words = "item => item.querySelector('.p').textContent"
    shown = page.value(f"[...document.querySelectorAll('{STUDIES}')].map({words})")
    assert shown == sorted(shown, reverse=True) and len(shown) == 40
    page.press("/")
    assert page.value("document.activeElement.id") == "text"
    page.value("$('text').value = 'gantry_tilt'; $('text').dispatchEvent(new Event('input'))")
    assert 0 < page.value("view.length") < 40
    page.press("Escape")
    page.press("j")
    page.press("j")
    links = "[...document.querySelectorAll('#list > li > .series .open')]"
    assert page.value(f"{links}.indexOf(document.activeElement)") == 1
    page.press("k")
    assert page.value(f"{links}.indexOf(document.activeElement)") == 0
    page.press("s")
    assert page.value("document.body.classList.contains('plain')")


def test_keys_wheel_and_overlay_of_a_series_page(page: Page, series: Path):
    page.open(series)
    assert page.value("at") == page.value("highest")
    for key, expected in (("Home", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("End", 27)):
        page.press(key)
        assert page.value("at") == expected
    assert page.value("$('place').textContent").startswith("Slice 28 of 28")
    page.value("$('stage').dispatchEvent(new WheelEvent('wheel', {deltaY: -60, cancelable: true}))")
    assert page.value("at") == 26
    panel = page.value("$('panel').getAttribute('href')")
    assert panel == "../saliency_panels/1.2.3/026_a%23%25.png"
    page.press("m")
    page.wait("!$('map').hidden && $('map').width > 0")
    page.press("o")
    assert page.value("$('map').hidden")
    assert page.value("$('left').textContent + $('right').textContent") == "RL"
    assert page.value("document.querySelectorAll('#folds tbody tr').length") == 15


def test_print_holds_every_study_and_picture(page: Page, worklist: Path):
    page.open(worklist)
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert page.value(f"document.querySelectorAll('{STUDIES}').length") == 40
    assert page.value("document.querySelectorAll('#list img[data-src]').length") == 0


def test_a_thousand_series_load_in_time(page: Page, tmp_path: Path):
    listed, pictures = rows(1000)
    path = tmp_path / "worklist.html"
    path.write_bytes(worklist_page(listed, [], pictures, said()))
    assert path.stat().st_size <= 25_000_000
    page.open(path)
    # Time of the processor for scripts and layout: another load on the machine does not count.
    page.ask("Performance.enable", timeDomain="threadTicks")
    found = {m["name"]: m["value"] for m in page.ask("Performance.getMetrics")["metrics"]}
    assert found["TaskDuration"] <= 3.0
    assert page.value("view.length") == 667
    began = page.value("performance.now()")
    page.value("t = 0.1; update()")
    assert page.value("performance.now()") - began <= 1000
