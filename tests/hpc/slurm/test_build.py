"""build_container.sh with a tiny Docker image: from a file, and from a registry."""

import hashlib
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from apptainer_image import require_apptainer
from live import ROOT
from page_commands import blocks
from slurm_cluster import User

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

SHELL = {
    "bin/sh": "/bin/dash",
    "lib64/ld-linux-x86-64.so.2": "/lib64/ld-linux-x86-64.so.2",
    "lib/x86_64-linux-gnu/libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6",
}
"""All that an image needs to say something."""


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class DockerImage:
    """One layer, and what describes it."""

    layer: bytes
    config: bytes

    def save(self, path: Path) -> None:
        """Write what ``docker save`` writes."""
        manifest = [{"Config": "config.json", "RepoTags": ["ich:latest"], "Layers": ["layer.tar"]}]
        files = {"config.json": self.config, "layer.tar": self.layer}
        files["manifest.json"] = json.dumps(manifest).encode()
        path.write_bytes(tarred(files))

    @contextmanager
    def registry(self) -> Iterator[int]:
        """Serve it as a registry does; yield the port."""
        types = "application/vnd.docker."
        blobs = {digest(content): content for content in (self.config, self.layer)}
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{types}distribution.manifest.v2+json",
                "config": {
                    "mediaType": f"{types}container.image.v1+json",
                    "size": len(self.config),
                    "digest": digest(self.config),
                },
                "layers": [
                    {
                        "mediaType": f"{types}image.rootfs.diff.tar",
                        "size": len(self.layer),
                        "digest": digest(self.layer),
                    }
                ],
            }
        ).encode()

        class Registry(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                body = blobs.get(name, manifest if "/manifests/" in self.path else b"{}")
                kind = f"{types}distribution.manifest.v2+json" if body is manifest else "x/y"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", digest(body))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield server.server_port
            finally:
                server.shutdown()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def docker_image() -> DockerImage:
    require_apptainer()
    layer = tarred({name: Path(path).read_bytes() for name, path in SHELL.items()})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin", "FROM_DOCKER=yes"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    }
    return DockerImage(layer, json.dumps(config).encode())


def variables_of(user: User) -> dict[str, str]:
    """Where Apptainer may put what it works on."""
    return {"APPTAINER_CACHEDIR": f"{user.folder}/c", "APPTAINER_TMPDIR": str(user.folder)}


def build(user: User, *arguments: str, check: bool = True, **variables: str):
    script = str(ROOT / "singularity" / "build_container.sh")
    return user.run("bash", script, *arguments, check=check, **variables, **variables_of(user))


def test_an_image_from_a_file(user, docker_image):
    docker_image.save(user.folder / "saved, of: docker.tar")
    output = user.folder / "from a file.sif"
    build(user, "--tar", "saved, of: docker.tar", "--output", "from a file.sif")
    command = ["singularity", "exec", "--no-home", str(output), "/bin/sh", "-c"]
    assert user.run(*command, "echo docker $FROM_DOCKER").stdout == "docker yes\n"
    again = build(user, "--tar", "saved, of: docker.tar", "--output", str(output), check=False)
    assert again.returncode == 2
    assert "add --force to replace it" in again.stderr
    build(user, "--tar", "saved, of: docker.tar", "--output", str(output), "--force")


def test_an_image_from_a_registry(user, docker_image):
    with docker_image.registry() as port:
        where = {"IMAGE": f"docker://127.0.0.1:{port}/ich:latest", "APPTAINER_NOHTTPS": "1"}
        build(user, "--output", "pulled.sif", **where)
    command = ["singularity", "exec", "--no-home", f"{user.folder}/pulled.sif", "/bin/sh", "-c"]
    assert user.run(*command, "echo docker $FROM_DOCKER").stdout == "docker yes\n"


CHECKOUT = ("pyproject.toml", "README.md", "constraints.txt", "ich_*", "singularity")
"""What the image is built from."""


def test_the_commands_of_the_page(user, sif, docker_image):
    """Each makes the image where the scripts look for it."""
    folder = user.folder / "checkout"
    folder.mkdir()
    subprocess.run(f"cp -r {' '.join(CHECKOUT)} '{folder}'", shell=True, cwd=ROOT, check=True)
    docker_image.save(folder / "ich.tar")
    user.owns(folder)
    image = folder / "singularity" / "ich.sif"
    (typed,) = [block for block in blocks("slurm.md") if "build_container.sh" in block]
    with docker_image.registry() as port:
        for line in typed.replace("registry.example.org", f"127.0.0.1:{port}").splitlines():
            done = user.run(
                *("bash", "-c", f"cd '{folder}'\n{line}"),
                **variables_of(user),
                APPTAINER_NOHTTPS="1",
                BASE=str(user.folder / "base.sif"),
                PIP_OPTIONS="--no-deps",
            )
            assert done.stdout.endswith(f"made {image}\n")
            if "--fakeroot" in line:
                assert user.run("singularity", "test", str(image)).stdout.startswith("ich ")
            else:
                command = ["singularity", "exec", "--no-home", str(image), "/bin/sh", "-c"]
                assert user.run(*command, "echo docker $FROM_DOCKER").stdout == "docker yes\n"
            image.unlink()
    assert len(typed.splitlines()) == 3


def test_the_def_is_built_through_sudo(user, sif):
    """By one that writes down what it is asked and grants nothing: Apptainer fakes root then."""
    asked, sudo = user.folder / "asked", user.folder / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text(f'#!/bin/sh\necho "$*" >>"{asked}"\nexec "$@"\n')
    sudo.chmod(0o755)
    image = user.folder / "through sudo.sif"
    variables = {"BASE": str(user.folder / "base.sif"), "PIP_OPTIONS": "--no-deps"}
    path = f"{sudo.parent}:{user.environ()['PATH']}"
    build(user, "--sudo", "--output", str(image), PATH=path, **variables)
    (command,) = asked.read_text().splitlines()
    assert " build " in command
    assert "--fakeroot" not in command
    assert command.endswith(f"{image} singularity/ich.def")
    assert user.run("singularity", "test", str(image)).stdout.startswith("ich ")


@pytest.mark.parametrize(
    ("arguments", "variables", "line"),
    [
        ([], {}, "set IMAGE to the Docker image"),
        (["--tar", "/no/such.tar"], {}, "cannot read the file /no/such.tar"),
        (
            ["--fakeroot"],
            {"BASE": "/no/such.sif"},
            "BASE is neither docker://... nor an existing file",
        ),
        (["--fast"], {}, "unknown option --fast (see --help)"),
    ],
)
def test_what_is_wrong_is_named(user, docker_image, arguments, variables, line):
    done = build(user, *arguments, "--output", "none.sif", check=False, **variables)
    assert (done.returncode, line in done.stderr) == (2, True), done.stderr
