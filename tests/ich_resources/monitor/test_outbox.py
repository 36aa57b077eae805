"""The outbox: at least once, with bounded attempts, through kills and damage."""

import pytest

from ich_resources.monitor.messages import Message
from ich_resources.monitor.outbox import ATTEMPTS, GIVEN_UP, Outbox, wait_after

FIRST, SECOND = (Message(f"{n:032x}", "failure", "now", f"1.{n}", codes="RUN") for n in (1, 2))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_message_waits_longer_after_each_attempt_and_is_forgotten_once_delivered(tmp_path, clock):
    outbox = Outbox(tmp_path, 10.0, clock)
    assert outbox.due() is None
    outbox.add(FIRST)
    outbox.add(FIRST)
    assert outbox.due().message == FIRST
    assert not outbox.failed(outbox.due())
    assert outbox.due() is None
    outbox.add(SECOND)
    assert outbox.due().message == SECOND  # one that fails does not stop the others
    clock.now += 10
    outbox.delivered(outbox.due())
    assert outbox.due() == (FIRST, 1)
    outbox.delivered(outbox.due())
    assert (outbox.due(), outbox.counts["waiting"], list(tmp_path.iterdir())) == (None, 0, [])


def test_another_process_finds_messages_and_attempts(tmp_path, clock):
    outbox = Outbox(tmp_path, 10.0, clock)
    outbox.add(FIRST)
    outbox.failed(outbox.due())
    assert Outbox(tmp_path, 10.0, clock).due() == (FIRST, 1)


def test_after_a_day_a_message_is_given_up_and_kept(tmp_path, clock):
    outbox = Outbox(tmp_path, 10.0, clock)
    outbox.add(FIRST)
    for _ in range(ATTEMPTS):
        given_up = outbox.failed(outbox.due())
        clock.now += 1800
    assert given_up and outbox.counts == {"waiting": 0, GIVEN_UP: 1}
    kept = tmp_path / GIVEN_UP / f"{FIRST.id}.json"
    kept.rename(tmp_path / kept.name)
    assert Outbox(tmp_path, 10.0, clock).counts == {"waiting": 1, GIVEN_UP: 0}
    waits = [wait_after(attempts, 10.0) for attempts in range(1, ATTEMPTS)]
    assert waits[:3] == [10, 20, 40] and max(waits) == 1800
    assert 20 * 3600 < sum(waits) < 24 * 3600


def test_a_damaged_file_is_put_aside_and_stops_nothing(tmp_path, clock):
    Outbox(tmp_path, 10.0, clock).add(FIRST)
    (tmp_path / "0.json").write_text('{"message": {"id": 3}')
    assert Outbox(tmp_path, 10.0, clock).due().message == FIRST
    assert (tmp_path / "0.damaged").exists()
