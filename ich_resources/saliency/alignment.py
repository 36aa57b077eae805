"""Where a cell of the last feature maps looks: a Grad-CAM laid over the crop without a shift.

``cv2.resize`` puts the middle of the first cell half a cell from the edge, at input pixel 15.5. But
padding and pooling decide where a cell looks: the first cell of a DenseNet is centred on input
pixel 14, that of the SE-ResNeXt on pixel 2 (``Backbone.first_cell``). Resized, their maps lie 1.5
and 13.5 input pixels too far right and down.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ich_resources.backbones.table import CELL
from ich_resources.findings import FloatArray
from ich_resources.preprocessing import CROP_SIZE


def aligned(cells: FloatArray, input_size: int, first_cell: float) -> FloatArray:
    """Lay a map over the crop so that each cell has its value where it looks.

    Parameters
    ----------
    cells : float32 array, shape (h, w)
        A map with one value for each cell.
    input_size : int
        Edge S of the network input in pixels. The input is the crop, resized.
    first_cell : float
        Input pixel on which the first cell is centred.

    Returns
    -------
    float32 array, shape (512, 512)
        Linear between the middles of the cells, constant beyond the outermost.
    """
    rows, columns = (_weights(count, input_size, first_cell) for count in cells.shape)
    return np.asarray(rows @ cells @ columns.T, np.float32)


@lru_cache(maxsize=32)
def _weights(count: int, input_size: int, first_cell: float) -> npt.NDArray[np.float32]:
    """Return the share of each cell in each pixel of the crop, shape (512, cells)."""
    # Pixel x of the crop shows the same point as pixel (x + 0.5) * S / 512 - 0.5 of the input.
    at = (np.arange(CROP_SIZE) + 0.5) * input_size / CROP_SIZE - 0.5
    cell = ((at - first_cell) / CELL).clip(0, count - 1)
    distance = np.abs(cell[:, None] - np.arange(count))
    return np.asarray((1 - distance).clip(0), np.float32)
