"""Measure the predictions without Dagster, for each back end and precision.

Each variant runs in its own process. Imports and the conversion of networks are not measured.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import processes

from ich_resources.inference.resource import NetworksResource
from ich_resources.preprocessing import centre_crop
from ich_resources.series_images import SeriesImages

CPU: dict[str, dict[str, str]] = {
    "PyTorch float32": {"backend": "pytorch"},
    "OpenVINO float32": {"backend": "openvino"},
    "OpenVINO bfloat16": {"backend": "openvino", "precision": "bfloat16"},
}
CUDA: dict[str, dict[str, str]] = {
    "PyTorch float32": {},
    "PyTorch bfloat16": {"precision": "bfloat16"},
    "PyTorch float16": {"precision": "float16"},
}


def variants() -> dict[str, dict[str, str]]:
    """Return the configurations that this machine can run, by name."""
    import torch

    if torch.cuda.is_available():
        return {name: {"device": "cuda"} | fields for name, fields in CUDA.items()}
    found = {name: {"device": "cpu"} | fields for name, fields in CPU.items()}
    return {name: fields for name, fields in found.items() if "precision" not in fields or half()}


def half() -> bool:
    """Return whether this processor has the arithmetic of bfloat16."""
    from ich_resources.backbones.compiled import computes

    return computes("bfloat16")


def images(folder: Path) -> SeriesImages:
    """Read windowed slices (PNG) and cut them to the project's crops."""
    paths = sorted(folder.glob("*.png"))
    crops = np.stack([centre_crop(cv2.imread(str(path), 0)) for path in paths])
    return SeriesImages(tuple(path.stem for path in paths), crops)


def ours(
    models: Path, folds: int, folder: Path, fields: dict[str, str]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Score slices as the project does; return seconds, and probabilities by backbone."""
    from ich_resources.backbones.compiled import CompiledNetwork

    networks = NetworksResource(model_dir=str(models), max_folds_per_backbone=folds, **fields)
    files = {backbone: networks.checkpoints(backbone) for backbone in networks.chosen}
    found, loading = {}, 0.0
    started = time.perf_counter()
    slices = images(folder)
    for backbone in networks.chosen:
        begun = time.perf_counter()
        loaded = networks.runner.load(files[backbone])
        for fold in loaded:
            if isinstance(fold.network, CompiledNetwork):
                fold.network.prepare(fold.file.input_size)
        loading += time.perf_counter() - begun
        found[backbone.name] = networks.runner.predict(loaded, slices).probabilities
    return {"seconds": time.perf_counter() - started - loading, "loading": loading}, found


def measure(
    folder: Path, models: Path, folds: int, expected: Mapping[str, Any], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Run every variant, each in its own process.

    Run a batch first: it converts the networks, and the conversion must not be measured here.

    Parameters
    ----------
    folder : Path
        Folder with windowed slices as PNG.
    models : Path
        Folder that holds ``2DNet``.
    folds : int
        Number of folds of each backbone.
    expected : mapping of str to float array, shape (folds, N, 6)
        What the reference's loop found, by backbone.
    names : sequence of str
        The variants.

    Returns
    -------
    list of dict
        One row for each variant: its name, seconds without loading, seconds of loading, largest
        difference from the reference's loop, and peak memory in MB.
    """
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            answer = Path(scratch) / "answer.npz"
            command = [sys.executable, __file__, name, str(folder), str(models), str(folds)]
            taken = processes.run([*command, str(answer)], os.environ)
            found = np.load(answer)
            pairs = [(found[key].mean(0), expected[key].mean(0)) for key in found]
            row = json.loads(taken.output.splitlines()[-1]) | {"peak_mb": taken.peak_mb}
            row["largest_difference"] = float(max(np.abs(a - b).max() for a, b in pairs))
            rows.append({"what": name, **row})
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure one variant, or name the cards and variants of this machine; print JSON."""
    if sys.argv[1:] == ["names"]:
        import torch

        cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        print(json.dumps({"cards": cards, "variants": list(variants())}))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=list(variants()))
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("folds", type=int)
    parser.add_argument("answer", type=Path)
    given = parser.parse_args()
    row, found = ours(given.models, given.folds, given.folder, variants()[given.variant])
    np.savez(given.answer, **found)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
