"""The image's health check: asks the server that runs here; a batch is healthy while it runs."""

import subprocess
import sys
import urllib.request
from pathlib import Path


def main() -> int:
    """Return 0 where the server of this container answers as it should."""
    command = Path("/proc/1/cmdline").read_bytes().split(b"\0")
    if b"dagster-webserver" in command:
        with urllib.request.urlopen("http://127.0.0.1:3000/server_info", timeout=10) as answer:
            return int(answer.status != 200)
    if b"grpc" in command:
        return subprocess.call(["dagster", "api", "grpc-health-check", "-p", "4000"])
    if b"dagster-daemon" in command:
        return subprocess.call(["dagster-daemon", "liveness-check"])
    if b"ich_resources.receiver" in command:
        return subprocess.call([sys.executable, "-m", "pynetdicom", "echoscu", "127.0.0.1", "11112"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
