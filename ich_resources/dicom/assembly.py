"""Build series from scanned files: merge copies, set positions, judge every series."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from statistics import median

from ich_resources.dicom.copies import sent_again, without_copies
from ich_resources.dicom.header import Header
from ich_resources.dicom.odd_slices import odd_slices
from ich_resources.dicom.ordering import with_positions
from ich_resources.dicom.policy import Verdict, apply_policy, refuse_series
from ich_resources.dicom.scanned import ScannedFile
from ich_resources.dicom.series_rules import remarks
from ich_resources.dicom.siblings import primary_series
from ich_resources.dicom.sides import sides
from ich_resources.dicom.value_rules import judge_values
from ich_resources.dicom.windows import AS_THE_HEADER_SAYS, WindowChoice, window_remarks
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SeriesRecord, SliceRecord


def assemble(
    files: Sequence[ScannedFile],
    table: Mapping[Reason, Verdict],
    *,
    input_dir: str,
    primary_only: bool,
    window: WindowChoice = AS_THE_HEADER_SAYS,
) -> tuple[SeriesRecord, ...]:
    """Build and judge the series of scanned files. Files in no series are left out.

    Parameters
    ----------
    files : sequence of ScannedFile
        The files. All files of a study must be among them, since the best series of each study is
        chosen here.
    table : mapping of Reason to str
        Verdict for each remark; see ``policy.verdicts``.
    input_dir : str
        Folder to which the paths are relative.
    primary_only : bool
        Whether to refuse every series of a study except the best.
    window : WindowChoice
        How the window of a slice is chosen; the remarks on windows need it.

    Returns
    -------
    tuple of SeriesRecord
        Sorted by SeriesInstanceUID.
    """
    instances = [(_record(f), f.header) for f in files if f.header is not None]

    def series_uid(item: tuple[SliceRecord, Header]) -> str:
        return item[1].series_instance_uid

    unique = without_copies(instances, Path(input_dir))
    found: dict[str, SeriesRecord] = {}
    admissible: dict[str, list[tuple[SeriesRecord, list[Header]]]] = {}
    for uid, group in groupby(sorted(unique.instances, key=series_uid), series_uid):
        members = list(group)
        headers = [header for _, header in members]
        members = list(zip(odd_slices(members), headers, strict=True))
        placed = with_positions(list(zip(judge_values(members), headers, strict=True)))
        slices = list(zip(placed.slices, headers, strict=True))
        findings = remarks(slices, in_mm=placed.in_mm)
        again = sent_again([r for r in placed.slices if r.path in unique.merged])
        windows = [header.windows for record, header in slices if record.judgement is None]
        series = SeriesRecord(
            study_instance_uid=headers[0].study_instance_uid,
            series_instance_uid=uid,
            description=headers[0].description,
            slices=tuple(placed.slices),
            remarks=(
                *findings,
                *filter(None, (placed.remark, again)),
                *window_remarks(windows, window),
            ),
            input_dir=input_dir,
            manufacturer=headers[0].manufacturer,
            model=headers[0].model,
            thickness=_median([h.thickness for h in headers if h.thickness is not None]),
        )
        found[uid] = series = apply_policy(series, table)
        used = [h for s, h in zip(series.slices, headers, strict=True) if s.judgement is None]
        if used:
            admissible.setdefault(series.study_instance_uid, []).append((series, used))
    for siblings in admissible.values():
        best = primary_series(siblings)
        found[best] = replace(found[best], primary=True)
        for series, _ in siblings if primary_only else ():
            if series.series_instance_uid != best:
                remark = Remark(Reason.BETTER_SIBLING, f"{best} of the same study is better")
                found[series.series_instance_uid] = refuse_series(series, remark)
    return tuple(found.values())


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _record(file: ScannedFile) -> SliceRecord:
    assert file.header is not None
    header = file.header
    return SliceRecord(
        file.path,
        header.sop_instance_uid,
        file.digest,
        file.judgement,
        sides=sides(header.orientation),
    )
