"""The trained checkpoints as a MODEL_DIR: their digests, and copies of them in another one."""

from collections.abc import Iterable
from pathlib import Path

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE, known_digests
from ich_resources.errors import StorageError
from ich_resources.storage.files import is_unchanged, locked, read_checked, write_bytes
from ich_resources.storage.training_layout import TrainingLayout


def pin_checkpoint(layout: TrainingLayout, path: Path, digest: str) -> None:
    """Write the digest of a trained checkpoint into ``checkpoints.sha256``.

    Parameters
    ----------
    layout : TrainingLayout
        Paths below the training root.
    path : Path
        The checkpoint.
    digest : str
        Its SHA-256.

    Raises
    ------
    StorageError
        If the digests cannot be written.
    CheckpointError
        If those that are there cannot be read.
    """
    with locked(layout.digests_lock):
        _pin(layout.models, {path.relative_to(layout.models).as_posix(): digest})


def _pin(model_dir: Path, digests: dict[str, str]) -> None:
    known = known_digests(model_dir)
    wanted = known | digests
    if wanted != known:
        lines = [f"{digest}  {name}\n" for name, digest in sorted(wanted.items())]
        write_bytes(model_dir / DIGESTS_FILE, "".join(lines).encode(), durable=True)


def install(layout: TrainingLayout, names: Iterable[tuple[str, str]], target: Path) -> list[str]:
    """Copy trained checkpoints into another MODEL_DIR, with their digests.

    Parameters
    ----------
    layout : TrainingLayout
        Paths below the training root.
    names : iterable of (str, str)
        Path relative to the model folder, and SHA-256, of each checkpoint.
    target : Path
        The other model folder.

    Returns
    -------
    list of str
        The files that were not there before.

    Raises
    ------
    StorageError
        If another file has the name of one of them, or a file cannot be read or written. In the
        first case nothing is copied.
    """
    wanted = dict(names)
    known = known_digests(target)
    for name, digest in wanted.items():
        path = target / name
        other = path.exists() and not is_unchanged(path, digest)
        if other or known.get(name, digest) != digest:
            raise StorageError(
                "another checkpoint has this name, and is not overwritten"
                if other
                else f"{DIGESTS_FILE} names another digest for this file",
                path=path,
                remedy="choose an empty folder for the trained checkpoints",
            )
    copied = []
    for name, digest in wanted.items():
        if (target / name).exists():
            continue
        content = read_checked(layout.models / name, digest, remedy="train this fold again")
        write_bytes(target / name, content, durable=True)
        copied.append(name)
    _pin(target, wanted)
    return copied
