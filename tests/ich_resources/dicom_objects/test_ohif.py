"""What the OHIF viewer shows of the objects of a tilted scan, by pixels. Not in the gate.

Get OHIF (50 MB, 200 MB unpacked) outside of the repository, and say where it is::

    mkdir /tmp/ohif && cd /tmp/ohif && npm pack @ohif/app@3.13.2 && tar xzf ohif-app-*.tgz
    OHIF_DIST=/tmp/ohif/package/dist pytest tests/ich_resources/dicom_objects/test_ohif.py

It needs tests/hpc/install_dicom_tools.sh and install_services.sh. The pictures of what OHIF showed
lie in pytest's folder of each test, as ``shown_*.png``. Tried with OHIF 3.12.0 and 3.13.2. A test
that fails with another version says that docs/reading.md, "Viewers", is not true for it.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import requests
from ohif import ohif
from orthanc import USER, orthanc
from scored_objects import headers_of, hottest, made_up, marked_map, objects_of

DIST = Path(os.environ.get("OHIF_DIST", "none"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DIST.is_dir(), reason="OHIF_DIST is not the folder dist of @ohif/app"),
]
SOURCE, OVERLAYS, REPORT, KEY_IMAGES, MAP = 2, 9901, 9902, 9903, 9904
"""SeriesNumbers: of the scan, and of the objects."""


def _place(index: int) -> tuple[float, float]:
    """Row and column of the hot spot: another one on each slice."""
    return 240.0 + 4 * index, 150.0 + 8 * index


@pytest.fixture(scope="module")
def study(shared):
    """The files of the scan by their UID, and its headers in series order."""
    folder = shared / "data" / "head_ct_ge"
    if not folder.is_dir():
        pytest.skip(f"the tilted scan is not at {folder}")
    files = {pydicom.dcmread(f).SOPInstanceUID: f for f in sorted(folder.glob("*.dcm"))}
    return files, headers_of(folder, StudyDate="20200102", StudyTime="101112")


@pytest.fixture(scope="module")
def objects(study):
    """The objects; the overlays show the scan in the brain window."""
    files, headers = study
    pictures = []
    for header in headers:
        source = pydicom.dcmread(files[header["SOPInstanceUID"][0]])
        hu = source.pixel_array * float(source.RescaleSlope) + float(source.RescaleIntercept)
        pictures.append(np.clip(hu / 80 * 255, 0, 255).astype(np.uint8))
    maps = np.stack([marked_map(*_place(i), 512, 512) for i in range(len(headers))])
    scored = replace(made_up(len(headers), maps[0], threshold=0.5), maps=maps)
    return objects_of(headers, scored, pictures=pictures)


@pytest.fixture(scope="module")
def previews(study, objects, tmp_path_factory):
    """An Orthanc with the study and the objects, and its own pictures of the overlays, RGB."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as archive:
        found = {}
        for file in study[0].values():
            _store(archive, file.read_bytes())
        for name, content in objects.items():
            one = _store(archive, content)
            answer = archive.get(f"/instances/{one}/preview")
            if name.startswith(("overlay", "summary")):
                decoded = cv2.imdecode(np.frombuffer(answer.content, np.uint8), 1)
                found[name.removesuffix(".dcm")] = decoded[..., ::-1]
            else:
                assert answer.status_code == 415, name  # Orthanc draws none of the others
        yield archive, found


def _store(archive, content):
    answer = requests.post(f"{archive.url}/instances", data=content, auth=USER, timeout=30)
    assert answer.ok, answer.text
    return answer.json()["ID"]


@pytest.fixture(scope="module")
def tab(previews, study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with ohif(DIST, previews[0], study[1][0]["StudyInstanceUID"][0], folder) as one:
        yield one


@pytest.fixture
def viewer(tab):
    """The viewer with the scan."""
    tab.open()
    return tab


@pytest.fixture
def shown(viewer, tmp_path):
    """The picture on the screen, kept as a file."""

    def look(name: str) -> np.ndarray:
        picture = viewer.picture()
        cv2.imwrite(str(tmp_path / f"shown_{name}.png"), picture[..., ::-1])
        return picture

    return look


def _fitted(picture: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture as large as fits and in the middle, as OHIF lays it, and the map to there."""
    height, width = window.shape[:2]
    rows, columns = picture.shape[:2]
    scale = min(height / rows, width / columns)
    middle = [(width - columns * scale) / 2, (height - rows * scale) / 2]
    shift = [start + (scale - 1) / 2 for start in middle]  # from pixel centre to pixel centre
    to = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(picture, to, (width, height)), to


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures, all colours."""
    smooth = [cv2.GaussianBlur(p, (0, 0), 2).astype(np.float64).ravel() for p in (one, other)]
    return float(np.corrcoef(*smooth)[0, 1])


def _distance(picture: np.ndarray, to: np.ndarray, index: int) -> float:
    """How far the hottest place on the screen lies from that of a slice, in its pixels."""
    row, column = _place(index)
    expected = to @ (column, row, 1)
    return float(np.linalg.norm(np.subtract(hottest(picture)[::-1], expected)) / to[0, 0])


def _yellow(picture: np.ndarray) -> np.ndarray:
    """Where the colour of the burnt-in banner is."""
    red, green, blue = cv2.GaussianBlur(picture, (0, 0), 1).astype(int).transpose(2, 0, 1)
    return (np.minimum(red, green) - blue > 60) & (abs(red - green) < 60)


def _red(picture: np.ndarray) -> int:
    """Number of red pixels. The viewer's own are blue, and the scan is grey."""
    return int((picture[..., 0] > picture[..., 1].astype(int) + 50).sum())


def test_each_overlay_is_shown_as_it_is(viewer, previews, shown):
    fitted = {name: _fitted(one, viewer.picture()) for name, one in previews[1].items()}
    viewer.show(OVERLAYS)
    viewer.until(lambda: viewer.number() == 1)
    for number, name in enumerate(["summary", "overlay_0001", "overlay_0002", "overlay_0003"], 1):
        if number > 1:
            viewer.turn()
        assert viewer.number() == number
        expected, to = fitted[name]
        viewer.until(lambda expected=expected: _alike(viewer.picture(), expected) > 0.9)
        picture = shown(name)
        alike = {other: _alike(picture, one) for other, (one, _) in fitted.items()}
        assert max(alike, key=alike.get) == name, alike
        banner = _yellow(expected)
        assert banner.sum() > 1000
        near = cv2.dilate(_yellow(picture).astype(np.uint8), np.ones((5, 5)))
        assert near[banner].mean() > 0.9
        if number > 1:
            assert _distance(picture, to, number - 2) < 1


def test_the_map_lies_on_the_scan_and_its_colours_stay(viewer, previews, study, shown):
    to = _fitted(previews[1]["overlay_0001"], viewer.picture())[1]
    assert _red(viewer.picture()) == 0
    numbers = [int(header["InstanceNumber"][0]) for header in study[1]]
    viewer.show(MAP)
    for turn in range(3):
        if turn > 0:
            viewer.turn()
        viewer.until(lambda: viewer.number() > 0 and _red(viewer.picture()) > 10)
        index = numbers.index(viewer.number())
        viewer.until(lambda index=index: _distance(viewer.picture(), to, index) < 1)
        assert _red(shown(f"map_{index + 1:04}")) < 2000
    viewer.show(SOURCE)  # the scan alone, in the colours of the map
    viewer.until(lambda: _red(viewer.picture()) > 20000)
    shown("scan_after_map")


def test_key_images_are_not_shown_and_the_report_is_black(viewer, shown):
    said = "document.body.innerText.includes('could not be added to the viewport')"
    free = slice(0, 600)  # the message stands below
    before = shown("scan")[free]
    assert _red(before) == 0  # also after the map: the page was opened anew
    viewer.show(KEY_IMAGES)
    viewer.page.wait(said)
    assert _alike(shown("key_images")[free], before) > 0.99  # the bar of loaded slices grows
    viewer.show(REPORT)
    viewer.page.wait("!document.querySelector('canvas.cornerstone-canvas')")
    time.sleep(5)  # nothing comes
    assert viewer.number() == 0
    assert shown("report")[free, 5:-5][5:].max() < 10
