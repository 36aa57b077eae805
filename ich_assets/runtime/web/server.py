"""Starts Dagster's webserver behind the guard, and ``dagster dev`` with that webserver.

Dagster has no setting for this. So one function of its command line is replaced by one that puts
the guard around the application. ``tests/ich_assets/dagster_private`` names what is used.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from ich_assets.runtime.web.guard import Guard
from ich_assets.runtime.web.hosts import AllowedHosts
from ich_assets.runtime.web.reloading import CodeServerWatch
from ich_resources.errors import IchError

_MAKES_APPLICATION = "create_app_from_workspace_process_context"
_STARTS_CHILD = "open_ipc_subprocess"
MODULE = "ich_assets.runtime.web"
_WEBSERVER = ["-m", "dagster_webserver"]
_DAEMON = ["-m", "dagster._daemon"]
_UNGUARDED = "this version of Dagster starts its webserver in another way, without our guard"
_REMEDY = "install the version of constraints.txt"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def webserver(arguments: Sequence[str]) -> None:
    """Run ``dagster-webserver`` with these arguments, behind the guard.

    Raises
    ------
    IchError
        If UI_HOSTS is wrong, or Dagster is another version than the one that is known here.
    """
    from dagster_webserver import cli

    make = getattr(cli, _MAKES_APPLICATION, None)
    if make is None:
        raise IchError(_UNGUARDED, remedy=_REMEDY)
    allowed = AllowedHosts.from_environment()

    def guarded(context: Any, path_prefix: str = "", *others: Any, **options: Any) -> Guard:
        return Guard(make(context, path_prefix, *others, **options), allowed, path_prefix)

    setattr(cli, _MAKES_APPLICATION, guarded)
    sys.argv = ["dagster-webserver", *arguments]
    cli.main()


def dev(arguments: Sequence[str]) -> None:
    """Run ``dagster dev`` with these arguments: daemon, code server, and the guarded webserver.

    It ends at SIGINT and at SIGTERM, also where it was started in the background by a shell that
    ignores SIGINT for it.

    Raises
    ------
    IchError
        If UI_HOSTS is wrong, the port is in use, Dagster is another version than the one that is
        known here, or webserver or daemon end by themselves.
    """
    from dagster._cli import dev as dagster_dev

    AllowedHosts.from_environment()
    start = getattr(dagster_dev, _STARTS_CHILD, None)
    if start is None:
        raise IchError(_UNGUARDED, remedy=_REMEDY)
    given = dagster_dev.dev_command.make_context(
        "dagster dev", list(arguments), resilient_parsing=True
    ).params
    host, port = given["host"] or "127.0.0.1", given["port"] or "3000"
    _require_free_port(host, port)
    children: dict[str, subprocess.Popen[bytes]] = {}

    def starting(parts: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        python, *module = parts[:3]
        if module not in (_WEBSERVER, _DAEMON):
            raise IchError(_UNGUARDED, remedy=_REMEDY)
        if module == _WEBSERVER:
            parts = [python, "-m", MODULE, "webserver", *parts[3:]]
        child = start(parts, **options)
        children["webserver" if module == _WEBSERVER else "daemon"] = child
        return child

    setattr(dagster_dev, _STARTS_CHILD, starting)
    interrupted = _end_at_interrupts()
    status: str | int | None = None
    watch = CodeServerWatch(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}")  # noqa: S104
    watch.start()
    try:
        dagster_dev.dev_command.main(
            list(arguments), prog_name="dagster dev", auto_envvar_prefix="DAGSTER_CLI_DEV"
        )
    except SystemExit as end:
        status = end.code
    finally:
        watch.end()
    if status:
        sys.exit(status)
    if not interrupted:
        ended = [f"{name} (status {child.returncode})" for name, child in children.items()]
        raise IchError(
            f"Dagster has ended by itself: {', '.join(ended)}", remedy="see the lines above"
        )


def _end_at_interrupts() -> list[int]:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM; return the list of those that come.

    Dagster gives SIGTERM the handler of SIGINT. In the background of a script that is "ignore".
    A second SIGTERM, which make adds where its whole group gets one, does not disturb the end.
    """
    came: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1 or number == signal.SIGINT:
            raise KeyboardInterrupt

    for number in _INTERRUPTS:
        signal.signal(number, end)
    return came


def _require_free_port(host: str, port: str) -> None:
    try:
        places = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = places[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except (OSError, OverflowError, ValueError) as err:
        why = getattr(err, "strerror", None) or str(err)
        raise IchError(
            f"the webserver cannot listen on {host}, port {port} ({why})",
            remedy="choose another port: make ui PORT=3001",
        ) from err
