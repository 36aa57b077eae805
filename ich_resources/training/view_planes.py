"""What a network sees of a slice in each view, as gray levels."""

import hashlib
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.preprocessing import SliceContext, centre_crop
from ich_resources.training.augment import CHANCE, crop
from ich_resources.training.images import read_image
from ich_resources.training.sampling import neighbours
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import RANDOM_VIEWS

Planes = npt.NDArray[np.uint8]

_KEPT = 256
"""Slices that are kept at the input size: neighbours are wanted three times."""


class PlanesReader:
    """Reads the channels of slices. Each image is decoded about once.

    Parameters
    ----------
    slices : TrainingSlices
        Their images and series.
    size : int
        Edge S of the network input in pixels.
    context : {"adjacent", "replicated"}
        Content of the three channels.
    """

    def __init__(self, slices: TrainingSlices, size: int, context: SliceContext) -> None:
        self._slices = slices
        self._context = context
        # Exactly the way of scoring: the centre crop of preprocessing, then the input size.
        self._cropped = lru_cache(_KEPT)(
            lambda row: cv2.resize(centre_crop(read_image(slices.images[row], None)), (size, size))
        )
        self._whole = lru_cache(_KEPT)(lambda row: read_image(slices.images[row], size))

    def planes(self, row: int) -> Planes:
        """Return the channels of a slice as the plain view shows them.

        Parameters
        ----------
        row : int
            Row of the slice in ``slices``.

        Returns
        -------
        uint8 array, shape (3, S, S)

        Raises
        ------
        DatasetError
            If an image cannot be read.
        """
        return np.stack([self._cropped(channel) for channel in self._channels(row)])

    def random_views(self, row: int, seed: int) -> Planes:
        """Return ten random views of a slice, as the reference draws them.

        Channels are exchanged with p = 0.5, then mirrored with p = 0.5, then a random square is
        cropped from the whole image at the input size. The generator depends on the seed and the
        slice's identifier alone.

        Parameters
        ----------
        row : int
            Row of the slice in ``slices``.
        seed : int
            Of the views.

        Returns
        -------
        uint8 array, shape (10, 3, S, S)

        Raises
        ------
        DatasetError
            If an image cannot be read.
        """
        name = hashlib.sha256(self._slices.slices[row].encode(errors="surrogateescape")).digest()
        rng = np.random.default_rng([seed, int.from_bytes(name[:8])])
        stack = np.stack([self._whole(channel) for channel in self._channels(row)], axis=-1)
        views = []
        for _ in range(RANDOM_VIEWS):
            shown = stack[:, :, ::-1] if rng.random() < CHANCE else stack
            shown = shown[:, ::-1] if rng.random() < CHANCE else shown
            views.append(crop(shown, rng).transpose(2, 0, 1))
        return np.stack(views)

    def _channels(self, row: int) -> tuple[int, int, int]:
        return neighbours(row, self._slices.range_of[row], self._context)
