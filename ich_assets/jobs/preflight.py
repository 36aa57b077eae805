"""What can be known to be wrong before the first file is read."""

import uuid
from pathlib import Path

from ich_assets.inputs_digests import Rooms, saliency_files
from ich_resources.errors import StorageError
from ich_resources.storage.files import remove, sweep, write_bytes


def check(rooms: Rooms) -> None:
    """Check options, folders, checkpoints and device.

    Raises
    ------
    IchError
        For the first thing that would stop every series.
    """
    check_weights(rooms)
    check_device(rooms)
    check_run_root(rooms)


def check_weights(rooms: Rooms) -> None:
    """Check options and checkpoints.

    Raises
    ------
    IchError
        If an option is no choice, or a checkpoint is missing or not the expected one.
    """
    _ = rooms.saliency.options
    for backbone in rooms.networks.chosen:
        rooms.networks.checkpoints(backbone)
    saliency_files(rooms.networks, rooms.saliency)


def check_device(rooms: Rooms) -> None:
    """Check that what shall run the networks is there.

    Raises
    ------
    InferenceError
        If it is not.
    """
    # What is the default cannot fail, and asking costs some seconds of importing torch.
    networks = rooms.networks
    plain = networks.device in ("auto", "cpu") and networks.precision == "float32"
    if not plain or networks.backend == "openvino":
        _ = networks.engine


def require_apart(run_root: Path, input_dir: Path) -> None:
    """Check that results do not go into the folder that is only read.

    Raises
    ------
    StorageError
        If they would.
    """
    run_root, input_dir = run_root.resolve(), input_dir.resolve()
    if run_root == input_dir or input_dir in run_root.parents:
        raise StorageError(
            f"RUN_ROOT lies in the input folder {input_dir}, which is only read",
            path=run_root,
            remedy=f"choose a RUN_ROOT outside of {input_dir}",
        )


def check_run_root(rooms: Rooms) -> None:
    """Check that results can be written, and remove what killed processes left half written.

    Raises
    ------
    StorageError
        If they cannot.
    """
    require_apart(rooms.storage.layout.run_root, rooms.dicom.folder)
    trial = rooms.storage.layout.run_root / "state" / f".trial-{uuid.uuid4().hex}"
    write_bytes(trial, b"written before the work starts, to see whether it can be")
    remove([trial])
    sweep(rooms.storage.layout.run_root)
