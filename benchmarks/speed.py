"""``python benchmarks/speed.py [SLICES [FOLDS]]``: how fast against a plain loop, in one run.

The baseline scores the slices as the reference does: checkpoint after checkpoint, batches of 16,
every image resized for every checkpoint, eager PyTorch in float32. Then the same slices by the
project's own rooms: PyTorch, OpenVINO in float32 and bfloat16, saliency and panels. A phantom and
untrained stand-in weights serve; MODEL_DIR takes others. Networks are converted before the clock
runs.
"""

import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.demo.phantom import head_hu
from ich_resources.demo.study import slice_heights
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.preprocessing import centre_crop, network_input, window_to_uint8
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesImages

BATCH = 16


def phantom(slices: int) -> SeriesImages:
    """Return the crops of a head that bleeds."""
    hu = [head_hu(height, bleed=True, size=512, seed=0) for height in slice_heights(slices)]
    crops = np.stack([centre_crop(window_to_uint8(image, 40.0, 80.0)) for image in hu])
    return SeriesImages(tuple(f"1.2.{i}" for i in range(slices)), crops)


def baseline(
    networks: NetworksResource, images: SeriesImages
) -> tuple[float, dict[str, npt.NDArray[np.float32]]]:
    """Score checkpoint after checkpoint in eager PyTorch; return seconds and probabilities."""
    found = {}
    seconds = 0.0
    for backbone in networks.chosen:
        folds = []
        for fold in networks.load(networks.checkpoints(backbone)):
            network = fold.network.to(memory_format=torch.contiguous_format)
            started = time.perf_counter()
            rows = [slice(i, i + BATCH) for i in range(0, len(images.crops), BATCH)]
            with torch.no_grad():
                parts = [
                    torch.sigmoid(
                        network(
                            torch.from_numpy(
                                network_input(images.crops, part, backbone.input_size, "replicated")
                            )
                        )
                    )
                    for part in rows
                ]
            folds.append(torch.cat(parts).numpy())
            seconds += time.perf_counter() - started
            network.to(memory_format=torch.channels_last)
        found[backbone.name] = np.stack(folds)
    return seconds, found


def ours(
    networks: NetworksResource, images: SeriesImages
) -> tuple[float, dict[str, npt.NDArray[np.float32]]]:
    """Score as the project does; return seconds and probabilities."""
    found = {}
    seconds = 0.0
    for backbone in networks.chosen:
        folds = networks.load(networks.checkpoints(backbone))
        networks.predict(folds[:1], SeriesImages(("0",), images.crops[:1]))  # compiles
        started = time.perf_counter()
        found[backbone.name] = networks.predict(folds, images).probabilities
        seconds += time.perf_counter() - started
    return seconds, found


def explain(networks: NetworksResource, images: SeriesImages) -> tuple[float, float]:
    """Return the seconds of the saliency of all slices, and of their panels."""
    saliency, panels = SaliencyResource(image_size_override=224), PanelsResource()
    files = [networks.checkpoint(backbone, 0) for backbone in networks.chosen]
    folds = networks.load(files, precision="float32")
    wanted = range(len(images.crops))
    list(saliency.explain(folds, images, range(1), "replicated"))
    started = time.perf_counter()
    maps = list(saliency.explain(folds, images, wanted, "replicated"))
    explained = time.perf_counter() - started
    words = {"series_uid": "1.2", "study_uid": "1.1", "slice_count": len(maps), "mode": "ensemble"}
    words |= {"method": "gradcampp", "saliency_source": "ensemble", "bar_source": "ensemble"}

    def paint(index: int) -> None:
        found = maps[index]
        panels.paint(
            images.crops[index],
            found.slice_map,
            np.full(len(CLASSES), 0.5, np.float32),
            sop_uid=f"1.2.{index}",
            slice_index=index,
            slice_context="replicated",
            target_class=CLASSES[found.target_class],
            score=found.score,
            untrained=True,
            **words,
        )

    paint(0)
    started = time.perf_counter()
    for index in wanted:
        paint(index)
    return explained, time.perf_counter() - started


def main() -> None:
    """Print a table, and write it as JSON beside this file."""
    given = [int(argument) for argument in sys.argv[1:]]
    slices, folds = given + [28, 2][len(given) :]
    folder = Path(os.environ.get("MODEL_DIR") or tempfile.mkdtemp(prefix="stand-ins-"))
    if not (folder / "2DNet").is_dir():
        write_checkpoints(folder, folds=folds)
    images = phantom(slices)

    def networks(**fields: str) -> NetworksResource:
        return NetworksResource(
            model_dir=str(folder), max_folds_per_backbone=folds, device="cpu", **fields
        )

    plain = networks(backend="pytorch")
    seconds, expected = baseline(plain, images)
    passes = slices * folds * len(BACKBONES)
    rows = [{"what": "baseline, eager PyTorch", "seconds": seconds, "largest_dp": 0.0}]
    for name, fields in (
        ("PyTorch, channels last", {"backend": "pytorch"}),
        ("OpenVINO float32", {"backend": "openvino"}),
        ("OpenVINO bfloat16", {"backend": "openvino", "precision": "bfloat16"}),
    ):
        taken, found = ours(networks(**fields), images)
        differences = [np.abs(found[key].mean(0) - expected[key].mean(0)).max() for key in found]
        rows.append({"what": name, "seconds": taken, "largest_dp": float(max(differences))})
    explained, painted = explain(networks(), images)
    rows.append({"what": "saliency, float32, 224", "seconds": explained})
    rows.append({"what": "panels", "seconds": painted})
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{slices} slices, {folds} folds, {machine}, peak {peak:.1f} GB\n")
    print("| | s | times the baseline | slices x networks / s | largest difference |")
    print("|---|---|---|---|---|")
    for row in rows:
        ratio = f"{seconds / row['seconds']:.2f}" if "largest_dp" in row else ""
        speed = f"{passes / row['seconds']:.1f}" if "largest_dp" in row else ""
        difference = f"{row['largest_dp']:.1e}" if "largest_dp" in row else ""
        print(f"| {row['what']} | {row['seconds']:.1f} | {ratio} | {speed} | {difference} |")
    about = {"machine": machine, "slices": slices, "folds": folds, "peak_gb": peak}
    path = Path(__file__).with_name("speed.json")
    path.write_text(json.dumps(about | {"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
