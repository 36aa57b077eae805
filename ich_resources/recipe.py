"""What a result depends on, as a fingerprint: equal fingerprints, equal result.

The fingerprint decides whether a series is done, and is the data version Dagster shows.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

PROCESSED = "processed_series"
ENSEMBLE = "ensemble_predictions"
SALIENCY = "saliency_panels"
"""Steps of a series by the names of their assets; a backbone's stands in ``backbones.table``."""

CODE_VERSIONS = {
    "processed_series": "1",
    "predictions": "1",
    "ensemble_predictions": "1",
    "saliency_panels": "1",
}
"""Raise a number when the code of that step changes what the step writes."""


def ensemble_recipe(predictions: Mapping[str, str]) -> str:
    """Fingerprint of what the ensemble's probabilities depend on.

    Parameters
    ----------
    predictions : mapping
        Data version of the predictions of each backbone, by its name.
    """
    return fingerprint({"code": CODE_VERSIONS[ENSEMBLE], "backbones": dict(predictions)})


def fingerprint(recipe: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a recipe in canonical JSON, hexadecimal.

    Parameters
    ----------
    recipe : mapping
        JSON values only; the order of keys does not matter.
    """
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
