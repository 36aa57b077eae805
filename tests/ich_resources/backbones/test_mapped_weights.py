"""Mapped pages that are given back: they leave memory, and are read again as they were."""

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from ich_resources.backbones import mapped_weights
from ich_resources.backbones.mapped_weights import forget_freed, forget_pages

SIZE = 4 << 20
linux = pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells of pages")


def resident(path: Path) -> int:
    """Bytes of a mapped file that are in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("Rss:"))
    return 0


@linux
@pytest.mark.parametrize("name", ["weights.bin", "weights of a network.bin"])
def test_the_pages_go_and_come_back(tmp_path, name):
    path, content = tmp_path / name, bytes(range(256)) * (SIZE // 256)
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == content
        assert resident(path) == SIZE
        assert forget_pages(path) == SIZE
        assert resident(path) == 0
        assert mapped[:] == content
        assert forget_pages(tmp_path / "another") == 0


@linux
def test_pages_that_could_hold_changes_stay(tmp_path):
    path = tmp_path / "changed"
    path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[0] = 1
        assert forget_pages(path) == 0
        assert mapped[0] == 1


def test_a_system_that_lists_no_mappings(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_weights, "_MAPS", tmp_path / "none")
    assert forget_pages(tmp_path) == 0


@linux
def test_freed_memory_leaves_the_process():
    def anonymous() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) * 1024

    forget_freed()
    blocks = [bytes(100_000) for _ in range(1_000)]  # too small for mappings of their own
    last = bytes(100_000)
    full = anonymous()
    del blocks
    forget_freed()
    assert anonymous() < full - 50_000_000
    assert last


@pytest.mark.parametrize(("left", "said"), [("[]", "freed\n"), ("[network]", "")])
def test_what_is_left_to_the_kernel_is_not_freed_when_python_ends(left, said):
    script = (
        "import sys; from ich_resources.backbones.mapped_weights import leave_to_kernel\n"
        "class Network:\n"
        "    def __del__(self): print('freed')\n"
        "network = Network()\n"
        f"leave_to_kernel({left})\n"
        "sys.exit(3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, said, "")
