"""A child process that makes the images of a series: ``python -m ich_assets.learning.decoder``."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ich_resources.children import Children, serve
from ich_resources.digests import file_sha256
from ich_resources.errors import IchError, StorageError
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.series_images import HuSlice
from ich_resources.storage.series_json import series_from_json
from ich_resources.storage.training_layout import TrainingLayout

DECODERS = Children("ich_assets.learning.decoder")
"""The child processes."""
_GOOD, _BAD = b"+", b"-"


def decode_in_child(
    series: SeriesRecord, train_root: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """Write the images of a series below the training root, in a child process.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    train_root : Path
        The training root.
    options : dict
        ``window``, ``mend_12bit`` and ``mend_signed``, as the resource ``dicom`` has them.

    Returns
    -------
    dict
        ``slices``, ``failed`` and ``mended_12bit``, as ``DatasetImagesContent`` has them.

    Raises
    ------
    StorageError
        If an image cannot be written, or the process dies.
    """
    request = {"series": asdict(series), "train_root": str(train_root), "options": options}
    text = json.dumps(request)
    uid = series.series_instance_uid
    try:
        answer = DECODERS.ask(text.encode(errors="surrogatepass"))
    except EOFError as err:
        raise StorageError(
            "the process that decodes it died",
            series=uid,
            remedy="run the same command again with fewer processes (dataset.processes); if it is "
            "this series again, take its files out of the folder",
        ) from err
    value: dict[str, Any] = json.loads(answer[1:])
    if answer[:1] == _BAD:
        raise StorageError(**value, series=uid)
    return value


def answer(request: bytes) -> bytes:
    """Make the images of a series; runs in the child.

    Parameters
    ----------
    request : bytes
        JSON of ``decode_in_child``.
    """
    value = json.loads(request.decode(errors="surrogatepass"))
    series = series_from_json(value["series"])
    layout = TrainingLayout(Path(value["train_root"]))
    try:
        return _GOOD + json.dumps(_made(series, layout, value["options"])).encode()
    except IchError as err:
        place = None if err.path is None else str(err.path)
        told = {"message": err.message, "path": place, "remedy": err.remedy}
        return _BAD + json.dumps(told).encode()


def _made(series: SeriesRecord, layout: TrainingLayout, options: dict[str, Any]) -> dict[str, Any]:
    # Not at load time: the definitions import this module.
    from ich_assets.windowed import windowed_series
    from ich_resources.dicom.reading import ReadingOptions, read_series
    from ich_resources.dicom.stored_values import Mending
    from ich_resources.dicom.windows import parse_window

    uid, mended = series.series_instance_uid, []

    def image_of(sop_instance_uid: str) -> Path:
        return layout.image(uid, sop_instance_uid)

    def noted(items: Iterator[HuSlice | SliceRecord]) -> Iterator[HuSlice | SliceRecord]:
        for item in items:
            if isinstance(item, HuSlice) and item.mended == "12 bits":
                mended.append(item.record.sop_instance_uid)
            yield item

    mending = Mending(wrapped_12bit=options["mend_12bit"], signed=options["mend_signed"])
    reading = ReadingOptions(parse_window(options["window"]), mending)
    read = read_series(series, Path(series.input_dir), threads=1, options=reading)
    decoded = windowed_series(noted(read), image_of, with_crops=False)
    return {
        "slices": [
            {
                "sop_instance_uid": item.sop_instance_uid,
                "position": item.position,
                "sha256": file_sha256(image_of(item.sop_instance_uid)),
            }
            for item in decoded.slices
        ],
        "failed": [
            {"sop_instance_uid": i.sop_instance_uid, "code": i.code, "reason": i.reason}
            for i in decoded.failed
        ],
        "mended_12bit": len(mended),
    }


if __name__ == "__main__":
    serve(answer)
