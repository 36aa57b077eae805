"""What a training tells Dagster and the terminal while it runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from ich_resources.errors import StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.sequence.results import SequenceEpoch, SequenceHooks
from ich_resources.training.results import EpochResult, Hooks

_DIGITS = 6


def hooks(context: dg.AssetExecutionContext, epochs: int) -> Hooks:
    """Return hooks that make an observation of the asset, and a line, of every epoch.

    Dagster's UI draws the numbers of observations as curves while the asset still trains. A
    termination is an exception that Dagster raises between two batches.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the step.
    epochs : int
        How many there will be.
    """

    def on_epoch(result: EpochResult) -> None:
        context.log_event(
            dg.AssetObservation(
                context.asset_key,
                partition=context.partition_key,
                metadata=epoch_metadata(result),
            )
        )
        context.log.info(f"{context.partition_key}  {epoch_line(result, epochs)}")

    def on_message(text: str) -> None:
        context.log.info(f"{context.partition_key}  {text}")

    return Hooks(on_epoch=on_epoch, on_message=on_message)


def sequence_hooks(context: dg.AssetExecutionContext, epochs: int) -> SequenceHooks:
    """Return ``hooks`` for a sequence model.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the step.
    epochs : int
        How many there will be.
    """
    name = f"sequence {context.partition_key}"

    def on_epoch(result: SequenceEpoch) -> None:
        numbers = {
            "epoch": result.epoch,
            "train_loss": round(result.train_loss, _DIGITS),
            "learning_rate": result.rate,
            "seconds": result.seconds,
            "weighted_log_loss": round(result.head2, _DIGITS),
            "weighted_log_loss_of_head_1": round(result.head1, _DIGITS),
        }
        context.log_event(
            dg.AssetObservation(
                context.asset_key, partition=context.partition_key, metadata=numbers
            )
        )
        context.log.info(
            f"{name}  epoch {result.epoch + 1}/{epochs}  loss {result.train_loss:.4f}  held out "
            f"{result.head2:.4f}  {result.seconds:.1f} s"
        )

    return SequenceHooks(
        on_epoch=on_epoch, on_message=lambda text: context.log.info(f"{name}  {text}")
    )


def epoch_line(result: EpochResult, epochs: int) -> str:
    """Return one line about an epoch.

    Parameters
    ----------
    result : EpochResult
        The epoch.
    epochs : int
        How many there will be.
    """
    parts = [
        f"epoch {result.epoch + 1}/{epochs}",
        f"loss {result.train_loss:.4f}",
        f"rate {result.rate:.2e}",
    ]
    if result.weighted_log_loss is not None:
        parts.append(f"held out {result.weighted_log_loss:.4f}")
    return "  ".join([*parts, f"{result.seconds:.1f} s"])


def epoch_metadata(result: EpochResult) -> dict[str, Any]:
    """Return the numbers of an epoch, which the UI draws as curves.

    Parameters
    ----------
    result : EpochResult
        The epoch.
    """
    values: dict[str, Any] = {
        "epoch": result.epoch,
        "train_loss": round(result.train_loss, _DIGITS),
        "learning_rate": result.rate,
        "seconds": round(result.seconds, 3),
    }
    if result.validation_loss is not None:
        values["validation_loss"] = round(result.validation_loss, _DIGITS)
    if result.weighted_log_loss is not None:
        values["weighted_log_loss"] = round(result.weighted_log_loss, _DIGITS)
    return values


def history_table(history: Sequence[EpochResult]) -> dg.TableMetadataValue:
    """Return a row for each epoch, as Dagster's metadata.

    Parameters
    ----------
    history : sequence of EpochResult
        In order.
    """
    names = ("epoch", "train_loss", "learning_rate", "validation_loss", "weighted_log_loss")
    rows: list[Mapping[str, Any]] = [epoch_metadata(result) for result in history]
    return dg.MetadataValue.table(
        [dg.TableRecord({name: row.get(name) for name in names}) for row in rows],
        dg.TableSchema([dg.TableColumn(name) for name in names]),
    )


def by_class(title: str, values: Sequence[float | None] | None) -> dict[str, float]:
    """Return a number per class, as Dagster's metadata; without those that are not known.

    Parameters
    ----------
    title : str
        Begins each name.
    values : sequence of (float or None), or None
        In the order of ``hemorrhage.CLASSES``.
    """
    return {
        f"{title}_{name}": round(float(value), _DIGITS)
        for name, value in zip(CLASSES, values or (None,) * len(CLASSES), strict=True)
        if value is not None
    }


@contextmanager
def naming_train_root() -> Iterator[None]:
    """Let the remedies of errors speak of TRAIN_ROOT, not of RUN_ROOT.

    Raises
    ------
    StorageError
        As it came, with another remedy.
    """
    try:
        yield
    except StorageError as err:
        if err.remedy:
            err.remedy = err.remedy.replace("RUN_ROOT", "TRAIN_ROOT")
        raise
