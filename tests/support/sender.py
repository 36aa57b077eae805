"""A sender that is not patient."""

from pathlib import Path

from ich_resources.sending.objects import Outgoing
from ich_resources.sending.resource import SendResource


def sender_to(timeout_s: float = 30, **destination: object) -> SendResource:
    """Return a sender with one destination that tries twice."""
    one = {"name": "there", **destination}
    return SendResource(destinations=[one], attempts=2, wait_seconds=0.1, timeout_seconds=timeout_s)


def send_files(
    files: list[tuple[Path, str]], **destination: object
) -> tuple[str, list[tuple[str, str]]]:
    """Send files; return why the destination was given up, and kind and code of each answer."""
    sender = sender_to(**destination)
    (to,) = sender.chosen_by([])
    said: list[tuple[str, str]] = []
    why = sender.deliver(
        to, read(sender, files), lambda _, answer: said.append((answer.kind, answer.code))
    )
    return why, said


def read(sender: SendResource, files: list[tuple[Path, str]]) -> list[Outgoing]:
    """Return files as objects to be sent."""
    return [sender.read(*file) for file in files]
