"""Which answers may pass, and which are final."""

import pytest

from ich_resources.sending.answers import UnusableError, of_http, of_status
from ich_resources.sending.deliver import Patience, deliver


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0x0000, "accepted"),
        (0xB000, "accepted"),
        (0xB007, "accepted"),
        (0x0111, "accepted"),
        (0xA700, "passing"),
        (0xA7FF, "passing"),
        (0xA900, "refused"),
        (0xA9FF, "refused"),
        (0xC000, "refused"),
        (0xC123, "refused"),
        (0x0122, "refused"),
        (0x0110, "refused"),
    ],
)
def test_kind_of_a_dimse_status(status, kind):
    answer = of_status(status)
    assert answer.kind == kind
    assert answer.code == f"0x{status:04X}"
    assert answer.sentence or status == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [*((s, "refused") for s in (200, 400, 409, 413)), *((s, "passing") for s in (429, 500, 503))],
)
def test_kind_of_an_http_status_that_says_nothing_of_the_object(status, kind):
    assert of_http(status).kind == kind


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 407])
def test_an_http_status_about_the_destination_ends_all_of_it(status):
    with pytest.raises(UnusableError) as raised:
        of_http(status)
    assert not raised.value.passing


class Scripted:
    """A destination that takes so many objects in each attempt, and then breaks off."""

    def __init__(self, *taken, passing=True):
        self.taken, self.passing, self.attempts = list(taken), passing, 0

    def __call__(self, objects):
        self.attempts += 1
        number = self.taken.pop(0) if self.taken else 0
        for one in objects[:number]:
            yield one, of_status(0)
        if number < len(objects):
            raise UnusableError("it broke off", passing=self.passing)


@pytest.mark.parametrize(
    ("taken", "attempts", "waits", "why"),
    [
        ([9], 1, [], ""),
        ([0, 9], 2, [1], ""),
        ([0, 0, 0], 3, [1, 2], "it broke off"),
        # An attempt that brings something forward starts the count again.
        ([2, 0, 0, 3], 4, [1, 1, 2], ""),
        ([1, 1, 1, 1, 1], 5, [1, 1, 1, 1], ""),
    ],
)
def test_attempts_are_bounded_and_start_again_with_progress(taken, attempts, waits, why):
    store, slept, answered = Scripted(*taken), [], []
    said = deliver(
        [1, 2, 3, 4, 5], store, Patience(3, 1), lambda one, _: answered.append(one), slept.append
    )
    assert (store.attempts, slept, said) == (attempts, waits, why)
    assert answered == ([] if why else [1, 2, 3, 4, 5])


def test_what_will_not_pass_is_not_tried_again():
    store = Scripted(2, 5, passing=False)
    assert deliver([1, 2, 3], store, Patience(3, 1), lambda *_: None, None) == "it broke off"
    assert store.attempts == 1
