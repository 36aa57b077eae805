"""The settings of the monitor, from the environment."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ich_resources.environment import (
    DICOM_INBOX,
    HOOK_COMMAND,
    HOOK_RETRY_SECONDS,
    HOOK_THRESHOLD,
    HOOK_TOKEN,
    HOOK_URL,
    MONITOR_CODE_SERVER,
    MONITOR_FREE_GB,
    MONITOR_HOST,
    MONITOR_PORT,
    MONITOR_RECEIVER,
    MONITOR_STALLED_SECONDS,
    MONITOR_WAITING_SECONDS,
    MONITOR_WEBSERVER,
    RECEIVE_AE_TITLE,
    RECEIVE_CALLERS,
    RECEIVE_TLS_CERTIFICATE,
    RUN_ROOT,
    folder,
    read_variable,
    whole_number,
)
from ich_resources.errors import IchError

HOST, PORT = "127.0.0.1", 9808
"""Where nothing is set."""
OFF = "off"


@dataclass(frozen=True)
class Address:
    """Host and port of a server."""

    host: str
    port: int


@dataclass(frozen=True)
class ReceiverSettings:
    """The receiver to ask: its address, its AE title, whose title to call it by, its TLS."""

    address: Address
    ae_title: str
    caller: str
    tls: bool


@dataclass(frozen=True)
class Hooks:
    """Who is told, and of what.

    Attributes
    ----------
    command : tuple of str
        A program and its arguments; empty: none.
    url : str
        A webhook; empty: none.
    token : str
        Sent to the webhook as bearer; empty: none. It must appear in no log.
    threshold : float or None
        Results with this P(any) or a higher one are told; None: no result is told.
    retry_s : float
        Seconds before the second attempt.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    token: str = ""
    threshold: float | None = None
    retry_s: float = 10.0


@dataclass(frozen=True)
class Settings:
    """How the monitor runs.

    Attributes
    ----------
    run_root : Path
        The folder for results; its inbox is watched.
    host, port : str, int
        Where metrics and health are served.
    webserver : str
        URL of Dagster's webserver; empty: not asked.
    code_server : Address or None
        Dagster's code server; None: asked for through the webserver alone.
    receiver : ReceiverSettings or None
        None: not asked.
    disks : dict of str to Path
        Folders whose disks are watched, by name.
    stalled_s, waiting_s : float
        Seconds without the end of a tick, and of the oldest waiting series, that are too many.
    free_bytes : int
        Fewer free bytes than these are too few.
    hooks : Hooks
        Who is told.
    """

    run_root: Path
    host: str
    port: int
    webserver: str
    code_server: Address | None
    receiver: ReceiverSettings | None
    disks: dict[str, Path]
    stalled_s: float
    waiting_s: float
    free_bytes: int
    hooks: Hooks


def settings() -> Settings:
    """Return the settings.

    Raises
    ------
    IchError
        If one is missing or wrong.
    """
    run_root = folder("", RUN_ROOT, "the environment")
    disks = {"run_root": run_root}
    for name, variable in (("inbox", DICOM_INBOX), ("dagster_home", "DAGSTER_HOME")):
        if read_variable(variable):
            disks[name] = Path(read_variable(variable)).expanduser().absolute()
    return Settings(
        run_root=run_root,
        host=read_variable(MONITOR_HOST) or HOST,
        port=whole_number(None, MONITOR_PORT, 65535) or PORT,
        webserver=_webserver(),
        code_server=_address(MONITOR_CODE_SERVER),
        receiver=_receiver(),
        disks=disks,
        stalled_s=_number(MONITOR_STALLED_SECONDS, 300.0),
        waiting_s=_number(MONITOR_WAITING_SECONDS, 1800.0),
        free_bytes=int(_number(MONITOR_FREE_GB, 5.0) * 1e9),
        hooks=_hooks(),
    )


def _number(variable: str, default: float, allowed: Callable[[float], bool] | None = None) -> float:
    """Return a number of the environment, or the default.

    Raises
    ------
    IchError
        If it is not a number, or not one that is allowed: a positive one, where nothing is said.
    """
    text = read_variable(variable)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    fits = allowed or (lambda number: 0 < number < float("inf"))
    if not fits(value):
        raise IchError(f"{variable} is {text!r}", remedy=f"set it to a number, such as {default:g}")
    return value


def _webserver() -> str:
    text = read_variable(MONITOR_WEBSERVER) or f"http://{HOST}:3000"
    return "" if text == OFF else _url(text, MONITOR_WEBSERVER).rstrip("/")


def _url(text: str, variable: str) -> str:
    """Return a URL.

    Raises
    ------
    IchError
        If it is none; the error does not show it, since it may hold a secret.
    """
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return text
    except ValueError:
        pass
    raise IchError(f"{variable} is not a URL", remedy="write it as https://host:port/path")


def _address(variable: str) -> Address | None:
    """Return a host and port of the environment, None if it is not set.

    Raises
    ------
    IchError
        If it is neither.
    """
    text = read_variable(variable)
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise IchError(f"{variable} is {text!r}", remedy="write it as host:port")
    return Address(host.strip("[]"), int(port))


def _receiver() -> ReceiverSettings | None:
    address = _address(MONITOR_RECEIVER)
    if address is None:
        return None
    return ReceiverSettings(
        address,
        read_variable(RECEIVE_AE_TITLE) or "ICH",
        read_variable(RECEIVE_CALLERS).partition(",")[0].strip(),
        tls=bool(read_variable(RECEIVE_TLS_CERTIFICATE)),
    )


def _hooks() -> Hooks:
    """Return who is told.

    Raises
    ------
    IchError
        If the command cannot be split into words, the URL is none, or the threshold is not a
        probability.
    """
    try:
        command = tuple(shlex.split(read_variable(HOOK_COMMAND)))
    except ValueError as err:
        raise IchError(
            f"{HOOK_COMMAND} cannot be read: {err}", remedy="close its quotation marks"
        ) from err
    threshold = None
    if read_variable(HOOK_THRESHOLD):
        threshold = _number(HOOK_THRESHOLD, 0.5, lambda number: 0 <= number <= 1)
    return Hooks(
        command=command,
        url=_url(read_variable(HOOK_URL), HOOK_URL) if read_variable(HOOK_URL) else "",
        token=read_variable(HOOK_TOKEN),
        threshold=threshold,
        retry_s=_number(HOOK_RETRY_SECONDS, 10.0),
    )
