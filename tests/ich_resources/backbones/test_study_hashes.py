"""The hashes of studies."""

import hashlib

from trained_files import SALT

from ich_resources.backbones.study_hashes import study_hash, study_salt


def test_hashes_of_studies_are_those_of_the_page():
    """docs/reference.md, section 3: PBKDF2-HMAC-SHA256, 10,000 rounds, 16 bytes."""
    salt = bytes.fromhex(SALT)
    expected = hashlib.pbkdf2_hmac("sha256", b"1.2.3", salt, 10_000, 16).hex()
    assert study_hash(SALT, "1.2.3") == expected
    assert study_salt(b"one") != study_salt(b"two") and len(study_salt(b"one")) == 32
