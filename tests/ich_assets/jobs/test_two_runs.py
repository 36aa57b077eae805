"""Two runs on one RUN_ROOT: each step runs once, and both end well with the same tables."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest
from workplace import CONFIG, HOME_YAML, Workplace

from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.study import write_series
from ich_resources.steps import PROCESSED, chosen_steps
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Records
from ich_resources.subjects import series_subject

STEPS = chosen_steps(BACKBONES)

pytestmark = pytest.mark.slow


def _with_home(place: Workplace, name: str) -> Workplace:
    """Return the same folders with a Dagster home and a run configuration of their own."""
    home = place.root / name
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    return Workplace(place.root, place.models, {"DAGSTER_HOME": str(home)})


def _steps_made(place: Workplace) -> list[tuple[str, str]]:
    """Return each step that ran in a Dagster home, and not those that were only reported."""
    made = []
    with dg.DagsterInstance.from_config(place.environment["DAGSTER_HOME"]) as instance:
        for step in STEPS:
            for record in instance.fetch_materializations(dg.AssetKey(step.name), limit=99).records:
                event = record.asset_materialization
                if "found_in" not in event.metadata:
                    made.append((event.partition, step.name))
    return made


@pytest.mark.parametrize("apart", [0.0, 4.0])
def test_two_batches_at_once(workplace, apart):
    for name in ("one", "two"):
        write_series(workplace.dicom / name, name=name, slices=3, bleed=True, size=64)
    places = [_with_home(workplace, name) for name in ("home1", "home2")]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(places[0].batch)
        time.sleep(apart)
        second = pool.submit(places[1].batch)
    for done in (first.result(), second.result()):
        assert done.status == 0, done.text
        assert "2 of 2 done" in done.text
    made = _steps_made(places[0]) + _steps_made(places[1])
    assert len(made) == len(set(made)) == 2 * len(STEPS)
    tables = workplace.tree()
    assert places[0].batch().status == 0
    assert workplace.tree() == tables


def test_a_run_of_the_ui_waits_and_takes_over_what_another_has_finished(demo_copy, finished_demo):
    """The series is held by another process, which finishes it while the run waits."""
    uid = finished_demo.study.bleed_series
    place = _with_home(demo_copy, "home")
    with dg.DagsterInstance.from_config(place.environment["DAGSTER_HOME"]) as instance:
        instance.add_dynamic_partitions("series", [uid])
    layout = Layout(place.results)
    subject = series_subject(uid)
    tags = json.dumps({"dagster/partition": uid})
    command = [*place._command("ich_series", CONFIG), "--tags", tags]
    log = place.root / "log"
    with Records(layout).holding(subject), log.open("w") as file:
        run = subprocess.Popen(
            command, env=place.environ(), cwd=place.root, stdout=file, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 120
        while "Another process works on series" not in log.read_text():
            assert run.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        before = {}
        for step in STEPS:
            path = layout.record(subject, step.name)
            path.touch()  # finished now
            before[step.name] = path.read_bytes()
    assert run.wait(120) == 0, log.read_text()
    assert _steps_made(place) == []
    assert {n: layout.record(subject, n).read_bytes() for n in before} == before
    assert log.read_text().count("its result is taken") == len(STEPS)


def test_a_run_of_the_ui_makes_an_older_result_again(demo_copy, finished_demo):
    uid = finished_demo.study.bleed_series
    place = _with_home(demo_copy, "home")
    with dg.DagsterInstance.from_config(place.environment["DAGSTER_HOME"]) as instance:
        instance.add_dynamic_partitions("series", [uid])
    command = place._command("ich_series", CONFIG)
    tags = json.dumps({"dagster/partition": uid})
    done = subprocess.run(
        [*command, "--tags", tags], env=place.environ(), cwd=place.root, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(_steps_made(place)) == sorted((uid, step.name) for step in STEPS)


def test_damaged_state_is_made_again_and_the_tables_are_as_before(demo_copy, finished_demo):
    uid = finished_demo.study.bleed_series
    place, tables = demo_copy, finished_demo.place.tree()
    layout, subject = Layout(place.results), series_subject(uid)
    array = layout.array(subject, "ensemble_predictions")
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    crops = layout.array(subject, PROCESSED)
    content = bytearray(crops.read_bytes())
    content[-1] ^= 1
    crops.write_bytes(content)
    other = layout.record(series_subject(finished_demo.study.plain_series), PROCESSED)
    value = json.loads(other.read_text())
    other.write_text(json.dumps(value | {"content": {}}))
    done = place.batch()
    assert done.status == 0, done.text
    assert "Traceback" not in done.text
    assert _differences(place.tree(), tables, place, finished_demo) == set()


def _differences(after, before, place, finished) -> set[str]:
    """Return the files that differ in more than the folder of the input."""
    here, there = str(place.dicom).encode(), str(finished.place.dicom).encode()
    return {n for n in before if after.get(n, b"").replace(here, there) != before[n]}
