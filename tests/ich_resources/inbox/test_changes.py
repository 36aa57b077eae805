"""A listing of the inbox against the index: new, changed, back and gone."""

import pytest

from ich_resources.folders import FoundFile
from ich_resources.inbox.changes import KnownFile, compare, kind_of

KNOWN = {
    b"same": KnownFile(1, 10, 0),
    b"larger": KnownFile(1, 10, 0),
    b"later": KnownFile(1, 10, 0),
    b"back": KnownFile(1, 10, 1),
    b"back and larger": KnownFile(1, 10, 1),
    b"gone": KnownFile(1, 10, 0),
    b"gone before": KnownFile(1, 10, 1),
}


def test_each_file_is_in_its_place():
    larger, later = FoundFile("larger", 2, 10), FoundFile("later", 1, 11)
    back_and_larger, new = FoundFile("back and larger", 2, 10), FoundFile("new", 1, 10)
    same, back = FoundFile("same", 1, 10), FoundFile("back", 1, 10)
    changes = compare(KNOWN, [same, larger, later, back, back_and_larger, new])
    assert changes.to_read == [larger, later, back_and_larger, new]
    assert changes.back == [b"back"]
    assert changes.gone == [b"gone"]


def test_nothing_changed():
    known = {b"a": KnownFile(1, 10, 0), b"gone before": KnownFile(1, 10, 1)}
    assert not any(compare(known, [FoundFile("a", 1, 10)]))
    assert not any(compare({}, []))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (".done", "marker"),
        ("a.done", "unread"),
        ("IM1.PART", "temporary"),
        ("x.tmp", "temporary"),
        ("IM1", "unread"),
    ],
)
def test_the_kind_of_a_file_that_was_not_read(name, kind):
    assert kind_of(name) == kind
