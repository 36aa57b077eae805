"""Environment variables that name folders, where the run configuration leaves them open."""

import os
from pathlib import Path
from typing import Literal, get_args

from ich_resources.errors import IchError

Backend = Literal["auto", "pytorch", "openvino"]
"""What runs the networks, as people choose it."""
DICOM_INPUT = "DICOM_INPUT"
"""Folder of DICOM files; only read."""
DICOM_INBOX = "DICOM_INBOX"
"""Folder that studies come into; watched by the sensor, only read."""
RUN_ROOT = "RUN_ROOT"
"""Folder that takes every result."""
TRAIN_ROOT = "TRAIN_ROOT"
"""Folder that takes everything of a training: labelled slices, checkpoints, predictions."""
LABELS = "LABELS"
"""File of labels for training or evaluation; only read."""
MODEL_DIR = "MODEL_DIR"
"""Folder that holds ``2DNet`` with the checkpoints."""
IMAGENET_DIR = "IMAGENET_DIR"
"""Folder that holds the ImageNet weights a training starts from; unset: the cache of torch hub."""
LIVE_CONFIG = "LIVE_CONFIG"
"""Run configuration (YAML) of the sensor and of the runs it requests."""
RECEIVE_HOST = "RECEIVE_HOST"
"""Address that the C-STORE receiver listens on; unset: this machine only."""
RECEIVE_PORT = "RECEIVE_PORT"
"""Port of the C-STORE receiver; unset: 11112."""
RECEIVE_AE_TITLE = "RECEIVE_AE_TITLE"
"""Application entity title of the C-STORE receiver, which senders must call; unset: ICH, or any."""
RECEIVE_CALLERS = "RECEIVE_CALLERS"
"""AE titles that may send, with commas between them; unset: all, on this machine only."""
RECEIVE_PUBLISHED_HOST = "RECEIVE_PUBLISHED_HOST"
"""Address at which a container's port is published; RECEIVE_HOST is inside the container then."""
RECEIVE_TLS_CERTIFICATE = "RECEIVE_TLS_CERTIFICATE"
"""File (PEM) with the certificate of the receiver and those that lead to its authority."""
RECEIVE_TLS_KEY = "RECEIVE_TLS_KEY"
"""File (PEM) with the key; unset: it is in the file of the certificate."""
RECEIVE_TLS_CLIENT_CA = "RECEIVE_TLS_CLIENT_CA"
"""File (PEM) with the authorities that sign the certificates of senders; unset: none is asked."""
MONITOR_HOST = "MONITOR_HOST"
"""Address that the monitor listens on; unset: this machine only."""
MONITOR_PORT = "MONITOR_PORT"
"""Port of the monitor; unset: 9808."""
MONITOR_WEBSERVER = "MONITOR_WEBSERVER"
"""URL of Dagster's webserver for the monitor to ask; unset: http://127.0.0.1:3000; off: none."""
MONITOR_CODE_SERVER = "MONITOR_CODE_SERVER"
"""host:port of Dagster's code server for the monitor to ask; unset: the webserver says it."""
MONITOR_RECEIVER = "MONITOR_RECEIVER"
"""host:port of the C-STORE receiver for the monitor to ask; unset: none is expected."""
MONITOR_STALLED_SECONDS = "MONITOR_STALLED_SECONDS"
"""The inbox is stalled if no tick ended for so long; unset: 300."""
MONITOR_WAITING_SECONDS = "MONITOR_WAITING_SECONDS"
"""The inbox is stalled if a complete series waits for so long; unset: 1800."""
MONITOR_FREE_GB = "MONITOR_FREE_GB"
"""Least free space of a disk, in GB; unset: 5."""
HOOK_COMMAND = "HOOK_COMMAND"
"""Program that the monitor starts to tell people; it gets a message on its standard input."""
HOOK_URL = "HOOK_URL"
"""Webhook that the monitor posts messages to. It may hold a secret."""
HOOK_TOKEN = "HOOK_TOKEN"  # noqa: S105 (a variable's name)
"""Secret that the webhook gets as bearer token."""
HOOK_THRESHOLD = "HOOK_THRESHOLD"
"""P(any) from which on a result is told; unset: no result is told."""
HOOK_RETRY_SECONDS = "HOOK_RETRY_SECONDS"
"""Seconds before a message is tried again, doubled each time up to half an hour; unset: 10."""
UI_HOSTS = "UI_HOSTS"
"""More names under which a browser may open the UI, with commas; unset: localhost alone."""
LOG_LEVEL = "ICH_LOG_LEVEL"
"""Level of the lines of Dagster's services. make, Compose and the systemd units read it."""
MAX_FOLDS = "MAX_FOLDS_PER_BACKBONE"
"""Only the first so many folds of each backbone."""
BACKEND = "NETWORKS_BACKEND"
"""What runs the networks where the run configuration says auto: pytorch or openvino."""

RELEASE_TOKEN = "GITHUB_TOKEN_RSNA_ICH_DETECTION_REPO"  # noqa: S105 (a variable's name)
"""GitHub token that may read the release of the checkpoints; goes before GITHUB_TOKEN."""
GITHUB_TOKEN = "GITHUB_TOKEN"  # noqa: S105
"""GitHub token of any use."""


def read_variable(name: str) -> str:
    """Return an environment variable without white space around it; empty where it is not set."""
    return os.environ.get(name, "").strip()


def folder(configured: str, variable: str, field: str) -> Path:
    """Return a folder from the run configuration, else from the environment.

    Resolved here rather than by ``dagster.EnvVar``, which answers a missing variable with sixty
    lines of stack trace before a run exists.

    Parameters
    ----------
    configured : str
        The resource field; empty where the configuration leaves it open.
    variable : str
        Name of the environment variable.
    field : str
        Where the configuration would name it, for the error.

    Raises
    ------
    IchError
        If neither names a folder.
    """
    text = configured.strip() or read_variable(variable)
    if not text:
        raise IchError(
            f"{variable} is not set",
            remedy=f"set the environment variable {variable}, or {field} in the run configuration",
        )
    return Path(text).expanduser().absolute()


def cache_path(configured: str, name: str) -> Path:
    """Return where something is kept that can be made again.

    Parameters
    ----------
    configured : str
        A file or folder; empty for the user's cache.
    name : str
        Its name in the folder ``ich`` below the environment's XDG_CACHE_HOME, else below ~/.cache.
    """
    root = read_variable("XDG_CACHE_HOME") or "~/.cache"
    return Path(configured.strip() or f"{root}/ich/{name}").expanduser().absolute()


def whole_number(configured: int | None, variable: str, most: int) -> int | None:
    """Return a number from the run configuration, else from the environment, else None.

    Parameters
    ----------
    configured : int or None
        From the run configuration; None where it says nothing. It is not checked.
    variable : str
        Name of the environment variable.
    most : int
        Largest value that the variable may have.

    Raises
    ------
    IchError
        If the environment variable is not a whole number from 1 to ``most``.
    """
    text = read_variable(variable)
    if configured is not None or not text:
        return configured
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise IchError(
            f"{variable} is {text!r}", remedy=f"set it to a whole number from 1 to {most}"
        )
    return int(text)


def backend(configured: Backend) -> Backend:
    """Return the back end from the run configuration, or where that says auto, the environment.

    Parameters
    ----------
    configured : str
        The resource field.

    Raises
    ------
    IchError
        If the environment names another one than pytorch or openvino.
    """
    text = read_variable(BACKEND)
    if configured != "auto" or not text:
        return configured
    known: dict[str, Backend] = {name: name for name in get_args(Backend)}
    if text not in known:
        raise IchError(f"{BACKEND} is {text!r}", remedy="set it to auto, pytorch or openvino")
    return known[text]


def github_token() -> tuple[str, str]:
    """Return the GitHub token of the environment, and the variable it comes from.

    Returns
    -------
    token : str
        Empty where no variable is set. It must appear in no log, error or configuration.
    variable : str
        Name of the variable; empty like the token.

    Raises
    ------
    IchError
        If the variable holds what cannot be a token; the error does not show it.
    """
    for variable in (RELEASE_TOKEN, GITHUB_TOKEN):
        token = read_variable(variable)
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise IchError(
                f"{variable} holds characters that no token has",
                remedy="set it to the token alone, or unset it",
            )
        if token:
            return token, variable
    return "", ""
