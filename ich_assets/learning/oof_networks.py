"""The checkpoints behind predictions out of fold: calibration and threshold are bound to them."""

from ich_assets.learning.data_set import data_set
from ich_assets.learning.oof_scores import SEQUENCE_REMEDY, Source, require_table, sequence_records
from ich_assets.learning.training_digests import table_digest
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.errors import IchError
from ich_resources.steps import OOF_PREDICTIONS, OOF_TABLE
from ich_resources.storage.files import is_unchanged
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.shown import ScoredBy
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import OofContent
from ich_resources.storage.training_table_schemas import OofTableContent

_TRAIN = "run ich_train, which predicts anew what does not hold"


def oof_networks(train_root: TrainRootResource, source: Source) -> ScoredBy:
    """Return the checkpoints that a calibration or threshold of these predictions is bound to.

    Parameters
    ----------
    train_root : TrainRootResource
        The training root.
    source : {"2d", "sequence"}
        As for ``oof_scores``.

    Raises
    ------
    IchError
        If the networks may have seen what they predicted, or the checkpoints in the model folder
        are not those that predicted.
    """
    layout, records, table = train_root.layout, train_root.records, require_table(train_root)
    if table.content.accept_leak:
        raise IchError(
            "the first weights may have seen the slices that were held out (accept_leak), and a "
            "calibration or threshold needs patients that the networks have not seen",
            remedy="leave fit off and write_threshold false, or train with folds of the release",
        )
    versions: dict[str, str] = {}
    checkpoints: dict[str, tuple[str, ...]] = {}
    for backbone in (BACKBONES[name] for name in table.content.backbones):
        digests = []
        for fold in range(FOLDS):
            found = records.find_as(fold_subject(backbone, fold), OOF_PREDICTIONS, OofContent)
            digest = "" if found is None else found.content.checkpoint
            path = layout.checkpoint(backbone, fold)
            if found is None or not is_unchanged(path, digest):
                raise IchError(
                    f"the checkpoint of {partition_of(backbone, fold)} is not the one that made "
                    "the predictions out of fold",
                    path=path,
                    remedy=_TRAIN,
                )
            versions[partition_of(backbone, fold)] = found.data_version
            digests.append(digest)
        checkpoints[backbone.name] = tuple(digests)
    if table.inputs_digest != table_digest(OOF_TABLE, versions, data_set(layout).slices.version):
        raise IchError(
            "the table of predictions out of fold was made from other predictions than those that "
            "are there",
            path=layout.oof_order,
            remedy=_TRAIN,
        )
    return ScoredBy(checkpoints, None, _sequence_digests(train_root, table, source))


def _sequence_digests(
    train_root: TrainRootResource, table: Record[OofTableContent], source: Source
) -> tuple[str, ...]:
    """Return the SHA-256 of the sequence checkpoints; empty for the 2D networks.

    Raises
    ------
    IchError
        If one is not the one that predicted.
    """
    if source == "2d":
        return ()
    digests = tuple(checkpoint for checkpoint, _ in sequence_records(train_root, table))
    for fold, digest in enumerate(digests):
        path = train_root.layout.sequence_checkpoint(fold)
        if not is_unchanged(path, digest):
            raise IchError(
                "the checkpoint of the sequence models is not the one that made the predictions "
                "out of fold",
                path=path,
                remedy=SEQUENCE_REMEDY,
            )
    return digests
