"""Properties of the scored series of a run root, by which an evaluation divides them."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ich_resources.errors import StorageError
from ich_resources.reasons import Reason
from ich_resources.series import SeriesRecord
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series

NOT_RECORDED = "not recorded"
"""Value of a series that an earlier version scanned, or whose folder below ``state`` is gone."""
NOT_NAMED = "not named in the files"
"""Value of a series whose files do not say it."""
SCANNER = ("manufacturer", "model")
"""Properties that are shown even if all series have one value: they say what was judged."""
_CODE = re.compile(r"(?:^|; )'?([A-Z_]+): ")
"""A code in the column ``remarks`` of ``series_ledger.csv``."""
_THIN_MM, _THICK_MM = 2.0, 4.0
_OWN_FACT = (Reason.BONE_KERNEL, Reason.GANTRY_TILT)

Facts = dict[str, dict[str, str]]


def series_facts(
    layout: Layout, ledger: pd.DataFrame, meta: pd.DataFrame
) -> Mapping[str, Mapping[str, str]]:
    """Return the properties of some series, each as a value by SeriesInstanceUID.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    ledger : pandas.DataFrame
        The rows of ``series_ledger.csv`` of these series, as texts.
    meta : pandas.DataFrame
        ``test_meta_id_seriser.csv``, as texts.

    Returns
    -------
    mapping of str to mapping
        Scanner, kernel, tilt, distance and thickness of slices, remarks. A property that all series
        share is left out, but for the scanner.
    """
    remarks = dict(zip(ledger["series_id"], ledger["remarks"], strict=True))
    facts = {**_of_scanner(layout, remarks), **_of_remarks(remarks), "slice distance": {}}
    for name, group in meta.groupby("SeriesInstance"):
        facts["slice distance"][str(name)] = _distance(group["Position2"])
    return {
        name: values
        for name, values in facts.items()
        if name in SCANNER or len(set(values.values())) > 1
    }


def _of_remarks(remarks: Mapping[str, str]) -> Facts:
    codes = {uid: set(_CODE.findall(text)) & set(Reason) for uid, text in remarks.items()}
    facts: Facts = {
        "kernel": {s: "bone" if Reason.BONE_KERNEL in c else "other" for s, c in codes.items()},
        "gantry tilt": {s: "tilted" if Reason.GANTRY_TILT in c else "no" for s, c in codes.items()},
    }
    for code in sorted(set().union(*codes.values()) - set(_OWN_FACT)):
        facts[f"remark {code}"] = {s: "yes" if code in c else "no" for s, c in codes.items()}
    return facts


def _of_scanner(layout: Layout, uids: Iterable[str]) -> Facts:
    """Return what the ledger of each series holds and no table does."""
    found = {uid: _found(layout, uid) for uid in uids}
    return {
        "manufacturer": {u: _name(None if s is None else s.manufacturer) for u, s in found.items()},
        "model": {u: _name(None if s is None else s.model) for u, s in found.items()},
        "slice thickness": {
            uid: "" if series is None or series.thickness is None else _class(series.thickness)
            for uid, series in found.items()
        },
    }


def _found(layout: Layout, uid: str) -> SeriesRecord | None:
    try:
        return found_series(layout, uid)
    except (StorageError, ValueError):
        return None  # removed by a person, or of an earlier version


def _name(text: str | None) -> str:
    """Return the name of a scanner. Sites write one name in capitals or not, so these are one."""
    if text is None:
        return NOT_RECORDED
    return " ".join(text.split()).upper() or NOT_NAMED


def _distance(positions: "pd.Series[str]") -> str:
    """Return the class of the median distance of neighbouring slices along z."""
    z = np.sort(pd.to_numeric(positions, errors="coerce").dropna().to_numpy(np.float64))
    return "" if len(z) < 2 else _class(float(np.median(np.diff(z))))


def _class(mm: float) -> str:
    if mm < _THIN_MM:
        return "below 2 mm"
    return "2 to 4 mm" if mm <= _THICK_MM else "above 4 mm"
