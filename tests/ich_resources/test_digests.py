"""SHA-256 of files and bytes; equal inputs, and only those, have equal fingerprints."""

import hashlib

import pytest

from ich_resources.digests import bytes_sha256, file_sha256, fingerprint, stream_sha256


def test_digest_is_sha256():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert bytes_sha256(b"") == empty


def test_a_file_and_the_rest_of_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content" * 100_000)
    assert file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as file:
        file.read(7)
        assert stream_sha256(file) == bytes_sha256(b"content" * 99_999)
    with pytest.raises(FileNotFoundError):
        file_sha256(tmp_path / "missing")


def test_fingerprint_is_sha256_of_canonical_json():
    expected = hashlib.sha256(b'{"a":[1,2.5,null],"b":{"c":"x","d":true}}').hexdigest()
    assert fingerprint({"b": {"d": True, "c": "x"}, "a": [1, 2.5, None]}) == expected


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": [1]}, {"b": 1}, {"a": 1, "b": None}, {}]
)
def test_other_inputs_other_fingerprint(other):
    assert fingerprint(other) != fingerprint({"a": 1})


def test_text_beyond_ascii():
    assert fingerprint({"a": "ä\udcff"}) != fingerprint({"a": "a"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_no_json_value(value):
    with pytest.raises((ValueError, TypeError)):
        fingerprint({"a": value})
