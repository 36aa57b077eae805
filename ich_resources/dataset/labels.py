"""Read a file of labels; its header says in which of four forms it is."""

from pathlib import Path

from ich_resources.dataset import kaggle, own, public
from ich_resources.dataset.text_table import read_columns, read_table
from ich_resources.errors import DatasetError
from ich_resources.labels import Labels

_FORMS = (
    "the first row must be ID,Label (Kaggle); or SOPInstanceUID, SeriesInstanceUID or "
    "StudyInstanceUID and the six classes; or that of CQ500 or PhysioNet CT-ICH "
    "(docs/evaluation.md)"
)


def read_labels(path: Path, studies: Path | None = None) -> Labels:
    """Read labels; the header says in which form.

    Parameters
    ----------
    path : Path
        CSV file: our own form, Kaggle's, CQ500's or PhysioNet's.
    studies : Path, optional
        For CQ500: CSV with the columns ``name`` and ``StudyInstanceUID``.

    Returns
    -------
    Labels
        A class that is empty in the file is NaN. ``any`` that is empty where a subtype is 1 is 1.

    Raises
    ------
    DatasetError
        If the file is missing, of no known form or empty, or if rows contradict each other.
    """
    columns = read_columns(path, _FORMS)
    if tuple(columns) == kaggle.HEADER:
        labels = kaggle.read_kaggle(path)
    elif public.is_cq500(columns):
        labels = public.read_cq500(read_table(path, _FORMS), path, studies)
    elif public.is_physionet(columns):
        labels = public.read_physionet(read_table(path, _FORMS), path)
    elif own.is_own(columns):
        labels = own.read_own(read_table(path, _FORMS), path)
    else:
        raise DatasetError("the header is of no known form of labels", path=path, remedy=_FORMS)
    if not labels.ids:
        raise DatasetError("the file has no labels", path=path, remedy=_FORMS)
    return labels
