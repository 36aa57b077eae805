"""What the numbers of a network are worth: what it was trained on, and the warning that follows."""

from collections.abc import Iterable
from typing import Literal

TrainedOn = Literal["nothing", "phantoms", "patients"]
"""nothing: a stand-in without any training. A released checkpoint was trained on patients."""

ORDER: tuple[TrainedOn, ...] = ("nothing", "phantoms", "patients")
"""The least first."""
BANNERS: dict[TrainedOn, str] = {
    "nothing": "UNTRAINED STAND-IN WEIGHTS: these numbers mean nothing",
    "phantoms": "trained on phantoms: the numbers mean nothing for people",
    "patients": "",
}
"""What every picture says; nothing where the weights were trained on patients."""
WARNINGS: dict[TrainedOn, str] = {
    "nothing": "made with untrained stand-in weights: the numbers mean nothing",
    "phantoms": BANNERS["phantoms"],
    "patients": "",
}
"""What a run says at its end."""


def least(found: Iterable[TrainedOn]) -> TrainedOn:
    """Return what a result is worth that several networks made: the least of them.

    Parameters
    ----------
    found : iterable of {"nothing", "phantoms", "patients"}
        Of each network. Without any the answer is "patients": no warning is due.
    """
    return min(found, key=ORDER.index, default="patients")
