"""The inputs digest of each step of a training."""

from collections.abc import Mapping
from dataclasses import asdict

from ich_assets.learning.data_set import DataSet
from ich_resources.digests import fingerprint
from ich_resources.steps import CODE_VERSIONS, TRAINED_FOLD
from ich_resources.training.recipe import Recipe
from ich_resources.training.view_options import ViewOptions


def trained_digest(recipe: Recipe, initial: str, data: DataSet) -> str:
    """Return the inputs digest of ``trained_fold``.

    Parameters
    ----------
    recipe : Recipe
        All that decides the weights but the data.
    initial : str
        SHA-256 of the file of the first weights; empty for random ones.
    data : DataSet
        Labels, images and folds count.
    """
    return fingerprint(
        {
            "code": CODE_VERSIONS[TRAINED_FOLD],
            "recipe": recipe.fingerprint,
            "initial": initial,
            "slices": data.slices.version,
            "folds": data.folds_version,
        }
    )


def predictions_digest(step: str, checkpoint: str, views: ViewOptions, images: str) -> str:
    """Return the inputs digest of ``oof_predictions`` and ``test_predictions``.

    Parameters
    ----------
    step : str
        Which of the two.
    checkpoint : str
        SHA-256 of the checkpoint. It was made from the list of folds, and so names what is held
        out.
    views : ViewOptions
        All but the batch size count.
    images : str
        Data version of the table of slices.
    """
    shown = {name: value for name, value in asdict(views).items() if name != "batch_size"}
    return fingerprint(
        {"code": CODE_VERSIONS[step], "checkpoint": checkpoint, "views": shown, "images": images}
    )


def table_digest(step: str, versions: Mapping[str, str], images: str) -> str:
    """Return the inputs digest of ``oof_table``, and part of that of ``submission``.

    Parameters
    ----------
    step : str
        Which of the two.
    versions : mapping of str to str
        Data version of the predictions of each partition.
    images : str
        Data version of the table of slices.
    """
    return fingerprint({"code": CODE_VERSIONS[step], "from": dict(versions), "images": images})
