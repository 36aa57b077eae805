"""What is told, and that it is told once."""

import json

import pytest

from ich_resources.errors import StorageError
from ich_resources.inbox.reading import EndedSeries
from ich_resources.monitor import teller
from ich_resources.monitor.messages import Highest
from ich_resources.monitor.outbox import Outbox
from ich_resources.monitor.teller import Teller
from ich_resources.storage.layout import Layout

DONE = EndedSeries("1.2", "1.1", "v", "r", "done", "")
FAILED = EndedSeries("1.3", "1.1", "v", "r", "failed", "RUN")


@pytest.fixture
def site(tmp_path, monkeypatch):
    return Site(tmp_path, monkeypatch)


class Site:
    """A run root whose series have these P(any)."""

    def __init__(self, root, monkeypatch) -> None:
        self.layout = Layout(root)
        self.p_any: dict[str, float | None] = {"1.2": 0.75}
        monkeypatch.setattr(teller, "highest_any", lambda _layout, series: self._highest(series))

    def _highest(self, series: str) -> Highest | None:
        p_any = self.p_any[series]
        return None if p_any is None else Highest(p_any, "phantoms")

    def new(self, threshold: float | None = 0.5) -> tuple[Teller, Outbox]:
        """Return what a new process has."""
        outbox = Outbox(self.layout.outbox / "command", 10.0)
        return Teller(self.layout, [outbox], threshold), outbox

    def told(self) -> list[str]:
        """Return the kinds of all messages that wait."""
        files = self.layout.outbox.glob("command/*.json")
        return sorted(json.loads(path.read_text())["message"]["kind"] for path in files)


def test_what_has_ended_before_the_first_start_is_not_told(site):
    one, _ = site.new()
    one.tell([DONE], {})
    assert site.told() == []
    one.tell([DONE, FAILED], {})
    assert site.told() == ["failure"]


def test_a_result_at_the_threshold_is_told_once_also_by_a_new_process(site):
    one, outbox = site.new(0.75)
    one.tell([], {})
    one.tell([DONE], {})
    message = outbox.due().message
    assert (message.kind, message.series_instance_uid, message.p_any) == ("result", "1.2", 0.75)
    assert (message.study_instance_uid, message.threshold) == ("1.1", 0.75)
    assert message.trained_on == "phantoms"
    outbox.delivered(outbox.due())
    again, _ = site.new(0.75)
    again.tell([DONE], {})
    assert site.told() == []
    again.tell([DONE._replace(version="w")], {})
    assert site.told() == ["result"]


@pytest.mark.parametrize(("p_any", "threshold"), [(0.4, 0.5), (None, 0.0), (0.9, None)])
def test_other_results_are_not_told(site, p_any, threshold):
    site.p_any["1.2"] = p_any
    one, _ = site.new(threshold)
    one.tell([], {})
    one.tell([DONE], {})
    assert site.told() == []


def test_a_result_that_is_made_again_at_this_moment_is_looked_at_again(site, monkeypatch):
    def busy(_layout, _series):
        raise StorageError("another process scored the series again")

    one, _ = site.new()
    one.tell([], {})
    with monkeypatch.context() as changed:
        changed.setattr(teller, "highest_any", busy)
        one.tell([DONE], {})
    assert site.told() == []
    one.tell([DONE], {})
    assert site.told() == ["result"]


def test_a_kill_between_message_and_note_writes_the_same_message(site, monkeypatch):
    one, outbox = site.new()
    one.tell([], {})

    def killed(_self, _value):
        raise KeyboardInterrupt

    with monkeypatch.context() as changed:
        changed.setattr(Teller, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            one.tell([FAILED], {})
    first = outbox.due().message
    again, box = site.new()
    again.tell([FAILED], {})
    assert (box.due().message.id, box.counts["waiting"]) == (first.id, 1)


def test_a_stalled_inbox_is_told_at_each_time_it_stalls(site):
    one, outbox = site.new()
    one.tell([], {})
    one.tell([], {"NO_TICK": "100.0"})
    first = outbox.due().message
    assert (first.kind, first.codes, first.series_instance_uid) == ("stalled", "NO_TICK", "")
    again, _ = site.new()
    again.tell([], {"NO_TICK": "100.0"})
    assert len(site.told()) == 1
    again.tell([], {})
    again.tell([], {"NO_TICK": "900.0"})
    assert len(site.told()) == 2


def test_an_index_that_cannot_be_read_makes_no_series_new(site):
    one, _ = site.new()
    one.tell(None, {})
    one.tell([FAILED], {})
    one.tell(None, {"NO_TICK": "1"})
    one.tell([FAILED], {"NO_TICK": "1"})
    assert site.told() == ["stalled"]


def test_a_damaged_note_begins_anew(site, caplog):
    site.new()[0].tell([FAILED], {})
    (site.layout.outbox / "told.json").write_text("{")
    site.new()[0].tell([FAILED, DONE], {})
    assert site.told() == [] and "damaged" in caplog.text
