"""A saliency map laid over the gray slice."""

import matplotlib
import numpy as np
import numpy.typing as npt

from ich_resources.panels.checks import check_gray, check_unit_range

OPACITY = 0.65
"""Opacity of the colour where the saliency is 1."""


def blend(
    gray: npt.NDArray[np.uint8], saliency: npt.NDArray[np.float32], strength: float = 1.0
) -> npt.NDArray[np.float32]:
    """Blend the jet colours of a saliency map into a gray slice.

    ``out = (1 - a) * gray / 255 + a * jet(saliency)`` with ``a = 0.65 * saliency *
    strength``. A pixel with a higher saliency has a more opaque colour. A pixel with saliency 0 is
    unchanged.

    Parameters
    ----------
    gray : uint8 array, shape (H, W)
        Slice image, 0..255.
    saliency : float32 array, shape (H, W)
        Saliency map, 0..1.
    strength : float
        Factor of the opacity, 0..1: the probability of the class, or 1.

    Returns
    -------
    float32 array, shape (H, W, 3)
        RGB, 0..1.

    Raises
    ------
    ValueError
        If a shape or the type of the slice does not fit, or a saliency is not in 0..1.

    References
    ----------
    docs/reference.md, section 5, "Overlay".
    """
    check_gray(gray, gray.shape)
    check_unit_range(saliency, gray.shape, "saliency map")
    a = np.float32(OPACITY * strength) * saliency[..., None].astype(np.float32)
    jet = matplotlib.colormaps["jet"](saliency)[..., :3].astype(np.float32)
    slice_part = (1 - a) * (gray[..., None].astype(np.float32) / 255)
    return np.clip(slice_part + a * jet, 0, 1)
