"""Checks before the first file is read: options, folders, checkpoints, device."""

from pathlib import Path

from ich_assets.asked_objects import require_objects_can_be_made
from ich_assets.inputs_digests import saliency_files
from ich_assets.resources import SeriesResources
from ich_assets.sequence_models import shown_calibration
from ich_assets.thresholds import flagging
from ich_resources.errors import StorageError
from ich_resources.storage.files import require_writable, sweep


def check(resources: SeriesResources) -> None:
    """Check options, folders, checkpoints and device.

    Raises
    ------
    IchError
        For the first fault that would stop every series.
    """
    check_weights(resources)
    check_device(resources)
    check_run_root(resources)


def check_weights(resources: SeriesResources) -> None:
    """Check options and checkpoints.

    Raises
    ------
    IchError
        If an option has a wrong value, a checkpoint is missing or is not the expected one,
        checkpoints do not agree, or sequence models, a calibration or threshold do not fit them,
        or DICOM objects or the key file cannot be made.
    """
    _ = resources.dicom.window_choice
    _ = resources.saliency.options
    networks, maps = resources.networks, saliency_files(resources.networks, resources.saliency)
    networks.context_of([*(f for b in networks.chosen for f in networks.checkpoints(b)), *maps])
    _ = shown_calibration(networks)
    _ = flagging(resources)
    require_objects_can_be_made(resources)


def check_device(resources: SeriesResources) -> None:
    """Check that the device and the back end that shall run the networks are there.

    Raises
    ------
    InferenceError
        If one of them is not.
    """
    # The defaults cannot fail, and asking takes some seconds, since it imports torch.
    networks = resources.networks
    plain = networks.device in ("auto", "cpu") and networks.precision == "float32"
    if not plain or networks.backend == "openvino":
        _ = networks.runner.engine


def require_apart(run_root: Path, input_dir: Path) -> None:
    """Check that RUN_ROOT does not lie in the input folder, which is only read.

    Raises
    ------
    StorageError
        If it does.
    """
    run_root, input_dir = run_root.resolve(), input_dir.resolve()
    if run_root == input_dir or input_dir in run_root.parents:
        raise StorageError(
            f"RUN_ROOT is inside the input folder {input_dir}, which is only read",
            path=run_root,
            remedy=f"choose a RUN_ROOT outside of {input_dir}",
        )


def check_run_root(resources: SeriesResources) -> None:
    """Check that results can be written, and remove files that killed processes left half written.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    require_apart(resources.storage.layout.run_root, resources.dicom.folder)
    require_objects_can_be_made(resources, resources.dicom.folder)
    require_writable(resources.storage.layout.run_root)
    sweep(resources.storage.layout.run_root)
