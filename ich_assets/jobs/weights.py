"""fetch_checkpoints: downloads the release into MODEL_DIR; verify_checkpoints: checks the files.

fetch_side_files: downloads what was published beside the reference's training code.
"""

from pathlib import Path

import dagster as dg
from pydantic import Field

from ich_assets.runtime.console import TERSE_CONSOLE
from ich_resources.backbones.table import FOLDS
from ich_resources.environment import TRAIN_ROOT, folder
from ich_resources.errors import CheckpointError
from ich_resources.inference.resource import NetworksResource
from ich_resources.weights.resource import WeightsResource


class FetchConfig(dg.Config):
    """Whether files that are already good are fetched again."""

    force: bool = Field(
        default=False,
        description="Fetch also the files that are there and good, and replace pinned digests.",
    )


@dg.op(out=dg.Out(dg.Nothing))
def fetch_archives(
    context: dg.OpExecutionContext,
    config: FetchConfig,
    networks: NetworksResource,
    weights: WeightsResource,
) -> None:
    """Download missing archives, compare their digests, unpack them; keep files that are good."""
    outcome = weights.fetch(
        networks.folder,
        networks.chosen,
        range(FOLDS)[: networks.max_folds],
        force=config.force,
        say=context.log.info,
        warn=context.log.warning,
    )
    context.add_output_metadata({"model_dir": str(networks.folder), **outcome})


@dg.op(ins={"fetched": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def verify_files(
    context: dg.OpExecutionContext, networks: NetworksResource, weights: WeightsResource
) -> None:
    """Digest every checkpoint file and load it strictly; fail if one is missing or broken.

    Raises
    ------
    dagster.Failure
        If one is.
    """
    folder, folds = networks.folder, range(FOLDS)[: networks.max_folds]
    context.log.info(f"Verifying {len(networks.chosen) * len(folds)} files in {folder}")
    reports = []
    for report in weights.verify(folder, networks.chosen, folds):
        reports.append(report)
        known = "known" if report.known else "not known" if report.digest else ""
        row = f"  {report.state:7}  {report.path:55}  {report.digest[:16]:16}  {known:9}"
        line = f"{row}  {report.remark}".rstrip()
        (context.log.info if report.state == "good" else context.log.error)(line)
    good = sum(report.state == "good" for report in reports)
    unknown = sum(bool(report.digest) and not report.known for report in reports)
    table = [
        dg.TableRecord(
            {
                "file": report.path,
                "state": report.state,
                "sha256": report.digest,
                "known": report.known,
                "remark": report.remark,
            }
        )
        for report in reports
    ]
    metadata = {
        "files": dg.MetadataValue.table(table),
        "good": dg.MetadataValue.int(good),
        "unknown_digests": dg.MetadataValue.int(unknown),
    }
    context.log.info(
        f"Good: {good} of {len(reports)}; digests not in checkpoints.sha256: {unknown}"
    )
    if good < len(reports):
        error = CheckpointError(
            f"{len(reports) - good} of {len(reports)} checkpoint files are missing or broken",
            path=folder,
            remedy="run fetch_checkpoints, or place them by hand (docs/weights.md)",
        )
        raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from error
    context.add_output_metadata(metadata)


@dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
def fetch_checkpoints() -> None:
    """Download the released checkpoints into MODEL_DIR, and verify every file."""
    verify_files(fetch_archives())


@dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
def verify_checkpoints() -> None:
    """Report for every checkpoint file in MODEL_DIR whether it is there, is known, and loads."""
    verify_files()


class SideFilesConfig(dg.Config):
    """Which side files are fetched, and where they go."""

    files: list[str] = Field(
        default=["data"],
        description="data: fold lists and tables. csv: tables of predictions. features: samples of "
        "features. No job needs them.",
    )
    folder: str = Field(
        default="", description="Takes a folder for each. Empty: side_files below TRAIN_ROOT."
    )


@dg.op(out=dg.Out(dg.Nothing))
def fetch_side_archives(
    context: dg.OpExecutionContext, config: SideFilesConfig, weights: WeightsResource
) -> None:
    """Download the side files that are not there, and unpack each into a folder of its own."""
    where = Path(config.folder).expanduser().absolute() if config.folder.strip() else None
    if where is None:
        where = folder("", TRAIN_ROOT, "ops.fetch_side_archives.config.folder") / "side_files"
    outcome = weights.fetch_side_files(where, config.files, context.log.info)
    context.add_output_metadata({"folder": str(where), **outcome})


@dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
def fetch_side_files() -> None:
    """Download side files of the reference's training (data.zip, csv.zip, samples of features)."""
    fetch_side_archives()
