"""Which series of the inbox need a run, and which have one whose end is open."""

from typing import get_args

import pytest

from ich_resources.arrivals import Arrival, ArrivalState

STATES = get_args(ArrivalState)


def arrival(state, version, requested):
    return Arrival("1.2", "1.1", state=state, version=version, requested_version=requested)


def test_a_series_of_one_file_has_only_arrived():
    first = Arrival("1.2", "1.1")
    assert (first.state, first.version, first.requested_version, first.attempts) == (
        "arriving",
        "",
        "",
        0,
    )
    assert not first.due and not first.unsettled


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("requested", ["", "old"])
def test_only_an_admitted_series_of_a_new_version_is_due(state, requested):
    found = arrival(state, "new", requested)
    assert found.due is (state == "admitted")
    assert not found.unsettled


@pytest.mark.parametrize("state", STATES)
def test_a_version_already_offered_is_unsettled_until_its_end_is_known(state):
    found = arrival(state, "new", "new")
    assert not found.due
    assert found.unsettled is (state in ("admitted", "running"))
