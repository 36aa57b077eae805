"""The image's health check: asks the server that runs here. A batch is healthy while it runs."""

import subprocess
import sys
import urllib.request
from pathlib import Path

CHECKS = {
    "dagster api grpc": ["dagster", "api", "grpc-health-check", "-p", "4000"],
    "dagster-daemon": ["dagster-daemon", "liveness-check"],
    "ich_resources.receiver": [sys.executable, "-m", "ich_resources.receiver.health"],
}
"""What asks a server, by a part of the command that started it."""


def main() -> int:
    """Return 0 where the server of this container answers as it should."""
    command = Path("/proc/1/cmdline").read_text().replace("\0", " ")
    if "dagster-webserver" in command:
        with urllib.request.urlopen("http://127.0.0.1:3000/server_info", timeout=10) as answer:
            return int(answer.status != 200)
    for part, check in CHECKS.items():
        if part in command:
            return subprocess.call(check)  # noqa: S603 - one of the fixed commands above
    return 0


if __name__ == "__main__":
    sys.exit(main())
