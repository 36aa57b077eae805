"""Each training holds a GPU of its own."""

from ich_assets.learning.gpus import _first_free, lock_files, one_gpu
from ich_resources.training.results import Machine


def test_trainings_side_by_side_take_different_gpus(tmp_path):
    paths = lock_files(["cuda:0", "cuda:1"], tmp_path)
    with _first_free(paths, print) as one:
        with _first_free(paths, print) as other:
            assert (one, other) == (0, 1)
        with _first_free(paths, print) as again:
            assert again == 1
    with _first_free(paths, print) as free:
        assert free == 0


def test_locks_name_the_card_and_not_its_number_in_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    (one,) = lock_files(["cuda:1"], tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    (other,) = lock_files(["cuda:0"], tmp_path)
    assert one == other and "gpu-3" in one.name


def test_a_certain_device_is_left_as_it_is():
    with one_gpu(Machine("cpu"), print) as machine:
        assert machine.device == "cpu"
