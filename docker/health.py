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


PAGES = {
    "ich_assets.runtime.web": "http://127.0.0.1:3000/server_info",
    "ich_resources.monitor": "http://127.0.0.1:9808/metrics",
}
"""The page that a server answers with, by a part of its command. The monitor is healthy while it
answers, whatever it says of the other services.
"""


def main() -> int:
    """Return 0 if the server of this container answers as it should."""
    command = Path("/proc/1/cmdline").read_text().replace("\0", " ")
    for part, url in PAGES.items():
        if part in command:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - one of the fixed pages
                return int(answer.status != 200)
    for part, check in CHECKS.items():
        if part in command:
            return subprocess.call(check)  # noqa: S603 - one of the fixed commands above
    return 0


if __name__ == "__main__":
    sys.exit(main())
