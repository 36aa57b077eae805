"""The reference's augmentation: six steps on a stack of three slices, with an explicit generator.

docs/reference.md, section 7, gives the distributions. Each function takes uint8 (512, 512, 3) in
the order of OpenCV: rows, columns, channels.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.preprocessing import CROP_FIRST, CROP_LAST, CROP_SIZE
from ich_resources.training.recipe import Augment

Stack = npt.NDArray[np.uint8]

CHANCE = 0.5
"""Probability of each step but the crop."""
MAX_TURN, MAX_SHIFT, SCALES = 30.0, 0.1, (0.9, 1.1)
"""Turn in degrees, shift as a share of the edge, range of scale and of aspect."""
ERASED, ERASED_ASPECT, TRIES = (0.02, 0.4), (0.3, 3.33), 100
"""Erased share of the area, its aspect (uniform, not log-uniform), draws until it fits."""
CROP_SHARES = (0.6, 0.99)
"""Edge of the crop as a share."""


def augment(stack: Stack, size: int, how: Augment, rng: np.random.Generator) -> Stack:
    """Augment one sample for training.

    Parameters
    ----------
    stack : uint8 array, shape (512, 512, 3)
        The channels (i+1, i, i-1).
    size : int
        Edge S of the network input in pixels.
    how : {"reference", "mirror"}
        All steps of the reference, or a mirror with p = 0.5 and the centre crop of validation.
    rng : numpy Generator
        Its state decides the sample.

    Returns
    -------
    uint8 array, shape (3, S, S)
        Gray levels, not yet normalised.
    """
    if how == "mirror":
        stack = stack[:, ::-1] if rng.random() < CHANCE else stack
        stack = _resized(stack[CROP_FIRST:CROP_LAST, CROP_FIRST:CROP_LAST], CROP_SIZE)
        return to_planes(stack, size)
    if rng.random() < CHANCE:
        stack = stack[:, :, ::-1]
    if rng.random() < CHANCE:
        stack = stack[:, ::-1]
    if rng.random() < CHANCE:
        stack = warp(stack, *draw_warp(rng))
    if rng.random() < CHANCE:
        stack = erase(stack, rng)
    return to_planes(crop(stack, rng), size)


def draw_warp(rng: np.random.Generator) -> tuple[float, float, float, int, int]:
    """Draw turn (degrees), scale, aspect, and the shift of columns and rows (pixels)."""
    turn = rng.uniform(-MAX_TURN, MAX_TURN)
    scale, aspect = rng.uniform(*SCALES), rng.uniform(*SCALES)
    dx, dy = (round(rng.uniform(-MAX_SHIFT, MAX_SHIFT) * CROP_SIZE) for _ in range(2))
    return turn, scale, aspect, dx, dy


def warp_matrix(
    turn: float, scale: float, aspect: float, dx: int, dy: int
) -> npt.NDArray[np.float64]:
    """Return the matrix of a warp about the centre.

    Parameters
    ----------
    turn : float
        Angle in degrees.
    scale, aspect : float
        From ``draw_warp``, both about 1.
    dx, dy : int
        Shift of columns and of rows, in pixels.

    Returns
    -------
    float64 array, shape (2, 3)
        As ``cv2.warpAffine`` takes it: (x, y, 1) to the new (x, y), in pixels.

    Notes
    -----
    As the reference: [[A, -B], [B, A]] with A = s sqrt(a) cos(turn) and B = s / sqrt(a) sin(turn).
    That is a similarity, so the aspect stretches nothing. It only changes scale and angle.
    """
    a = scale * math.sqrt(aspect) * math.cos(math.radians(turn))
    b = scale / math.sqrt(aspect) * math.sin(math.radians(turn))
    c = CROP_SIZE / 2
    return np.array([[a, -b, c - a * c + b * c + dx], [b, a, c - b * c - a * c + dy]])


def warp(stack: Stack, turn: float, scale: float, aspect: float, dx: int, dy: int) -> Stack:
    """Shift, scale and turn a stack; bilinear, zeros outside.

    Parameters
    ----------
    stack : uint8 array, shape (512, 512, 3)
        Rows, columns, channels.
    turn : float
        Angle in degrees.
    scale, aspect : float
        See ``warp_matrix``: the aspect stretches nothing.
    dx, dy : int
        Shift of columns and of rows, in pixels.

    Returns
    -------
    uint8 array, shape (512, 512, 3)
        A copy.
    """
    matrix = warp_matrix(turn, scale, aspect, dx, dy)
    warped = cv2.warpAffine(np.ascontiguousarray(stack), matrix, (CROP_SIZE, CROP_SIZE))
    return np.asarray(warped, np.uint8)


def draw_rectangle(rng: np.random.Generator) -> tuple[int, int, int, int] | None:
    """Draw top, left, height and width of what is erased; None where no draw fits."""
    for _ in range(TRIES):
        area = rng.uniform(*ERASED) * CROP_SIZE**2
        aspect = rng.uniform(*ERASED_ASPECT)
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height < CROP_SIZE and width < CROP_SIZE:
            top = int(rng.integers(0, CROP_SIZE - height, endpoint=True))
            left = int(rng.integers(0, CROP_SIZE - width, endpoint=True))
            return top, left, height, width
    return None


def erase(stack: Stack, rng: np.random.Generator) -> Stack:
    """Set a random rectangle of all channels to 0.

    Parameters
    ----------
    stack : uint8 array, shape (512, 512, 3)
        Rows, columns, channels. It is not changed.
    rng : numpy Generator
        See ``draw_rectangle``.

    Returns
    -------
    uint8 array, shape (512, 512, 3)
        A copy; the stack itself where no draw fits.
    """
    rectangle = draw_rectangle(rng)
    if rectangle is None:
        return stack
    top, left, height, width = rectangle
    erased = stack.copy()
    erased[top : top + height, left : left + width] = 0
    return erased


def draw_crop(rng: np.random.Generator, edge: int = CROP_SIZE) -> tuple[int, int, int]:
    """Draw top, left and side of a square crop of an image with this edge."""
    side = int(edge * rng.uniform(*CROP_SHARES))
    top, left = (int(rng.integers(0, edge - side, endpoint=True)) for _ in range(2))
    return top, left, side


def crop(stack: Stack, rng: np.random.Generator) -> Stack:
    """Crop a random square and resize it to the earlier edge.

    Parameters
    ----------
    stack : uint8 array, shape (E, E, 3)
        Rows, columns, channels.
    rng : numpy Generator
        See ``draw_crop``.

    Returns
    -------
    uint8 array, shape (E, E, 3)
        Bilinear.
    """
    edge = len(stack)
    top, left, side = draw_crop(rng, edge)
    return _resized(stack[top : top + side, left : left + side], edge)


def to_planes(stack: Stack, size: int) -> Stack:
    """Resize a stack to the size of the network input, and put the channels first.

    Parameters
    ----------
    stack : uint8 array, shape (512, 512, 3)
        Rows, columns, channels.
    size : int
        Edge S of the network input in pixels.

    Returns
    -------
    uint8 array, shape (3, S, S)
        Gray levels, not yet normalised.
    """
    return np.ascontiguousarray(_resized(stack, size).transpose(2, 0, 1))


def _resized(stack: Stack, size: int) -> Stack:
    return np.asarray(cv2.resize(np.ascontiguousarray(stack), (size, size)), np.uint8)
