"""``python -m ich_assets.runtime.web dev|webserver``: the commands of Dagster, guarded."""

import sys

from ich_assets.runtime.web.server import MODULE, dev, webserver
from ich_resources.errors import IchError

COMMANDS = {"dev": dev, "webserver": webserver}


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names, with the other arguments."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        sys.exit(f"usage: python -m {MODULE} dev|webserver [options of Dagster's command]")
    try:
        command(arguments[1:])
    except IchError as err:
        sys.exit(str(err))


if __name__ == "__main__":
    main(sys.argv[1:])
