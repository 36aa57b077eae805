"""Series whose results are written without networks, for what is measured and tested on many."""

from pathlib import Path

import numpy as np

from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import bytes_sha256
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY, ensemble_digest
from ich_resources.storage.arrays import write_array
from ich_resources.storage.content import Content
from ich_resources.storage.files import write_bytes, write_json
from ich_resources.storage.layout import SCORES, Layout
from ich_resources.storage.probability_schemas import EnsembleContent, FoldFile, PredictionsContent
from ich_resources.storage.processed_schema import ProcessedContent, ProcessedSlice
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records
from ich_resources.storage.saliency_schema import Pages, SaliencyContent
from ich_resources.subjects import Subject, series_subject

SLICES, FOLDS = 35, 5
ROOT = "1.2.826.0.1.3680043.8.498.12345678901234567890123456"
_PREVIEW = {"keys": [], "gray": ["x" * 18_000], "maps": [], "targets": [], "sides": [], "p": []}


class MadeSeries:
    """One series whose results are written without networks."""

    def __init__(
        self, layout: Layout, number: int, random: np.random.Generator, slices: int = SLICES
    ) -> None:
        self._layout, self._records, self._random = layout, Records(layout), random
        self.uid = f"{ROOT}.{number}"
        self.sops = [f"{self.uid}.{i}" for i in range(slices)]
        found = tuple(
            SliceRecord(f"{number}/IM{i:04}", sop, bytes_sha256(sop.encode()), position=5.0 * i)
            for i, sop in enumerate(self.sops)
        )
        study = f"{ROOT}.0.{number}"
        self.series = SeriesRecord(study, self.uid, "CT HEAD 5 mm", found, primary=True)
        self._subject: Subject = series_subject(self.uid)

    def score(self) -> None:
        """Write arrays, pictures and records as the steps do."""
        pngs = [self._layout.slice_png(sop) for sop in self.sops]
        for path in pngs:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        done = tuple(
            ProcessedSlice(
                sop_instance_uid=s.sop_instance_uid,
                path=s.path,
                position=s.position,
                position_z=s.position,
                window=(40.0, 80.0),
            )
            for s in self.series.slices
        )
        content = ProcessedContent(
            series_version=self.series.version, slices=done, failed=(), seconds=1.0
        )
        self._finish(PROCESSED, content, np.zeros(1, np.uint8), "", pngs)
        shape = (FOLDS, len(self.sops), 6)
        for backbone in BACKBONES.values():
            predictions = PredictionsContent(
                backbone=backbone.name,
                images=PROCESSED,
                folds=tuple(FoldFile(file=f"{i}.pth", digest=64 * str(i)) for i in range(FOLDS)),
                device="cpu",
                precision="float32",
                backend="openvino",
                slice_context="replicated",
                code_version="1",
                untrained=False,
                seconds=1.0,
            )
            self._finish(backbone.predictions_step, predictions, self._p(shape), "")
        self._ensemble()
        self._saliency()

    def _p(self, shape: tuple[int, ...]) -> np.ndarray:
        return (self._random.random(shape) ** 8).astype(np.float32)

    def _ensemble(self) -> None:
        steps = {b.name: b.predictions_step for b in BACKBONES.values()}
        ensemble = EnsembleContent(predictions=steps, untrained=False, seconds=0.1)
        self._finish(ENSEMBLE, ensemble, self._p((len(self.sops), 6)), ensemble_digest(steps))

    def _saliency(self) -> None:
        folder, page = self._layout.series_panels(self.uid), self._layout.series_page(self.uid)
        write_bytes(folder / SCORES, b"series_id\n")
        write_bytes(page, b"page")
        write_json(self._layout.preview(self._subject), _PREVIEW)
        pages = Pages(key_slices=(1,), checkpoints=dict.fromkeys(BACKBONES, (0.5,) * FOLDS))
        content = SaliencyContent(
            bars=ENSEMBLE,
            entry={},
            untrained=False,
            device="cpu",
            precision="float32",
            seconds=3.0,
            pages=pages,
        )
        files = [folder / SCORES, page, self._layout.preview(self._subject)]
        self._finish(SALIENCY, content, None, "", files)

    def _finish(
        self,
        step: str,
        content: Content,
        array: np.ndarray | None,
        digest: str,
        files: list[Path] | None = None,
    ) -> None:
        paths = list(files or [])
        if array is not None:
            paths.append(self._layout.array(self._subject, step))
            write_array(paths[-1], array)
        names = tuple(self._layout.relative(path) for path in paths)
        self._records.finish(self._subject, step, Record(digest, step, names, content))
