"""The page of one series, and its pictures for the worklist."""

import numpy as np

from ich_assets.drawing import Drawn
from ich_assets.scored import Scored
from ich_assets.step_files import load_folds
from ich_resources.backbones.table import BACKBONES
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY
from ich_resources.pages.preview import preview
from ich_resources.pages.series_page import SeriesSlices, key_slices, series_page
from ich_resources.plain_text import one_line
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.files import write_bytes, write_json
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_schema import Pages
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS


def write_pages(
    scored: Scored, drawn: Drawn, saliency: SaliencyResource, storage: StorageResource
) -> Pages:
    """Write the page of a series and its pictures for the worklist.

    Parameters
    ----------
    scored : Scored
        The series and its probabilities.
    drawn : Drawn
        Its maps and panels.
    saliency : SaliencyResource
        Says whether the opacity of the colours is multiplied with P.
    storage : StorageResource
        The run root.

    Returns
    -------
    Pages
        What the worklist shows beside the pictures.

    Raises
    ------
    IchError
        If the probabilities of a checkpoint cannot be read, or a file cannot be written.
    """
    uid = scored.series.series_instance_uid
    folds = _folds(scored, storage)
    scaled = saliency.appearance.scale == "probability"
    slices = SeriesSlices(
        scored.images.crops,
        scored.probabilities,
        folds,
        np.stack(drawn.maps),
        drawn.wanted.start,
        drawn.targets,
        [said["sides"] for said in scored.about_slices],
    )
    about = {
        "uid": uid,
        "study": scored.series.study_instance_uid,
        "description": one_line(scored.series.description),
        "banner": BANNERS[drawn.worth],
        "bars": scored.bar_source,
        "threshold": scored.threshold,
        "calibrated": scored.ensemble.content.calibration is not None,
        "scaled": scaled,
    }
    panels = {row["seq_idx"]: row for row in drawn.rows}
    each = [
        {
            **said,
            "panel": panels[index]["saved_png"] if index in panels else "",
            "score": panels[index]["saliency_score"] if index in panels else None,
        }
        for index, said in enumerate(scored.about_slices)
    ]
    write_bytes(storage.layout.series_page(uid), series_page(slices, about, each))
    keys = key_slices(scored.probabilities)
    write_json(storage.layout.preview(series_subject(uid)), preview(slices, keys, scaled=scaled))
    highest = int(scored.probabilities[:, ANY].argmax())
    found = {name: tuple(p[:, highest, ANY].tolist()) for name, p in folds.items()}
    return Pages(key_slices=tuple(keys), checkpoints=found)


def _folds(scored: Scored, storage: StorageResource) -> dict[str, FloatArray]:
    """Return the probabilities of each checkpoint by the name of its backbone."""
    uid = scored.series.series_instance_uid
    names = scored.ensemble.content.predictions
    return {name: load_folds(storage, uid, BACKBONES[name])[1].probabilities for name in names}
