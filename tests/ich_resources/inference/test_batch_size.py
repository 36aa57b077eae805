"""The largest batch: found with few trials, kept in a file, asked for once."""

import json

import pytest

from ich_resources.inference.batch_size import (
    BatchLimit,
    BatchSizeCache,
    batch_limit,
    largest_that_fits,
)


@pytest.mark.parametrize("most", [1, 2, 5, 16, 100, 128])
@pytest.mark.parametrize("room", [0, 1, 2, 3, 7, 16, 63, 64, 65, 127, 128, 1000])
def test_the_largest_that_fits(room, most):
    tried = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= room

    assert largest_that_fits(fits, most) == min(room, most)
    assert len(tried) <= 15
    assert len(set(tried)) == len(tried)
    assert max(tried) <= most


def test_a_limit_never_grows():
    heard = []
    limit = BatchLimit(8, heard.append)
    with pytest.warns(UserWarning, match="4 slices per pass"):
        limit.shrink(4)
    limit.shrink(6)
    assert limit.size == 4
    assert heard == [4]


def test_kept_sizes_are_found_again(tmp_path):
    path = tmp_path / "deep" / "sizes.json"
    BatchSizeCache(path).put("a", 32)
    BatchSizeCache(path).put("b", 7)
    cache = BatchSizeCache(path)
    assert (cache.get("a", 128), cache.get("b", 128), cache.get("c", 128)) == (32, 7, None)
    assert cache.get("a", 16) is None, "larger than allowed"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": "many"}', '{"a": 0}', "\0\xff"])
def test_a_damaged_file_costs_a_search(tmp_path, content):
    path = tmp_path / "sizes.json"
    path.write_text(content, encoding="latin-1")
    cache = BatchSizeCache(path)
    assert cache.get("a", 128) is None
    cache.put("a", 5)
    assert cache.get("a", 128) == 5
    assert json.loads(path.read_text())["a"] == 5


def test_no_cache_and_one_that_cannot_be_written(tmp_path):
    off = BatchSizeCache(None)
    off.put("a", 5)
    assert off.get("a", 128) is None
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="networks.batch_size_cache"):
        BatchSizeCache(tmp_path / "file" / "sizes.json").put("a", 5)


def test_one_search_for_all_processes_and_what_shrinks_is_kept(tmp_path):
    cache = BatchSizeCache(tmp_path / "sizes.json")
    key = f"a card {tmp_path}"
    limit = batch_limit(key, lambda: 24, cache, 128)
    assert batch_limit(key, lambda: pytest.fail("asked twice"), cache, 128) is limit
    assert cache.get(key, 128) == 24
    with pytest.warns(UserWarning, match="12 slices"):
        limit.shrink(12)
    assert cache.get(key, 128) == 12
    other = f"another card {tmp_path}"
    cache.put(other, 9)
    assert batch_limit(other, lambda: pytest.fail("it was kept"), cache, 128).size == 9
