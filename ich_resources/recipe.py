"""What a result depends on, as a fingerprint: equal fingerprints, equal result.

The fingerprint decides whether a series is done, and is the data version Dagster shows.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(recipe: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a recipe in canonical JSON, hexadecimal.

    Parameters
    ----------
    recipe : mapping
        JSON values only; the order of keys does not matter.
    """
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
