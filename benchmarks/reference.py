"""The reference's loop: its three programs (docs/reference.md, sections 1, 2, 4 and 5).

``python benchmarks/reference.py images DICOM WORK`` writes windowed slices, ``predictions MODELS
WORK`` scores them, ``saliency MODELS WORK`` draws the panels. One checkpoint comes after the other,
every slice is read and resized again for each, and a saliency map is one slice through one network,
forward and backward, in eager PyTorch in float32. All of them print their seconds as JSON.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pydicom
from matplotlib import pyplot as plt

from ich_resources.backbones.table import BACKBONES, Backbone, checkpoint_name
from ich_resources.hemorrhage import CLASSES
from ich_resources.preprocessing import centre_crop, network_input, window_to_uint8

BATCH = 16
DEFAULTS = {"WindowCenter": 40, "WindowWidth": 80, "RescaleIntercept": 0, "RescaleSlope": 1}


class Taken(NamedTuple):
    """What a program took.

    Attributes
    ----------
    seconds : float
        Without the start of Python and without loading.
    loading : float
        Seconds of loading checkpoints.
    """

    seconds: float
    loading: float


def write_images(dicom: Path, work: Path) -> Taken:
    """Write the windowed slices of a folder as PNG, named in their order.

    See docs/reference.md, section 1.

    Parameters
    ----------
    dicom : Path
        Folder of DICOM files of one series.
    work : Path
        Folder for the folder ``png``.
    """
    began = time.perf_counter()
    found = []
    for path in (p for p in dicom.rglob("*") if p.is_file()):
        dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset:
            continue
        center, width, intercept, slope = (
            float(value if isinstance(value, str | float | int) else value[0])
            for value in (dataset.get(name, usual) for name, usual in DEFAULTS.items())
        )
        hu = dataset.pixel_array.astype(np.float64) * slope + intercept
        image = window_to_uint8(hu, center, width)
        found.append((float(dataset.ImagePositionPatient[2]), dataset.SOPInstanceUID, image))
    folder = work / "png"
    folder.mkdir(parents=True)
    for index, (_, uid, image) in enumerate(sorted(found, key=lambda slice_: slice_[0])):
        cv2.imwrite(str(folder / f"{index:04}_{uid}.png"), image)
    return Taken(time.perf_counter() - began, 0.0)


def load(models: Path, backbone: Backbone, fold: int, device: Any) -> Any:
    """Return the network of a checkpoint on a device, in PyTorch's own memory layout."""
    from ich_resources.backbones.networks import build_network
    from ich_resources.backbones.state_dict import read_checkpoint

    path = models / backbone.folder / checkpoint_name(fold)
    network = build_network(backbone)
    network.load_state_dict(read_checkpoint(path)[0])
    return network.eval().to(device)


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def predict(
    models: Path, folds: int, folder: Path, device: str = "auto"
) -> tuple[Taken, dict[str, Any]]:
    """Score slices.

    Parameters
    ----------
    models : Path
        Folder that holds ``2DNet``.
    folds : int
        Checkpoints of each backbone.
    folder : Path
        Windowed slices as PNG.
    device : str
        Of PyTorch; auto: a card where there is one.

    Returns
    -------
    Taken
        Seconds.
    dict of str to float32 array, shape (folds, slices, 6)
        Probabilities, by backbone.
    """
    import torch

    device = _device(device)
    paths = sorted(folder.glob("*.png"))
    found, loading, began = {}, 0.0, time.perf_counter()
    for backbone in BACKBONES.values():
        scored = []
        for fold in range(folds):
            begun = time.perf_counter()
            network = load(models, backbone, fold, device)
            loading += time.perf_counter() - begun
            parts = []
            for start in range(0, len(paths), BATCH):
                batch = [read(path, backbone.input_size) for path in paths[start : start + BATCH]]
                with torch.no_grad():
                    x = torch.from_numpy(np.concatenate(batch)).to(device)
                    parts.append(torch.sigmoid(network(x)).cpu().numpy())
            scored.append(np.concatenate(parts))
        found[backbone.name] = np.stack(scored)
    return Taken(time.perf_counter() - began - loading, loading), found


def read(path: Path, size: int) -> Any:
    """Return a slice image as network input, float32 (1, 3, S, S).

    See docs/reference.md, section 2.
    """
    crop = centre_crop(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    return network_input(crop[None], slice(0, 1), size, "replicated")


def explain(
    models: Path, folder: Path, probabilities: Any, output: Path, size: int | None
) -> tuple[Taken, Any]:
    """Draw a panel for each slice (docs/reference.md, section 5).

    Parameters
    ----------
    models : Path
        Folder that holds ``2DNet``; fold 0 of each backbone is taken.
    folder : Path
        Windowed slices as PNG.
    probabilities : float array, shape (slices, 6)
        Of the ensemble, for the bars.
    output : Path
        Folder for the panels.
    size : int, optional
        Edge of the saliency input in pixels, instead of that of each backbone.

    Returns
    -------
    Taken
        Seconds.
    float array, shape (slices,)
        Saliency scores.
    """
    import torch

    device = _device("auto")
    output.mkdir()
    begun = time.perf_counter()
    networks = [(load(models, b, 0, device), size or b.input_size) for b in BACKBONES.values()]
    began, scores = time.perf_counter(), []
    for index, path in enumerate(sorted(folder.glob("*.png"))):
        inputs = [torch.from_numpy(read(path, edge)).to(device) for _, edge in networks]
        passes = [(n, n.forward_features(x)) for (n, _), x in zip(networks, inputs, strict=True)]
        logits = [network.forward_head(source) for network, source in passes]
        p = [torch.sigmoid(each.detach())[0].cpu().numpy() for each in logits]
        target = int(np.mean([each / each.sum() for each in p], axis=0).argmax())
        maps = [
            grad_cam_plus_plus(source, torch.autograd.grad(each[0, target], source)[0])
            for each, (_, source) in zip(logits, passes, strict=True)
        ]
        mean = np.mean([stretched(each) for each in maps], axis=0)
        scores.append(mean.mean())
        gray = centre_crop(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        draw(gray, mean, probabilities[index], target, output / f"{index:03}.png")
    return Taken(time.perf_counter() - began, began - begun), np.array(scores)


def grad_cam_plus_plus(source: Any, gradient: Any) -> Any:
    """Return the map of one slice, (h, w), of its maps and gradients, (1, K, h, w) float32."""
    total = source.sum((2, 3), keepdim=True)
    below = 2 * gradient**2 + total * gradient**3
    below[below == 0] = 1e-8
    weights = (gradient**2 / below * gradient.relu()).sum((2, 3), keepdim=True)
    return (weights * source).sum(1).relu()[0].detach().cpu().numpy()


def stretched(saliency_map: Any) -> Any:
    """Return a map, (h, w) float32, at 512 x 512, from 0 to 1."""
    resized = cv2.resize(saliency_map, (512, 512))
    span = resized.max() - resized.min()
    return (resized - resized.min()) / span if span > 0 else np.zeros_like(resized)


def draw(gray: Any, saliency_map: Any, bars: Sequence[float], target: int, path: Path) -> None:
    """Draw a panel: slice (uint8, 512 x 512), overlay and six bars."""
    opacity = 0.65 * saliency_map[..., None]
    coloured = plt.get_cmap("jet")(saliency_map)[..., :3]
    overlay = (1 - opacity) * (gray / 255)[..., None] + opacity * coloured
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 5))
    left.imshow(gray, cmap="gray")
    middle.imshow(overlay)
    middle.set_title(f"{CLASSES[target]}, saliency {saliency_map.mean():.5f}")
    right.bar(CLASSES, bars, color=["tab:blue"] * len(CLASSES))
    right.patches[int(np.argmax(bars))].set_color("tab:red")
    right.tick_params(axis="x", rotation=45)
    figure.suptitle(f"{path.stem}: ensemble, gradcampp; bars: ensemble")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Run one program; print its seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=["images", "predictions", "saliency"])
    parser.add_argument("source", type=Path, help="folder of DICOM files, or of checkpoints")
    parser.add_argument("work", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--saliency-size", type=int, help="edge in pixels; the runners set 224")
    given = parser.parse_args()
    work, kept = given.work, given.work / "probabilities.npz"
    if given.program == "images":
        taken = write_images(given.source, work)
    elif given.program == "predictions":
        taken, found = predict(given.source, given.folds, work / "png")
        np.savez(kept, **found)
    else:
        mean = np.mean([folds.mean(0) for folds in np.load(kept).values()], axis=0)
        taken, scores = explain(
            given.source, work / "png", mean, work / "panels", given.saliency_size
        )
        np.save(work / "scores.npy", scores)
    print(json.dumps(taken._asdict()))


if __name__ == "__main__":
    main()
