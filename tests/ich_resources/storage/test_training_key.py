"""The secret key of a training root: made once, for the owner alone."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from ich_resources.errors import StorageError
from ich_resources.storage.training_key import training_key
from ich_resources.storage.training_layout import TrainingLayout


@pytest.fixture
def layout(tmp_path):
    return TrainingLayout(tmp_path / "train")


def test_it_is_made_once_and_only_its_owner_can_read_it(layout):
    earlier = os.umask(0)
    try:
        key = training_key(layout)
    finally:
        os.umask(earlier)
    assert len(key) == 32
    assert layout.key.read_text() == key.hex() + "\n"
    assert layout.key.stat().st_mode & 0o777 == 0o600
    assert training_key(layout) == key
    assert [path.name for path in layout.key.parent.iterdir()] == [layout.key.name]


def test_all_who_ask_at_once_get_the_same_key(layout):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: training_key(layout), range(32)))) == 1


@pytest.mark.parametrize("content", [b"", b"00\n", b"no key\n", b"\xff"])
def test_another_file_is_an_error(layout, content):
    training_key(layout)
    layout.key.write_bytes(content)
    with pytest.raises(StorageError, match="not a key") as caught:
        training_key(layout)
    assert "put the earlier key back" in caught.value.remedy
