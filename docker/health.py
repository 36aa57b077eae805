"""The health check of the image asks the server in this container. A batch is always healthy."""

import subprocess
import sys
import urllib.request
from pathlib import Path

CHECKS = {
    "dagster api grpc": ["dagster", "api", "grpc-health-check", "-p", "4000"],
    "dagster-daemon": ["dagster-daemon", "liveness-check"],
    "ich_resources.receiver": [sys.executable, "-m", "ich_resources.receiver.health"],
}
"""The command that asks a server. The key is a part of the command that started the server."""


def main() -> int:
    """Return 0 if the server of this container answers as it should."""
    command = Path("/proc/1/cmdline").read_text().replace("\0", " ")
    if "ich_assets.runtime.web" in command:
        with urllib.request.urlopen("http://127.0.0.1:3000/server_info", timeout=10) as answer:
            return int(answer.status != 200)
    for part, check in CHECKS.items():
        if part in command:
            return subprocess.call(check)  # noqa: S603 - one of the fixed commands above
    return 0


if __name__ == "__main__":
    sys.exit(main())
