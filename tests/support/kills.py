"""Kill -9 of one part of live operation: a run, the daemon, the webserver, the code server, all."""

from contextlib import suppress

import psutil
from live import Webserver

PARTS = ("run", "daemon", "webserver", "code server", "all")
_WORDS = {
    "run": "multiprocessing.spawn",
    "daemon": "dagster._daemon",
    "webserver": "ich_assets.runtime.web webserver",
    "code server": "dagster api grpc",
}


def find_part(server: Webserver, part: str) -> list[psutil.Process]:
    """Return the processes of one part that are alive; of a run, those that work for it too."""
    family = [psutil.Process(server.process.pid)]
    with suppress(psutil.NoSuchProcess):
        family += family[0].children(recursive=True)
    if part == "all":
        return family
    found = [process for process in family if _WORDS[part] in _command(process)]
    if part == "run":
        found = [p for p in found if _WORDS["code server"] in _command(p.parent())]
        found += [child for p in found for child in p.children(recursive=True)]
    return found


def _command(process: psutil.Process | None) -> str:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline()) if process else ""
    return ""
