"""install_trained: copies finished checkpoints into another MODEL_DIR."""

import dagster as dg
from pydantic import Field

from ich_assets.learning.holding import recorded_fold
from ich_assets.learning.model_folder import install
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.sequence_holding import recorded_sequences
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.training_partitions import chosen_backbones
from ich_resources.backbones.table import FOLDS
from ich_resources.environment import MODEL_DIR, folder
from ich_resources.errors import IchError


class InstallConfig(dg.Config):
    """Which checkpoints are copied, and where to."""

    model_dir: str = Field(
        default="", description="The other folder. Empty: the environment's MODEL_DIR."
    )
    backbones: list[str] = Field(
        default=[], description="Short names of the backbones; empty: all that are trained."
    )


@dg.op(out=dg.Out(dg.Nothing), required_resource_keys=LEARNING_RESOURCES)
def copy_checkpoints(context: dg.OpExecutionContext, config: InstallConfig) -> None:
    """Copy finished checkpoints with their digests; a file that is there already stays.

    Raises
    ------
    IchError
        If no fold is trained, or a file of another content has the name of one.
    """
    resources = LearningResources.of(context)
    layout = resources.train_root.layout
    target = folder(config.model_dir, MODEL_DIR, "ops.copy_checkpoints.config.model_dir")
    found = {}
    for backbone in chosen_backbones(config.backbones):
        for fold in range(FOLDS):
            record = recorded_fold(resources, backbone, fold)
            if record is not None:
                path = layout.checkpoint(backbone, fold).relative_to(layout.models)
                found[path.as_posix()] = record.content.checkpoint
    found |= recorded_sequences(resources)
    if not found:
        raise IchError(
            "no fold is trained yet", path=layout.train_root, remedy="run ich_train first"
        )
    copied = install(layout, found.items(), target)
    context.log.info(
        f"Checkpoints in {target}: {len(found)}, copied now: {len(copied)}, there before: "
        f"{len(found) - len(copied)}"
    )
    context.add_output_metadata({"copied": len(copied), "model_dir": str(target)})


@dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
def install_trained() -> None:
    """Copy the finished checkpoints of a training into another MODEL_DIR."""
    copy_checkpoints()
