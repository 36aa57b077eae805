"""The result of one step on one subject, as the steps hand it on."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ich_resources.storage.content import Content

ContentT = TypeVar("ContentT", bound=Content, covariant=True)
_C = TypeVar("_C", bound=Content)


@dataclass(frozen=True)
class Record(Generic[ContentT]):
    """The result of one step on one subject.

    Attributes
    ----------
    inputs_digest : str
        Fingerprint of everything that the result depends on; ``recipe`` in the JSON file.
    data_version : str
        Fingerprint of the result. Later steps depend on it.
    files : tuple of str
        Files that the step wrote, relative to the run root.
    content : Content
        Accounting, provenance, seconds; see ``schemas``.
    digests : tuple of str
        SHA-256 of each file, hexadecimal; empty if an earlier version wrote the record.
    """

    inputs_digest: str
    data_version: str
    files: tuple[str, ...]
    content: ContentT
    digests: tuple[str, ...] = field(default=(), compare=False)

    def sha256(self, name: str) -> str | None:
        """Return the digest of one of the files, None where it is not known."""
        return dict(zip(self.files, self.digests, strict=False)).get(name)


def content_as(record: Record[Content], schema: type[_C]) -> Record[_C]:
    """Return a record with the schema that its content is known to have.

    Raises
    ------
    TypeError
        If it has another schema.
    """
    if not isinstance(record.content, schema):
        raise TypeError(f"a {type(record.content).__name__}, not a {schema.__name__}")
    return Record(
        record.inputs_digest, record.data_version, record.files, record.content, record.digests
    )
