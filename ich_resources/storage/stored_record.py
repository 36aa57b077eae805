"""The record of a step on disk: read if it is valid, written with digests.

``records`` says when a record is valid.
"""

from typing import Any

from ich_resources.digests import fingerprint
from ich_resources.storage.content import Content
from ich_resources.storage.files import write_json
from ich_resources.storage.layout import Layout
from ich_resources.storage.own_files import is_inside, is_own, needed, sizes
from ich_resources.storage.record import Record
from ich_resources.storage.record_files import is_text, read_value, require_known_format, sha256_of
from ich_resources.storage.schemas import schema_of
from ich_resources.subjects import Subject


def read_record(layout: Layout, subject: Subject, step: str) -> Record[Content] | None:
    """Return the record of a step, None where it is not valid and the step has to run.

    Parameters
    ----------
    layout : Layout
        Of the run root or the training root.
    subject : Subject
        What the record is about.
    step : str
        Name of the step.

    Raises
    ------
    FormatError
        If a newer version of ich wrote the record.
    """
    path = layout.record(subject, step)
    if not is_inside(layout, path):
        return None
    value = read_value(path)
    require_known_format(value, step, path)
    try:
        content = schema_of(step).model_validate(value["content"])
        names, digests = tuple(value["files"]), tuple(value.get("digests", ()))
        record = Record(value["recipe"], value["data_version"], names, content, digests)
        valid = (
            is_text(record.inputs_digest, record.data_version, *names, *digests)
            and all(is_own(layout, subject, step, name) for name in names)
            and needed(layout, subject, step, content).issubset(names)
            and value["sizes"] == sizes(layout, names)
            and _has_digests(layout, value, record)
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return record if valid else None


def _has_digests(layout: Layout, value: dict[str, Any], record: Record[Content]) -> bool:
    """Return whether a record and its small files are as written, as far as that is known."""
    if "digests" not in value and "checksum" not in value:
        return True
    rest = {key: item for key, item in value.items() if key != "checksum"}
    if len(record.digests) != len(record.files) or value["checksum"] != fingerprint(rest):
        return False
    pictures = record.content.compared_when_read
    small = [name for name in record.files if not name.endswith(pictures)]
    small = small if record.content.feeds_tables else []
    return all(sha256_of(layout.run_root / name) == record.sha256(name) for name in small)


def write_record(layout: Layout, subject: Subject, step: str, record: Record[Content]) -> None:
    """Write the record of a step whose files are all written.

    Parameters
    ----------
    layout : Layout
        Of the run root or the training root.
    subject : Subject
        What the record is about.
    step : str
        Name of the step.
    record : Record
        ``files`` names the files relative to the run root. Their sizes are read here.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    value = {
        "format": record.content.format,
        "recipe": record.inputs_digest,
        "data_version": record.data_version,
        "files": list(record.files),
        "content": record.content.model_dump(exclude_unset=True),
        "sizes": sizes(layout, record.files),
    }
    write_value(layout, subject, step, value)


def write_value(layout: Layout, subject: Subject, step: str, value: dict[str, Any]) -> None:
    """Write a record with the digests of its files and a checksum of itself.

    Parameters
    ----------
    layout : Layout
        Of the run root or the training root.
    subject : Subject
        What the record is about.
    step : str
        Name of the step.
    value : dict
        The record without both.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    root = layout.run_root
    value = value | {"digests": [sha256_of(root / name) or "" for name in value["files"]]}
    value["checksum"] = fingerprint(value)
    write_json(layout.record(subject, step), value, durable=True)
