"""Objects to one destination, with attempts that are bounded."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ich_resources.sending.answers import Answer, UnusableError
from ich_resources.sending.objects import Outgoing

Store = Callable[[Sequence[Outgoing]], Iterator[tuple[Outgoing, Answer]]]
"""Sends objects, and yields each that is answered; see ``dimse.store`` and ``stow.store``."""


@dataclass(frozen=True)
class Patience:
    """How often something is tried.

    Attributes
    ----------
    attempts : int
        Attempts in a row without a single answered object, the first included.
    wait_s : float
        Seconds before the second attempt; before each later one twice as long.
    """

    attempts: int
    wait_s: float


def deliver(
    objects: Sequence[Outgoing],
    store: Store,
    patience: Patience,
    on_answer: Callable[[Outgoing, Answer], None],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Send objects until each is accepted or refused, or the destination is given up.

    Parameters
    ----------
    objects : sequence of Outgoing
        What.
    store : callable
        Sends them.
    patience : Patience
        When the destination is given up. An answered object sets the count of attempts back, so
        that a connection that breaks now and then does not end the sending.
    on_answer : callable
        Called for each answer. Its error ends the sending.
    sleep : callable
        Waits, in seconds.

    Returns
    -------
    str
        Why the destination was given up; empty if it was not.

    Raises
    ------
    SendError
        If a file is not the one of its record, or a reference cannot be resolved.
    """
    left, failed = list(objects), 0
    while left:
        before = len(left)
        why, passing = _attempt(left, store, on_answer)
        failed = 0 if len(left) < before else failed + 1
        if why and (not passing or failed >= patience.attempts):
            return why
        if left:
            sleep(patience.wait_s * 2 ** max(failed - 1, 0))
    return ""


def _attempt(
    left: list[Outgoing], store: Store, on_answer: Callable[[Outgoing, Answer], None]
) -> tuple[str, bool]:
    """Send what is left, and remove what is answered for good.

    Returns
    -------
    why : str
        Why it stopped; empty if it came to the end.
    passing : bool
        Whether that may pass.
    """
    try:
        for one, answer in store(tuple(left)):
            on_answer(one, answer)
            if answer.kind == "passing":
                return f"{answer.code}: {answer.sentence}", True
            left.remove(one)
    except UnusableError as err:
        return err.sentence, err.passing
    return "", False
