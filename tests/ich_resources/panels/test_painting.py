"""Panels in child processes: the same bytes, in order, and errors that come back."""

import multiprocessing

import numpy as np
import pytest

from ich_resources.panels import painting
from ich_resources.panels.caption import Caption
from ich_resources.panels.painting import Panel, paint_all


def panel(index: int) -> Panel:
    generator = np.random.default_rng(index)
    caption = Caption(
        series_uid="1.2.3",
        sop_uid=f"1.2.3.{index}",
        slice_index=index,
        slice_count=9,
        study_uid="1.2",
        saliency_source="ensemble",
        mode="ensemble",
        method="gradcam",
        target_class="subdural",
        score=0.25,
        bar_source="ensemble probabilities",
        slice_context="replicated",
        warning="",
    )
    return Panel(
        generator.integers(0, 256, (512, 512), np.uint8),
        generator.random((512, 512), np.float32),
        generator.random(6, np.float32),
        caption,
    )


def test_the_same_bytes_in_the_same_order_wherever_they_are_painted():
    here = list(paint_all(((i, panel(i)) for i in range(7)), 0))
    there = list(paint_all(((i, panel(i)) for i in range(7)), 2))
    assert [label for label, _ in here] == list(range(7))
    assert len({png for _, png in here}) == 7
    assert there == here


def test_no_more_panels_wait_than_processes_can_take():
    made = []

    def each():
        for index in range(9):
            made.append(index)
            yield index, panel(index)

    painted = paint_all(each(), 1)
    next(painted)
    assert len(made) <= 4
    assert len(list(painted)) == 8


@pytest.mark.parametrize("processes", [0, 1])
def test_values_that_are_no_panel(processes):
    bad = panel(0)._replace(saliency=np.full((512, 512), 2, np.float32))
    with pytest.raises(ValueError, match="outside 0..1"):
        list(paint_all([(0, bad)], processes))


def test_an_error_of_the_child_comes_back_with_its_words():
    bad = panel(0)._replace(probabilities=np.full(6, 7, np.float32))
    with pytest.raises(RuntimeError, match="ValueError: .* outside 0..1"):
        list(paint_all([(0, bad)], 1))


def test_a_process_that_has_painted_can_end():
    """As Dagster's run worker: started by multiprocessing, not from a command line."""
    worker = multiprocessing.get_context("spawn").Process(target=painting._ask, args=(panel(0),))
    worker.start()
    worker.join(60)
    alive = worker.is_alive()
    worker.kill()
    assert (alive, worker.exitcode) == (False, 0)
