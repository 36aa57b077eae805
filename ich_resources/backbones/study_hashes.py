"""The hashes of the studies that a checkpoint lists, and the salt of a training root."""

import hashlib
import hmac
from functools import lru_cache

HASH_ROUNDS = 10_000
"""Rounds of PBKDF2-HMAC-SHA256 behind the hash of a study: some milliseconds of CPU."""


def study_salt(key: bytes) -> str:
    """Return the salt of the studies' hashes: the same for every checkpoint of one TRAIN_ROOT.

    It also names the key, so that checkpoints tell whether they come from one TRAIN_ROOT.

    Parameters
    ----------
    key : bytes
        The secret key of TRAIN_ROOT. The salt does not tell it.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return hmac.new(key, b"ich: salt of studies in checkpoints", hashlib.sha256).hexdigest()[:32]


@lru_cache(maxsize=100_000)
def study_hash(salt: str, study_uid: str) -> str:
    """Return the hash of a study as checkpoints list it.

    It takes milliseconds of CPU, once per study and salt in a process.

    Parameters
    ----------
    salt : str
        From ``study_salt``, or from the checkpoint.
    study_uid : str
        StudyInstanceUID.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    told = study_uid.encode(errors="surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", told, bytes.fromhex(salt), HASH_ROUNDS, 16).hex()
