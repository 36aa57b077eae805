"""What a machine has: each look says it, or what to do."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ich_resources import machine
from ich_resources.errors import IchError


@pytest.fixture
def occupied():
    """A port on which a program listens that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_python_and_memory():
    assert machine.python_version((3, 11, 0)) == "3.11.0"
    with pytest.raises(IchError, match=r"Python 3.9.1 is too old.*make install PYTHON="):
        machine.python_version((3, 9, 1))
    assert machine.memory(8 * 2**30) == "8.0 GB"
    with pytest.raises(IchError, match=r"2.0 GB of memory.* -> use a machine"):
        machine.memory(2 * 2**30)
    assert machine.memory().endswith(" GB")


def test_free_space_of_a_folder_that_is_not_there_yet(tmp_path, monkeypatch):
    assert machine.free_space(tmp_path / "a" / "b", "RUN_ROOT").endswith(" GB free")
    monkeypatch.setattr(machine, "LEAST_FREE", 2**60)
    with pytest.raises(IchError, match=r"on the disk of RUN_ROOT .* -> free") as caught:
        machine.free_space(tmp_path, "RUN_ROOT")
    assert caught.value.code == "DISK"


def test_a_port_is_free_or_ours_or_taken(occupied, monkeypatch):
    monkeypatch.setattr(machine, "_TIMEOUT_S", 0.2)
    with pytest.raises(IchError, match=f"port {occupied} -> end it, or .* PORT={occupied + 1}"):
        machine.webserver_port(occupied)
    with pytest.raises(IchError, match="choose a port from 1024"):
        machine.is_free(2**17)
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert machine.webserver_port(free) == "free"


def test_a_webserver_that_runs_is_no_fault():
    class Dagster(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"dagster_webserver_version":"1.13.27"}')

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Dagster) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        assert machine.webserver_port(server.server_port) == "the webserver answers"
        server.shutdown()


@pytest.mark.parametrize(
    ("flags", "widest"),
    [
        ("fpu avx2 avx512f avx512_bf16 amx_tile amx_bf16", ", AMX"),
        ("fpu avx2 avx512f avx512_bf16", ", AVX-512 with bfloat16"),
        ("fpu avx2 avx512f", ", AVX-512"),
        ("fpu avx2", ", AVX2"),
        ("fpu sse4_2", ""),
    ],
)
def test_the_processor_and_its_widest_instructions(tmp_path, flags, widest):
    cpuinfo = tmp_path / "cpuinfo"
    one = f"processor\t: 0\nmodel name\t: Example 9000 @ 2 GHz\nflags\t\t: {flags}\n\n"
    cpuinfo.write_text(one * 2)
    assert machine.processor(cpuinfo) == f"Example 9000 @ 2 GHz{widest}"


def test_a_system_that_does_not_describe_its_processor(tmp_path):
    assert machine.processor(tmp_path / "none")
