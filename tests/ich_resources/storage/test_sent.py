"""The ledger of what was accepted where, and its table."""

import pandas as pd
import pytest

from ich_resources.errors import FormatError, StorageError
from ich_resources.storage.layout import Layout
from ich_resources.storage.sent import CONFIRMED, Sent, SentObject, SentTo, read_sent, write_sent
from ich_resources.storage.sent_table import sent_row, write_sent_table
from ich_resources.subjects import series_subject

SERIES = series_subject("1.2.3")


def known(*states: str, current: str | None = None, **facts: str) -> SentTo:
    """Objects a, b, c ... in these states; ``current``: those of the last result."""
    names = "abcdef"[: len(states)]
    objects = {
        name: SentObject(uid=f"1.{name}", state=state, at=f"2026-01-0{number}", **facts)
        for number, (name, state) in enumerate(zip(names, states, strict=True), start=1)
    }
    return SentTo(
        name="pacs", objects=objects, current=tuple(names if current is None else current)
    )


@pytest.mark.parametrize(
    ("to", "state", "counts"),
    [
        (known("accepted", "accepted"), "sent", (2, 2, 0, 0, 0)),
        (known("accepted", "waiting", "refused"), "waiting", (3, 1, 1, 0, 0)),
        (known("accepted", "refused"), "refused", (2, 1, 1, 0, 0)),
        (known("accepted", "refused", current=""), "outdated", (0, 0, 0, 0, 1)),
        (known("accepted", "accepted", current="b"), "sent", (1, 1, 0, 0, 1)),
        (known("accepted", commitment=CONFIRMED), "sent", (1, 1, 0, 1, 0)),
    ],
)
def test_row_of_a_series(to, state, counts):
    row = sent_row("1.2.3", to)
    names = ("objects", "accepted", "refused", "confirmed", "earlier")
    assert (row["state"], tuple(row[name] for name in names)) == (state, counts)
    assert row["time"] == f"2026-01-0{len(to.objects)}"


def test_a_new_result_waits_and_what_was_accepted_does_not_go_again():
    to = known("accepted", "refused", "waiting").looking_at("renamed", ["a", "b", "c", "new"])
    assert to.left(refused=True) == ["b", "c", "new"]
    assert to.left(refused=False) == ["c", "new"]
    sent = Sent().having("place", to)
    assert sent.is_due("place", ["new"]) and not sent.is_due("place", ["a", "b"])
    assert sent.is_due("another place", ["a"])
    assert to.other_bytes("1.a", "other") and not to.other_bytes("1.a", "a")


def test_the_ledger_is_read_as_it_was_written_and_the_table_names_a_damaged_one(tmp_path):
    layout = Layout(tmp_path)
    sent = Sent().having("place", known("accepted", "waiting", sentence="=1+1 no connection"))
    write_sent(layout, SERIES, sent)
    assert read_sent(layout, SERIES) == sent
    other = series_subject("1.2.4")
    layout.folder(other).mkdir(parents=True)
    layout.sent(other).write_text('{"format": 1, "destinations": {"p": {"name": "x"')
    path, problems = write_sent_table(layout)
    (row,) = pd.read_csv(path).to_dict("records")
    assert row["sentence"].startswith("'=")  # no spreadsheet runs it
    assert len(problems) == 1 and "1.2.4" in problems[0]
    for text in ('{"format": 1, "destinations": {"p": {"name": "x", "current": ["a"]}}}', "[]"):
        layout.sent(other).write_text(text)
        with pytest.raises(StorageError, match="damaged"):
            read_sent(layout, other)
    layout.sent(other).write_text('{"format": 2}')
    with pytest.raises(FormatError):
        read_sent(layout, other)
