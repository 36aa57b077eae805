"""The saliency panel: slice, overlay and probabilities of one slice in one picture."""

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt

from ich_resources.panels import style
from ich_resources.panels.bars import ProbabilityBars
from ich_resources.panels.canvas import add_axes, add_text, fit_text, new_figure, render
from ich_resources.panels.caption import Caption
from ich_resources.panels.checks import check_gray
from ich_resources.panels.overlay import blend

WIDTH, HEIGHT = 2400, 800
LEFT, RIGHT = 40, 2360
TITLES = 138
TOP, SIDE = 154, 570
OVERLAY_LEFT = LEFT + SIDE + 24
COLOUR_BAR_LEFT = OVERLAY_LEFT + SIDE + 14
BARS_LEFT, BARS_WIDTH = 1560, 590
BARS_TITLE = "Hemorrhage probabilities"

ENCODING = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
)
"""Takes half the time of zlib level 3 with a filter chosen per row. The file has 7 % more bytes."""


class PanelPainter:
    """Paints panels of 2400 x 800 pixels. All panels share one figure and its layout.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The figure. It shows the last painted panel.

    Notes
    -----
    Only one thread may use a painter, because the panels share the figure.
    """

    height = HEIGHT

    def __init__(self) -> None:
        self.figure = new_figure(WIDTH, self.height)
        self._lay_out_header()
        self._lay_out_images()
        self._bars_title = add_text(self.figure, BARS_LEFT, TITLES, BARS_TITLE, 16)
        self._bars = ProbabilityBars(self.figure, BARS_LEFT, TOP, BARS_WIDTH, SIDE - 30)
        self._sources = [add_text(self.figure, LEFT, y, "", 13) for y in (754, 782)]
        add_text(self.figure, RIGHT, 782, style.FOOTER, 11, ha="right", color=style.DIM_TEXT)

    def paint(
        self,
        gray: npt.NDArray[np.uint8],
        saliency: npt.NDArray[np.float32],
        probabilities: npt.NDArray[np.float32],
        caption: Caption,
    ) -> bytes:
        """Paint the panel of one slice.

        Parameters
        ----------
        gray : uint8 array, shape (512, 512)
            Crop of the slice image, 0..255.
        saliency : float32 array, shape (512, 512)
            Saliency map of the crop, 0..1.
        probabilities : float32 array, shape (6,)
            Probabilities of the bars, 0..1, in the order of ``CLASSES``.
        caption : Caption
            Text of the panel.

        Returns
        -------
        bytes
            PNG, 2400 pixels wide and ``height`` high; the same input gives the same bytes.

        Raises
        ------
        ValueError
            If an array has the wrong shape or type, or values outside 0..1.
        """
        check_gray(gray)
        overlay = blend(gray, saliency, self._strength(probabilities, caption))
        self._bars.show(probabilities, mark=self._is_marked(probabilities, caption))
        self._say(caption, probabilities)
        page = render(self.figure)
        _paste(page, LEFT, np.repeat(gray[..., None], 3, axis=2))
        _paste(page, OVERLAY_LEFT, (overlay * 255).round().astype(np.uint8))
        self._write_on(page, caption)
        bgr = cv2.cvtColor(page, cv2.COLOR_RGB2BGR)
        return cv2.imencode(".png", bgr, ENCODING)[1].tobytes()

    def _strength(self, probabilities: npt.NDArray[np.float32], caption: Caption) -> float:
        """Return the factor of the opacity."""
        return 1.0

    def _is_marked(self, probabilities: npt.NDArray[np.float32], caption: Caption) -> bool:
        """Return whether the highest bar is marked."""
        return True

    def _write_on(self, page: npt.NDArray[np.uint8], caption: Caption) -> None:
        """Write on the pictures."""

    def _lay_out_header(self) -> None:
        """Place the UIDs, the number of the slice and, between them, the warning."""
        mono = {"family": style.MONO}
        self._uids = []
        for y, name in ((44, "Study UID"), (70, "Series UID"), (96, "SOP UID")):
            add_text(self.figure, LEFT, y, name, 13, color=style.DIM_TEXT, **mono)
            self._uids.append(add_text(self.figure, LEFT + 130, y, "", 13, **mono))
        self._place = add_text(self.figure, RIGHT, 58, "", 22, ha="right", weight="bold")
        self._index = add_text(self.figure, RIGHT, 90, "", 12, ha="right", color=style.DIM_TEXT)
        self._banner = add_text(
            self.figure,
            1485,
            62,
            "",
            20,
            ha="center",
            va="center",
            weight="bold",
            color=style.BANNER_TEXT,
            bbox={"facecolor": style.BANNER, "edgecolor": "none", "boxstyle": "square,pad=0.6"},
        )

    def _lay_out_images(self) -> None:
        """Place the two images with their titles, and the colour bar."""
        self._slice_title = add_text(self.figure, LEFT, TITLES, "Slice", 16)
        self._target = add_text(self.figure, OVERLAY_LEFT, TITLES, "", 16)
        self._score = add_text(self.figure, OVERLAY_LEFT + SIDE, TITLES, "", 16, ha="right")
        for left in (LEFT, OVERLAY_LEFT):
            frame = add_axes(self.figure, left - 1, TOP - 1, SIDE + 2, SIDE + 2)
            frame.set(xticks=[], yticks=[])
        bar = add_axes(self.figure, COLOUR_BAR_LEFT, TOP, 14, SIDE)
        bar.imshow(
            np.linspace(0, 1, 256)[:, None],
            cmap=matplotlib.colormaps["jet"],
            origin="lower",
            extent=(0, 1, 0, 1),
            aspect="auto",
        )
        bar.set_xticks([])
        bar.set_yticks([0, 0.5, 1], labels=["0", "0.5", "1"])
        bar.tick_params(labelright=True, labelleft=False, labelsize=12, pad=6)

    def _say(self, caption: Caption, probabilities: npt.NDArray[np.float32]) -> None:
        """Set all texts that differ from panel to panel."""
        uids = (caption.study_uid, caption.series_uid, caption.sop_uid)
        for text, uid in zip(self._uids, uids, strict=True):
            fit_text(text, uid, 13, 780)
        place = f"Slice {caption.slice_index + 1} of {caption.slice_count}"
        fit_text(self._place, place, 22, 340)
        self._index.set_text(f"index {caption.slice_index}, counted from 0")
        self._banner.set_text(caption.warning)
        self._banner.set_visible(bool(caption.warning))
        self._target.set_text(f"Saliency for {caption.target_class}")
        self._score.set_text(f"score {caption.score:.3f}")
        saliency = f"{caption.saliency_source}  |  mode {caption.mode}  |  method {caption.method}"
        bars = f"{caption.bar_source}  |  slice context {caption.slice_context}"
        fit_text(self._sources[0], f"Saliency source: {saliency}", 13, RIGHT - LEFT)
        fit_text(self._sources[1], f"Bar source: {bars}", 13, 1950)


def _paste(page: npt.NDArray[np.uint8], left: int, rgb: npt.NDArray[np.uint8]) -> None:
    """Copy the pixels of an image into its frame. An artist of matplotlib takes 15 ms more."""
    page[TOP : TOP + SIDE, left : left + SIDE] = cv2.resize(rgb, (SIDE, SIDE))
