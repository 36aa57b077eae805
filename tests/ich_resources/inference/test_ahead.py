"""Networks that are loaded in a thread, while other work goes on."""

import threading
from pathlib import Path

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.inference.ahead import load_ahead, wait_for_the_first

FILES = [CheckpointFile("b", Path(f"{fold}.pth"), "", False) for fold in range(3)]


def finished():
    for thread in threading.enumerate():
        if thread.name == "loading networks":
            thread.join(60)
            assert not thread.is_alive()


def test_each_file_is_loaded_in_order_and_by_another_thread():
    loaded = []
    load_ahead(lambda: FILES, lambda file: loaded.append((file, threading.current_thread().name)))
    finished()
    assert loaded == [(file, "loading networks") for file in FILES]


def test_a_file_that_cannot_be_loaded_ends_the_thread_without_an_error():
    tried = []

    def load(file):
        tried.append(file)
        raise RuntimeError(file.path.name)

    load_ahead(lambda: FILES, load)
    finished()
    assert tried == FILES[:1]


def test_an_error_of_the_search_for_files_is_not_raised_either():
    loaded = []

    def files():
        raise LookupError

    load_ahead(files, loaded.append)
    finished()
    assert loaded == []


def test_who_waits_for_the_first_network_goes_on_while_the_others_are_loaded():
    loaded, go_on = [], threading.Event()

    def load(file):
        if loaded:
            assert go_on.wait(60)
        loaded.append(file)

    load_ahead(lambda: FILES, load)
    wait_for_the_first()
    assert loaded == FILES[:1]
    go_on.set()
    finished()
    assert loaded == FILES


def test_nobody_waits_for_a_thread_that_could_load_nothing():
    load_ahead(lambda: FILES, lambda _file: 1 / 0)
    wait_for_the_first()
    finished()
    wait_for_the_first()
