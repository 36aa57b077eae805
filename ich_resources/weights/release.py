"""Facts about the release of the checkpoints (docs/reference.md, section 3)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.checkpoint_digests import parse_digests
from ich_resources.backbones.table import FOLDS, Backbone, checkpoint_name
from ich_resources.errors import FetchError

REPOSITORY = "jwprescott/RSNA2019_Intracranial-Hemorrhage-Detection"
"""GitHub repository of the release."""
TAG = "model-weights-v1"
"""Tag of the release."""
DIGESTS = "rsna-ich-2d-weights-sha256.txt"
"""Asset with the SHA-256 of the archives, in the format of ``sha256sum``."""
ARCHIVES = {
    "DenseNet121_change_avg": "rsna-ich-2d-densenet121-change-avg-512.tar.gz",
    "DenseNet169_change_avg": "rsna-ich-2d-densenet169-change-avg-256.tar.gz",
    "se_resnext101_32x4d": "rsna-ich-2d-se-resnext101-32x4d-256.tar.gz",
}
"""Asset with the five folds, by backbone."""
DRIVE_IDS = {
    "DenseNet121_change_avg": "1o0ok-6I2hY1ygSWdZOKmSD84FsEpgDaa",
    "DenseNet169_change_avg": "1vCsX12pMZxBmuGGNVnjFFiZ-5u5vD-h6",
    "se_resnext101_32x4d": "18Py5eW1E4hSbTT6658IAjQjJGS28grdx",
}
"""Id on Google Drive, by backbone."""


@dataclass(frozen=True)
class SideFile:
    """An archive that was published beside the reference's training code; nothing needs it.

    Attributes
    ----------
    archive : str
        Name of the file.
    drive_id : str
        Its id on Google Drive.
    """

    archive: str
    drive_id: str


SIDE_FILES = {
    "data": SideFile("data.zip", "1buISR_b3HQDU4KeNc_DmvKTYJ1gvj5-3"),
    "csv": SideFile("csv.zip", "1qYi4k-DuOLJmyZ7uYYrnomU2U7MrYRBV"),
    "features": SideFile("features.zip", "1lJgzZoHFu6HI4JBktkGY3qMk--28IUkC"),
}
"""Fold lists and tables; tables of predictions; samples of features (docs/training.md)."""
UNREACHABLE = "UNREACHABLE"
"""Code of the error for a source that cannot be reached."""


def read_digests(text: str, backbones: Iterable[Backbone], where: str) -> dict[str, str]:
    """Return the digests that a release states, by file name.

    Parameters
    ----------
    text : str
        The file of digests, as the source has it.
    backbones : iterable of Backbone
        Those whose archives must have a digest.
    where : str
        Name of the source, for the error.

    Raises
    ------
    FetchError
        If the digest of an archive is missing or is not a SHA-256. Then the text may be another
        page, such as a login page.
    """
    digests = parse_digests(text)
    for backbone in backbones:
        archive = ARCHIVES[backbone.name]
        if not re.fullmatch(r"[0-9a-f]{64}", digests.get(archive, "")):
            raise FetchError(
                f"{DIGESTS} states no SHA-256 of {archive}",
                path=where,
                remedy="check that the address leads to the release and not to another page",
            )
    return digests


def digest_of_fold(digests: Mapping[str, str], backbone: Backbone, name: str) -> str | None:
    """Return the digest that a release states for a single file, None without one.

    Parameters
    ----------
    digests : mapping of str to str
        From ``read_digests``.
    backbone : Backbone
        The network.
    name : str
        File name of the checkpoint.
    """
    short = f"{Path(backbone.folder).name}/{name}"
    for stated, digest in digests.items():
        if stated == short or stated.endswith(f"/{short}"):
            return digest
    return None


def place_by_hand(model_dir: Path, backbones: Iterable[Backbone], page: str) -> str:
    """Return instructions to place the files by hand, for a machine without a network.

    Parameters
    ----------
    model_dir : Path
        The folder that holds, or will hold, ``2DNet``.
    backbones : iterable of Backbone
        Those that are wanted.
    page : str
        Address of the web page of the release.
    """
    chosen = list(backbones)
    lines = [f"without a network: on another machine, download from {page}"]
    lines += [f"    {ARCHIVES[backbone.name]}" for backbone in chosen]
    lines += [f"    {DIGESTS}"]
    lines += [
        "and copy them here into one folder; then run this job again with base_url set to it,"
    ]
    lines += ["or check and unpack them yourself, so that there are"]
    lines += [
        f"    {model_dir / backbone.folder}/{checkpoint_name(0)} to {checkpoint_name(FOLDS - 1)}"
        for backbone in chosen
    ]
    return "\n".join([*lines, "(docs/weights.md has the commands)"])
