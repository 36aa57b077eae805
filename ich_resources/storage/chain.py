"""Which results on disk belong together, whatever options made them."""

from ich_resources.recipe import ENSEMBLE, PROCESSED, SALIENCY, ensemble_recipe
from ich_resources.series import SeriesRecord
from ich_resources.storage.records import Record, Records


def consistent_records(series: SeriesRecord, records: Records) -> dict[str, Record]:
    """Return the results of a series that were made from its slices of today, and each other.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger of the last scan.
    records : Records
        The run root's.

    Returns
    -------
    dict of str to Record
        By step; a step whose input has been made anew since is left out.
    """
    uid = series.series_instance_uid
    found: dict[str, Record] = {}
    processed = records.find(uid, PROCESSED)
    if processed is None or processed.content["series_version"] != series.version:
        return found
    found[PROCESSED] = processed
    ensemble = records.find(uid, ENSEMBLE)
    if ensemble is None:
        return found
    versions = {}
    for backbone, step in ensemble.content["predictions"].items():
        record = records.find(uid, step)
        if record is None or record.content["images"] != processed.data_version:
            return found
        found[step], versions[backbone] = record, record.data_version
    if ensemble.recipe != ensemble_recipe(versions):
        return found
    found[ENSEMBLE] = ensemble
    panels = records.find(uid, SALIENCY)
    if panels is not None and panels.content["bars"] == ensemble.data_version:
        found[SALIENCY] = panels
    return found
