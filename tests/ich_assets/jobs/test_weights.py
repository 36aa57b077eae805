"""The real command line: stand-in checkpoints packed as a release, a server with faults."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live import ROOT
from release import (
    REPOSITORY,
    TAG,
    ReleaseServer,
    packed,
    private,
    public,
    release_of,
    running,
    small_release,
    stated,
)
from workplace import Workplace

from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.environment import GITHUB_TOKEN, MAX_FOLDS, RELEASE_TOKEN
from ich_resources.weights.fetch import WORK_FOLDER
from ich_resources.weights.release import ARCHIVES, DIGESTS

pytestmark = pytest.mark.slow

TOKEN = "ghp_Sesame7351"
SIGNATURE = "SIGNED-7351"
FIRST = next(iter(BACKBONES.values()))


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """An empty model folder, and a DAGSTER_HOME that keeps everything."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    return Workplace(tmp_path, tmp_path / "models", {"DAGSTER_HOME": str(home), MAX_FOLDS: "1"})


@pytest.fixture
def server():
    with running(ReleaseServer()) as started:
        yield started


@pytest.fixture(scope="module")
def assets(stand_in_models: Path) -> dict[str, bytes]:
    return release_of(stand_in_models)


def config(server: ReleaseServer, *, force: bool = False, **fields: str) -> str:
    weights = {"repository": REPOSITORY, "tag": TAG, "github_url": server.url()}
    weights |= {"github_api_url": server.url(), **fields}
    ops = {"fetch_archives": {"config": {"force": force}}}
    return json.dumps({"ops": ops, "resources": {"weights": {"config": weights}}})


def checkpoints(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.pth")}


def holding(root: Path, text: str) -> list[Path]:
    """Files below a folder, Dagster's databases among them, that hold a text."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_private_release_from_download_to_verified(place, server, assets, stand_in_models):
    place.environment[RELEASE_TOKEN] = TOKEN
    with running(ReleaseServer(token=TOKEN)) as api:
        private(api, server, assets, "localhost")
        server.breaks = [3_000_000]
        done = place.execute("fetch_checkpoints", config(api))
        assert done.status == 0, done.text
        assert {"Authorization" in asked.headers for asked in server.asked} == {False}
        first = server.sent(f"/store/{ARCHIVES[FIRST.name]}")
        assert first == [3_000_000, len(assets[ARCHIVES[FIRST.name]]) - 3_000_000]
        assert checkpoints(place.models) == checkpoints(stand_in_models)
        assert "Good: 3 of 3; digests not in checkpoints.sha256: 0" in done.text
        assert done.text.count("SHA-256 as stated") == 3
        assert len(done.text.splitlines()) < 40

        asked = len(api.asked) + len(server.asked)
        again = place.execute("fetch_checkpoints", config(api))
        assert again.status == 0, again.text
        assert len(api.asked) + len(server.asked) == asked
        assert again.text.count("there, as in checkpoints.sha256") == 3

    for finished in (done, again):
        assert TOKEN not in finished.text and SIGNATURE not in finished.text
    assert holding(place.root, TOKEN) == []
    assert holding(place.root, SIGNATURE) == []

    # Without any server: there, then not.
    good = place.execute("verify_checkpoints")
    assert good.status == 0, good.text
    for backbone in BACKBONES.values():
        assert f"good     {backbone.folder}/{checkpoint_name(0)}" in good.text
    (place.models / FIRST.folder / checkpoint_name(0)).unlink()
    bad = place.execute("verify_checkpoints")
    assert bad.status == 1
    assert f"missing  {FIRST.folder}/{checkpoint_name(0)}" in bad.text
    assert "1 of 3 checkpoint files are missing or broken" in bad.text
    assert "fetch_checkpoints" in bad.text


def test_a_killed_download_goes_on_where_it_was(place, server, assets, stand_in_models):
    public(server, assets)
    server.stalls_at = 10_000_000
    file = place.root / "run.yaml"
    file.write_text(config(server))
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    command += ["-m", "ich_assets.definitions", "-j", "fetch_checkpoints", "-c", str(file)]
    path = f"/{REPOSITORY}/releases/download/{TAG}/{ARCHIVES[FIRST.name]}"
    with subprocess.Popen(
        command, env=place.environ(), cwd=place.root, stderr=subprocess.DEVNULL
    ) as running_job:
        part = place.models / WORK_FOLDER / f"{ARCHIVES[FIRST.name]}.part"
        deadline = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size > 8_000_000):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        running_job.kill()
    had = part.stat().st_size
    server.stalls_at = None
    done = place.execute("fetch_checkpoints", config(server))
    assert done.status == 0, done.text
    assert server.sent(path)[-1] == len(assets[ARCHIVES[FIRST.name]]) - had
    assert "are here from before" in done.text
    assert checkpoints(place.models) == checkpoints(stand_in_models)


def test_all_fifteen_are_asked_for_by_default(place):
    del place.environment[MAX_FOLDS]
    done = place.execute("verify_checkpoints")
    assert done.status == 1
    assert done.text.count("missing  2DNet/") == 15
    assert "15 of 15 checkpoint files are missing or broken" in done.text
    # The table stands in Dagster's database too.
    assert holding(place.root / "home", f"{FIRST.folder}/{checkpoint_name(0)}")


def test_from_a_folder_by_force(place, assets, server, stand_in_models):
    share = place.root / "share, on disk"
    share.mkdir()
    for name, content in assets.items():
        (share / name).write_bytes(content)
    path = place.models / FIRST.folder / checkpoint_name(0)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another file, which nobody pinned")
    kept = place.execute("fetch_checkpoints", config(server, base_url=str(share)))
    assert kept.status == 1  # it was left alone, and does not load
    assert "force: true would replace" in kept.text
    assert path.read_bytes() == b"another file, which nobody pinned"
    done = place.execute("fetch_checkpoints", config(server, base_url=str(share), force=True))
    assert done.status == 0, done.text
    assert checkpoints(place.models) == checkpoints(stand_in_models)
    assert server.asked == []


def evil_release(outside: Path) -> dict[str, bytes]:
    name = ARCHIVES[FIRST.name]
    assets = {name: packed({checkpoint_name(0): b"x", str(outside / "evil.pth"): b"evil"})}
    assets |= {k: v for k, v in small_release().items() if k not in (name, DIGESTS)}
    return assets | {DIGESTS: stated(assets)}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("404", f"set {RELEASE_TOKEN}"),
        ("401", f"the token in {GITHUB_TOKEN} is not accepted"),
        ("checksum", "the release states"),
        ("malicious", "nothing of it was written"),
        ("no network", "model_epoch_best_0.pth to model_epoch_best_4.pth"),
        ("password", "without user, password or query"),
    ],
)
def test_every_fault_ends_with_a_status_and_a_sentence(place, server, fault, words):
    outside = place.root / "outside"
    outside.mkdir()
    fields = {}
    if fault == "401":
        place.environment[GITHUB_TOKEN] = TOKEN
        server.token = "another"
    elif fault == "checksum":
        assets = small_release()
        public(server, assets | {ARCHIVES[FIRST.name]: b"changed"})
    elif fault == "malicious":
        public(server, evil_release(outside))
    elif fault == "no network":
        with running(ReleaseServer()) as gone:
            fields["base_url"] = gone.url()
    elif fault == "password":
        fields["base_url"] = "https://me:hunter2@mirror.invalid/x"
    done = place.execute("fetch_checkpoints", config(server, **fields))
    assert done.status == 1
    assert words in done.text
    assert "Traceback" not in done.text
    assert TOKEN not in done.text and "hunter2" not in done.text
    assert holding(place.root, TOKEN) == []
    assert list(outside.iterdir()) == []
    assert checkpoints(place.models) == {}


def test_side_files_come_below_the_training_root(place):
    share = place.root / "share"
    share.mkdir()
    lists = {"data/fold_5_by_study/fold0/train.txt": b"ID_0a1b2c3d4e\n"}
    (share / "data.zip").write_bytes(packed(lists))
    place.environment["TRAIN_ROOT"] = str(place.root / "training")
    settings = {"resources": {"weights": {"config": {"base_url": str(share)}}}}
    done = place.execute("fetch_side_files", json.dumps(settings))
    assert done.status == 0, done.text
    (name,) = lists
    assert (place.root / "training" / "side_files" / name).read_bytes() == lists[name]
    again = place.execute("fetch_side_files")  # no source is asked
    assert again.status == 0 and "is left alone" in again.text, again.text
