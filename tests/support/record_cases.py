"""The series and the step of a record, and changes of its file."""

import json

from ich_resources.subjects import series_subject

UID, STEP = "1.2.3", "processed_series"
SERIES, OTHER = series_subject(UID), series_subject("1.2")


def change(path, **fields: object) -> None:
    """Change or remove fields of a record as an earlier version wrote it, without digests."""
    value = json.loads(path.read_text()) | {"digests": None, "checksum": None} | fields
    path.write_text(json.dumps({k: v for k, v in value.items() if v is not None}))
