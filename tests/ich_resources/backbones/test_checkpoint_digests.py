"""Digests of checkpoint files: remembered while a file stays as it is."""

import hashlib
import os

import pytest

from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.errors import CheckpointError


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_changed_file_is_digested_anew(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"before")
    assert digest_file(path) == digest_file(path) == sha256(b"before")
    path.write_bytes(b"behind")
    os.utime(path, ns=(0, 1))
    assert digest_file(path) == sha256(b"behind")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read: No such file") as caught:
        digest_file(tmp_path / "gone.pth")
    assert caught.value.path == tmp_path / "gone.pth"
    assert caught.value.remedy
