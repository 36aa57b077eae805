"""The learning rate as closed formulas: a resumed training needs no state of a scheduler."""

import math

from ich_resources.training.recipe import Schedule

LOW_RATIO = 1 / 50
"""Lower end of the reference's cycles, as a share of the highest rate: 1e-5 of 5e-4."""
FLAT_EPOCHS, CYCLE = 10, 5
"""Epochs at the highest rate before the first cycle; epochs of a cycle."""
RISE, START_RATIO, END_RATIO = 0.3, 1 / 25, 1 / 250_000
"""One cycle: the share of the steps that rise, and both ends as shares of the highest rate."""


def reference_rate(epoch: int, highest: float) -> float:
    """Return the reference's learning rate of an epoch.

    Parameters
    ----------
    epoch : int
        From 0.
    highest : float
        Highest rate; 5e-4 in the reference.

    Notes
    -----
    The highest rate up to epoch 10, then cosine cycles of five epochs. The reference computes it
    once per epoch, so the lower end is never reached.
    """
    if epoch <= FLAT_EPOCHS:
        return highest
    low = highest * LOW_RATIO
    phase = math.pi * ((epoch - FLAT_EPOCHS) % CYCLE) / CYCLE
    return low + (highest - low) * (1 + math.cos(phase)) / 2


def one_cycle_rate(step: int, steps: int, highest: float) -> float:
    """Return the learning rate of a step: a cosine up for 30 % of the steps, then a cosine down.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        Steps of the whole training.
    highest : float
        Highest rate. The first is a twenty-fifth of it, the last a 250,000th.

    Notes
    -----
    The values are those of ``torch.optim.lr_scheduler.OneCycleLR`` with its defaults; the momentum
    stays.
    """
    top = RISE * steps - 1
    if step <= top or steps == 1:
        start, end, share = START_RATIO, 1.0, step / top if top > 0 else 1.0
    else:
        start, end, share = 1.0, END_RATIO, (step - top) / (steps - 1 - top)
    return highest * (end + (start - end) * (1 + math.cos(math.pi * share)) / 2)


def rate_at(
    schedule: Schedule, highest: float, *, epoch: int, step: int, steps_per_epoch: int, epochs: int
) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    schedule : {"reference", "one_cycle"}
        Its formula.
    highest : float
        Highest rate.
    epoch, step : int
        The epoch, and the step within it, from 0.
    steps_per_epoch, epochs : int
        Length of the training.
    """
    if schedule == "reference":
        return reference_rate(epoch, highest)
    return one_cycle_rate(epoch * steps_per_epoch + step, epochs * steps_per_epoch, highest)


def is_validated(epoch: int, epochs: int) -> bool:
    """Return whether an epoch is validated: the first, each fifth (4, 9, ...) and the last."""
    return epoch in (0, epochs - 1) or epoch % CYCLE == CYCLE - 1
