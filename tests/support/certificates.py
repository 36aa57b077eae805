"""Throw-away certificates: an authority, and what it signs."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engines import engine_is_missing


@dataclass(frozen=True)
class Pair:
    """Files (PEM) of a certificate and its key."""

    certificate: Path
    key: Path


def _openssl(*arguments: object) -> None:
    if not shutil.which("openssl"):
        engine_is_missing("no openssl here to make a certificate: tests/hpc/install_services.sh")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(folder: Path, name: str) -> Pair:
    """Make an authority."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / "ca.pem", folder / "ca.key")
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
        *(
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            pair.key,
            "-out",
            pair.certificate,
        ),
    )
    return pair


def signed(ca: Pair, folder: Path, name: str) -> Pair:
    """Make a certificate for a host name or an address, signed by an authority."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    kind = "IP" if name[0].isdecimal() else "DNS"
    extensions.write_text(f"subjectAltName={kind}:{name}\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", pair.key, "-out", request),
    )
    _openssl(
        *("x509", "-req", "-in", request, "-days", "2", "-CA", ca.certificate, "-CAkey", ca.key),
        *("-CAcreateserial", "-extfile", extensions, "-out", pair.certificate),
    )
    return pair
