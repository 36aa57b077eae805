"""Measure the resources without Dagster, compared with the reference's loop.

The baseline is the reference's loop. It takes one checkpoint after the other, in batches of 16. It
reads and resizes every slice image for every checkpoint, and uses eager PyTorch in float32. Each
variant runs in its own process. Imports and the conversion of networks are not measured.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ich_resources.backbones.loading import load_folds
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.preprocessing import centre_crop, network_input
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesImages
from ich_resources.worth import BANNERS

BATCH = 16
SALIENCY_SIZE = 224
"""Edge of the saliency input in pixels, as in the reference's runners."""
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
    if torch.cuda.is_available():
        return {name: {"device": "cuda"} | fields for name, fields in CUDA.items()}
    return {name: {"device": "cpu"} | fields for name, fields in CPU.items()}


def images(folder: Path) -> SeriesImages:
    """Read windowed slices (PNG) and cut them to the project's crops."""
    paths = sorted(folder.glob("*.png"))
    crops = np.stack([centre_crop(cv2.imread(str(path), 0)) for path in paths])
    return SeriesImages(tuple(path.stem for path in paths), crops)


def baseline(models: Path, folds: int, folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Score slices as the reference does; return seconds and probabilities."""
    networks = NetworksResource(model_dir=str(models), max_folds_per_backbone=folds)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    paths = sorted(folder.glob("*.png"))
    found, loading = {}, 0.0
    files = {backbone: networks.checkpoints(backbone) for backbone in networks.chosen}
    started = time.perf_counter()
    for backbone in networks.chosen:
        scored = []
        for file in files[backbone]:
            begun = time.perf_counter()
            (fold,) = load_folds([file], device)
            network = fold.network.to(memory_format=torch.contiguous_format)
            loading += time.perf_counter() - begun
            parts = []
            for start in range(0, len(paths), BATCH):
                batch = [
                    network_input(
                        centre_crop(cv2.imread(str(path), 0))[None],
                        slice(0, 1),
                        backbone.input_size,
                        "replicated",
                    )
                    for path in paths[start : start + BATCH]
                ]
                with torch.no_grad():
                    x = torch.from_numpy(np.concatenate(batch)).to(device)
                    parts.append(torch.sigmoid(network(x)).cpu().numpy())
            scored.append(np.concatenate(parts))
        found[backbone.name] = np.stack(scored)
    return {"seconds": time.perf_counter() - started, "of_it_loading": loading}, found


def ours(
    models: Path, folds: int, folder: Path, fields: dict[str, str]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Score slices as the project does; return seconds and probabilities."""
    networks = NetworksResource(model_dir=str(models), max_folds_per_backbone=folds, **fields)
    slices = images(folder)
    files = {backbone: networks.checkpoints(backbone) for backbone in networks.chosen}
    found, loading = {}, 0.0
    started = time.perf_counter()
    for backbone in networks.chosen:
        begun = time.perf_counter()
        loaded = networks.load(files[backbone])
        loading += time.perf_counter() - begun
        found[backbone.name] = networks.predict(loaded, slices).probabilities
    return {"seconds": time.perf_counter() - started, "of_it_loading": loading}, found


def explain(models: Path, folder: Path, fields: dict[str, str]) -> dict[str, float]:
    """Return the seconds that the saliency maps of all slices and their panels take."""
    networks = NetworksResource(model_dir=str(models), **fields)
    saliency, panels = SaliencyResource(image_size_override=SALIENCY_SIZE), PanelsResource()
    slices = images(folder)
    files = [networks.checkpoint(backbone, 0) for backbone in networks.chosen]
    loaded = networks.load(files, precision="float32")
    wanted = range(len(slices.crops))
    list(saliency.explain(loaded, slices, range(1), "replicated"))  # the first call compiles
    started = time.perf_counter()
    maps = list(saliency.explain(loaded, slices, wanted, "replicated"))
    explained = time.perf_counter() - started
    words = {"series_uid": "1.2", "study_uid": "1.1", "slice_count": len(maps), "mode": "ensemble"}
    words |= {"method": "gradcampp", "saliency_source": "ensemble", "bar_source": "ensemble"}

    def each(indices: range) -> Any:
        for index in indices:
            yield (
                index,
                panels.panel(
                    slices.crops[index],
                    maps[index].slice_map,
                    np.full(len(CLASSES), 0.5, np.float32),
                    sop_uid=f"1.2.{index}",
                    slice_index=index,
                    slice_context="replicated",
                    target_class=CLASSES[maps[index].target_class],
                    score=maps[index].score,
                    warning=BANNERS["nothing"],
                    **words,
                ),
            )

    list(panels.paint_all(each(range(1))))
    started = time.perf_counter()
    list(panels.paint_all(each(wanted)))
    return {"saliency": explained, "panels": time.perf_counter() - started}


def measure(folder: Path, models: Path, folds: int) -> list[dict[str, Any]]:
    """Run the baseline and every variant, each in its own process.

    Run a batch first: it converts the networks, and the conversion must not be measured here.

    Parameters
    ----------
    folder : Path
        Folder with windowed slices as PNG.
    models : Path
        Folder that holds ``2DNet``.
    folds : int
        Number of folds of each backbone.

    Returns
    -------
    list of dict
        One row for each variant: its name, seconds in all, seconds of loading, largest difference
        from the baseline, and peak memory in MB.
    """
    rows = []
    expected: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ["baseline", *variants(), "explain"]:
            answer = Path(scratch) / "answer.npz"
            command = [sys.executable, __file__, name, str(folder), str(models), str(folds)]
            done = subprocess.run([*command, str(answer)], check=True, capture_output=True)
            row = json.loads(done.stdout.splitlines()[-1])
            if name != "explain":
                found = dict(np.load(answer))
                expected = expected or found
                pairs = [(found[key].mean(0), expected[key].mean(0)) for key in found]
                row["largest_difference"] = float(max(np.abs(a - b).max() for a, b in pairs))
            rows.append({"what": name, **row})
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure one variant and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=["baseline", "explain", *variants()])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("folds", type=int)
    parser.add_argument("answer", type=Path)
    given = parser.parse_args()
    if given.variant == "explain":
        row = explain(given.models, given.folder, {"device": "auto"})
    else:
        if given.variant == "baseline":
            row, found = baseline(given.models, given.folds, given.folder)
        else:
            row, found = ours(given.models, given.folds, given.folder, variants()[given.variant])
        np.savez(given.answer, **found)
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row["threads"] = len(os.sched_getaffinity(0))
    print(json.dumps(row))


if __name__ == "__main__":
    main()
