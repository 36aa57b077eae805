"""What a series says of itself: states, version, images."""

import hashlib
from dataclasses import FrozenInstanceError, replace

import pytest

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SeriesRecord, SliceRecord

REFUSED = Judgement("refused", Reason.LOCALIZER, "a localizer")
FAILED = Judgement("failed", Reason.NO_PIXELS, "no pixels")
A = SliceRecord("a", "1.1", "aa", position=1.0)
B = SliceRecord("b", "1.2", "bb", position=2.0)


def _series(*slices):
    return SeriesRecord("1", "1.0", "Head", slices)


def test_states():
    series = _series(A, replace(B, judgement=REFUSED), replace(B, judgement=FAILED))
    assert [record.state for record in series.slices] == ["admitted", "refused", "failed"]
    assert [series.count(state) for state in ("admitted", "refused", "failed")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [
        ([None], True),
        ([REFUSED, None], True),
        ([REFUSED, FAILED], True),  # something was meant to be scored, and failed
        ([FAILED], True),
        ([REFUSED, REFUSED], False),
        ([], False),
    ],
)
def test_to_be_scored(judgements, expected):
    series = _series(*(replace(A, judgement=judgement) for judgement in judgements))
    assert series.to_be_scored is expected


def test_version_is_sha256_of_what_is_there():
    lines = "1.1 aa admitted\n1.2 bb failed"
    series = _series(replace(B, judgement=FAILED), A)
    assert series.version == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        _series(B, A),
        _series(replace(A, path="other/name.dcm"), B),
        _series(replace(A, copies=("again",)), B),
        replace(_series(A, B), description="Kopf"),
    ],
)
def test_version_is_not_of_names_and_order(same):
    assert same.version == _series(A, B).version


@pytest.mark.parametrize(
    "other",
    [
        _series(A),
        _series(A, B, replace(B, sop_instance_uid="1.3")),
        _series(replace(A, digest="ab"), B),
        _series(replace(A, sop_instance_uid="1.9"), B),
        _series(replace(A, judgement=FAILED), B),
    ],
)
def test_version_is_of_content(other):
    assert other.version != _series(A, B).version


def test_records_are_frozen():
    with pytest.raises(FrozenInstanceError):
        A.path = "b"  # type: ignore[misc]
