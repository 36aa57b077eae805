"""``python -m ich_assets.doctor``: what this machine and this environment lack, with remedies.

It only looks, but for a file that it writes below RUN_ROOT and removes.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import dagster as dg

from ich_assets.sensors.live_config import configured, live_config
from ich_assets.sensors.ready import Check, checks
from ich_resources.dicom.codecs import codecs
from ich_resources.environment import DICOM_INBOX, DICOM_INPUT, MODEL_DIR, RUN_ROOT, read_variable
from ich_resources.errors import IchError
from ich_resources.inbox.index import InboxIndex
from ich_resources.inference.resource import NetworksResource
from ich_resources.machine import free_space, memory, python_version, webserver_port
from ich_resources.plain_text import one_line
from ich_resources.receiver.health import state_of_port
from ich_resources.storage.files import require_writable
from ich_resources.storage.resource import StorageResource

DEMO_NEEDS_NONE = "not set; make demo and make ui need none"


def every_check(instance: dg.DagsterInstance) -> Iterator[Check]:
    """Yield every check: of the machine, the folders, Dagster, and live operation.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        That of DAGSTER_HOME.

    Raises
    ------
    IchError
        If LIVE_CONFIG cannot be read, after the checks that do not need it.
    """
    home, port = Path(instance.root_directory), int(os.environ.get("PORT") or 3000)
    yield Check("Python", python_version)
    yield Check("memory", memory)
    yield Check("codecs", codecs)
    yield Check("DAGSTER_HOME", lambda: f"{home}, {free_space(home, 'DAGSTER_HOME')}")
    yield Check(DICOM_INPUT, lambda: _folder(DICOM_INPUT))
    yield Check(RUN_ROOT, lambda: _if_set(RUN_ROOT, _run_root))
    yield Check("port of the webserver", lambda: f"{port}: {webserver_port(port)}")
    yield Check("port of the receiver", lambda: _if_set(DICOM_INBOX, state_of_port))
    for check in checks(instance):
        variable = {"inbox": DICOM_INBOX, "checkpoints": MODEL_DIR}.get(check.name, "")
        yield Check(check.name, partial(_if_set, variable, check.look))
    networks = configured(NetworksResource(), "networks", live_config())
    yield Check("device in use", lambda: networks.runner.device_name())


def _if_set(variable: str, look: Callable[[], object]) -> object:
    """Look at what a variable of the environment names, if it is set or none is needed."""
    if variable and not read_variable(variable):
        return f"{variable} is {DEMO_NEEDS_NONE}"
    return look()


def _folder(variable: str) -> str:
    path = read_variable(variable)
    if path and not Path(path).expanduser().is_dir():
        raise IchError(
            "this folder does not exist", path=path, remedy=f"make it, or set {variable}"
        )
    return path or f"{variable} is {DEMO_NEEDS_NONE}"


def _run_root() -> str:
    """Look whether RUN_ROOT can be written, and whether its index of the inbox is whole."""
    layout = StorageResource().layout
    free = free_space(layout.run_root, RUN_ROOT)
    require_writable(layout.run_root)
    if layout.inbox_index.is_file():
        with InboxIndex.open(layout.inbox_index) as index:
            index.states()
    return f"{layout.run_root}, {free}"


def lines(checks_to_make: Iterable[Check]) -> Iterator[tuple[bool, str]]:
    """Yield whether each check is passed, and its line.

    Parameters
    ----------
    checks_to_make : iterable of Check
        In their order.
    """
    to_make = iter(checks_to_make)
    while True:
        name = "LIVE_CONFIG"
        try:
            check = next(to_make)
            name = check.name
            found = check.look()
        except StopIteration:
            return
        except (IchError, OSError) as err:
            yield False, f"!   {name}: {one_line(str(err))}"
        else:
            text = one_line(str(found)).removeprefix(f"{name} is ") if found else ""
            yield True, f"ok  {name}" + (f": {text}" if text else "")


def main() -> int:
    """Print a line for each check; return 1 if something is wrong, else 0."""
    passed = True
    with dg.DagsterInstance.get() as instance:
        for is_passed, line in lines(every_check(instance)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            passed = passed and is_passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
