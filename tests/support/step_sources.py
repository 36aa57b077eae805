"""The code that makes the numbers of each step, and a frozen hash of it.

``python tests/support/step_sources.py`` says what differs from the frozen hashes.
``python tests/support/step_sources.py --no-change-in-numbers "why"`` freezes the current code.
``python tests/support/step_sources.py --code-version-raised`` freezes steps of a new code version.
"""

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ich_resources.steps import (
    CODE_VERSIONS,
    DATASET_IMAGES,
    DICOM_RESULTS,
    ENSEMBLE,
    FOLD_LIST,
    LABELLED_SLICES,
    OOF_PREDICTIONS,
    OOF_TABLE,
    PREDICTIONS,
    PROCESSED,
    SALIENCY,
    SEQUENCE,
    SEQUENCE_OOF,
    SUBMISSION,
    TEST_PREDICTIONS,
    TRAINED_FOLD,
    TRAINED_SEQUENCE,
)

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "tests" / "data" / "step_sources.json"
COMMAND = "python tests/support/step_sources.py"

_NETWORKS = (
    "ich_resources/backbones/compiled.py",
    "ich_resources/backbones/converting.py",
    "ich_resources/backbones/heads.py",
    "ich_resources/backbones/inputs.py",
    "ich_resources/backbones/networks.py",
    "ich_resources/backbones/state_dict.py",
    "ich_resources/backbones/table.py",
    "ich_resources/hemorrhage.py",
    "ich_resources/preprocessing.py",
)
_IMAGES = (
    "ich_assets/windowed.py",
    "ich_resources/dicom/decoding.py",
    "ich_resources/dicom/elements.py",
    "ich_resources/dicom/frame_size.py",
    "ich_resources/dicom/frames.py",
    "ich_resources/dicom/geometry.py",
    "ich_resources/dicom/header.py",
    "ich_resources/dicom/header_values.py",
    "ich_resources/dicom/jpeg.py",
    "ich_resources/dicom/ordering.py",
    "ich_resources/dicom/parsing.py",
    "ich_resources/dicom/plausibility.py",
    "ich_resources/dicom/reading.py",
    "ich_resources/dicom/series_values.py",
    "ich_resources/dicom/shares.py",
    "ich_resources/dicom/stored_values.py",
    "ich_resources/dicom/windows.py",
    "ich_resources/preprocessing.py",
    "ich_resources/storage/arrays.py",
    "ich_resources/storage/files.py",
)
_TRAINING = (
    "ich_assets/learning/data_set.py",
    "ich_resources/backbones/heads.py",
    "ich_resources/backbones/inputs.py",
    "ich_resources/backbones/networks.py",
    "ich_resources/backbones/table.py",
    "ich_resources/backbones/views.py",
    "ich_resources/hemorrhage.py",
    "ich_resources/preprocessing.py",
    "ich_resources/training/arithmetic.py",
    "ich_resources/training/batches.py",
    "ich_resources/training/images.py",
    "ich_resources/training/slices.py",
    "ich_resources/training/view_options.py",
    "ich_resources/training/view_planes.py",
    "ich_resources/training/views.py",
)
_FOLD_PREDICTIONS = (
    *_TRAINING,
    "ich_assets/learning/fold_predictions.py:_predict",
    "ich_resources/storage/oof.py",
)
_SEQUENCE = (
    "ich_resources/hemorrhage.py",
    "ich_resources/sequence/channels.py",
    "ich_resources/sequence/network.py",
    "ich_resources/sequence/samples.py",
)
SOURCES: dict[str, tuple[str, ...]] = {
    PROCESSED: _IMAGES,
    PREDICTIONS: (
        *_NETWORKS,
        "ich_resources/backbones/kept_features.py",
        "ich_resources/inference/batches.py",
        "ich_resources/inference/predict.py",
    ),
    ENSEMBLE: ("ich_resources/ensemble.py", "ich_resources/judged.py"),
    SALIENCY: (
        *_NETWORKS,
        "ich_assets/drawing.py:Drawing",
        "ich_assets/drawing.py:kept_map",
        "ich_assets/saliency.py:_entry",
        "ich_resources/backbones/kept_features.py",
        "ich_resources/panels/bars.py",
        "ich_resources/panels/canvas.py",
        "ich_resources/panels/caption.py",
        "ich_resources/panels/clear_panel.py",
        "ich_resources/panels/overlay.py",
        "ich_resources/panels/painting.py",
        "ich_resources/panels/panel.py",
        "ich_resources/panels/style.py",
        "ich_resources/saliency/alignment.py",
        "ich_resources/saliency/explain.py",
        "ich_resources/saliency/grad_cam.py",
        "ich_resources/saliency/input_gradient.py",
        "ich_resources/saliency/options.py",
        "ich_resources/storage/saliency_tables.py",
    ),
    DICOM_RESULTS: (
        "ich_assets/object_files.py",
        "ich_assets/object_sources.py",
        "ich_resources/dicom_objects/captures.py",
        "ich_resources/dicom_objects/finishing.py",
        "ich_resources/dicom_objects/grid.py",
        "ich_resources/dicom_objects/key_images.py",
        "ich_resources/dicom_objects/lettering.py",
        "ich_resources/dicom_objects/make.py",
        "ich_resources/dicom_objects/parametric_map.py",
        "ich_resources/dicom_objects/report.py",
        "ich_resources/dicom_objects/scored.py",
        "ich_resources/dicom_objects/source.py",
        "ich_resources/dicom_objects/terms.py",
        "ich_resources/hemorrhage.py",
        "ich_resources/panels/overlay.py",
    ),
    DATASET_IMAGES: (*_IMAGES, "ich_assets/learning/decoder.py"),
    LABELLED_SLICES: (
        "ich_resources/dataset/groups.py",
        "ich_resources/dataset/kaggle.py",
        "ich_resources/dataset/matching.py",
        "ich_resources/dataset/own.py",
        "ich_resources/dataset/public.py",
        "ich_resources/dataset/readers.py",
        "ich_resources/dataset/table.py",
        "ich_resources/dataset/text_table.py",
        "ich_resources/hemorrhage.py",
    ),
    FOLD_LIST: ("ich_resources/dataset/fold_table.py", "ich_resources/dataset/folds.py"),
    TRAINED_FOLD: (
        *_TRAINING,
        "ich_resources/metric.py",
        "ich_resources/training/augment.py",
        "ich_resources/training/checkpoint.py",
        "ich_resources/training/epoch.py",
        "ich_resources/training/held_out.py",
        "ich_resources/training/initial.py",
        "ich_resources/training/loop.py",
        "ich_resources/training/loss.py",
        "ich_resources/training/recipe.py",
        "ich_resources/training/sampling.py",
        "ich_resources/training/schedule.py",
        "ich_resources/training/seeds.py",
    ),
    OOF_PREDICTIONS: _FOLD_PREDICTIONS,
    TEST_PREDICTIONS: _FOLD_PREDICTIONS,
    OOF_TABLE: (
        "ich_assets/learning/oof_table.py:_gather",
        "ich_assets/learning/oof_table.py:_mean",
        "ich_assets/learning/oof_table.py:_table",
        "ich_resources/hemorrhage.py",
        "ich_resources/metric.py",
        "ich_resources/storage/oof.py",
    ),
    SUBMISSION: (
        "ich_assets/learning/submission.py:_as_sample",
        "ich_assets/learning/submission.py:_in_order",
        "ich_assets/learning/submission.py:_of_networks",
        "ich_assets/learning/submission.py:_over_folds",
        "ich_assets/learning/submission.py:_texts",
        "ich_resources/dataset/kaggle.py",
        "ich_resources/hemorrhage.py",
        "ich_resources/storage/oof.py",
    ),
    TRAINED_SEQUENCE: (
        *_SEQUENCE,
        "ich_resources/metric.py",
        "ich_resources/sequence/folds.py",
        "ich_resources/sequence/loop.py",
        "ich_resources/sequence/loss.py",
    ),
    SEQUENCE_OOF: (*_SEQUENCE, "ich_resources/sequence/apply.py"),
    SEQUENCE: (*_SEQUENCE, "ich_resources/sequence/apply.py"),
}
"""What makes the numbers of a step, by key of CODE_VERSIONS: modules, or ``module:definition``."""

_NO_NUMBERS = ("annotation", "ctx", "kind", "returns", "type_comment", "type_params")
"""Fields of a syntax tree that change no number, or that depend on the version of Python."""


def digest(source: str, definition: str = "") -> str:
    """Return the SHA-256 of code without comments, docstrings, imports, types and error texts.

    Parameters
    ----------
    source : str
        Of a module.
    definition : str, optional
        Only this function or class of it.

    Raises
    ------
    LookupError
        If the module does not have that definition.
    """
    body = ast.parse(source).body
    if definition:
        body = [node for node in body if getattr(node, "name", "") == definition]
        if not body:
            raise LookupError(definition)
    return hashlib.sha256(repr(_essence(body)).encode()).hexdigest()[:16]


def _essence(node: Any, *, text: bool = True) -> Any:
    if isinstance(node, list):
        return [_essence(item, text=text) for item in node if not _is_prose(item)]
    if not isinstance(node, ast.AST):
        return "" if isinstance(node, str) and not text else node
    if isinstance(node, ast.Constant):
        return repr(_essence(node.value, text=text))
    text = text and not isinstance(node, ast.Raise)  # the text of an error is not a number
    parts = [
        (name, _essence(value, text=text))
        for name, value in ast.iter_fields(node)
        if name not in _NO_NUMBERS
    ]
    return [type(node).__name__, *((name, part) for name, part in parts if part not in (None, []))]


def _is_prose(node: Any) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def current(table: Mapping[str, tuple[str, ...]] = SOURCES) -> dict[str, dict[str, str]]:
    """Return the digest of each source of each step of a table.

    Raises
    ------
    LookupError
        If a source was moved or renamed.
    """
    return {step: {name: _digest_of(name) for name in names} for step, names in table.items()}


def _digest_of(name: str) -> str:
    path, _, definition = name.partition(":")
    try:
        return digest((ROOT / path).read_text(encoding="utf-8"), definition)
    except (OSError, LookupError) as err:
        raise LookupError(
            f"{name} was not found: put its new name into SOURCES in tests/support/step_sources.py"
        ) from err


def read() -> dict[str, Any]:
    """Return the frozen digests, versions and reasons."""
    frozen: dict[str, Any] = json.loads(FROZEN.read_text(encoding="utf-8"))
    return frozen


def complaints(frozen: dict[str, Any], versions: dict[str, str]) -> list[str]:
    """Return a sentence for each step whose code or code version is not the frozen one.

    Parameters
    ----------
    frozen : dict
        From ``read``.
    versions : dict of str to str
        The code version of each step.
    """
    said = []
    for step, sources in current().items():
        known = frozen["steps"].get(step, {"code_version": None, "sources": {}})
        if versions[step] != known["code_version"]:
            said.append(
                f"The code version of {step} is {versions[step]}, and {known['code_version']} is "
                f"frozen. Note the new version in CHANGELOG.md, then run "
                f"`{COMMAND} --code-version-raised`."
            )
            continue
        names = sorted(
            name
            for name in sources.keys() | known["sources"].keys()
            if sources.get(name) != known["sources"].get(name)
        )
        if names:
            said.append(
                f"The code of {step} has changed: {', '.join(names)}. If a file that the step "
                f"writes can change, raise its code version in ich_resources/steps.py and note it "
                f"in CHANGELOG.md. If no number changes, run "
                f'`{COMMAND} --no-change-in-numbers "why"`.'
            )
    return said


def freeze(frozen: dict[str, Any], versions: dict[str, str], reason: str) -> dict[str, Any]:
    """Return the frozen digests with those of the current code in their place.

    With a reason these are the digests of steps whose code version is the frozen one; without a
    reason they are those of steps whose code version is new.

    Parameters
    ----------
    frozen : dict
        From ``read``.
    versions : dict of str to str
        The code version of each step.
    reason : str
        Why no number changes; empty where code versions were raised.
    """
    steps, changed = dict(frozen["steps"]), []
    for step, sources in current().items():
        known = steps.get(step)
        new = {"code_version": versions[step], "sources": sources}
        same_version = known is not None and known["code_version"] == versions[step]
        if new != known and same_version == bool(reason):
            steps[step] = new
            changed.append(step)
    notes = list(frozen["no_change_in_numbers"])
    if reason and changed:
        notes.append({"steps": changed, "why": reason})
    return {"steps": steps, "no_change_in_numbers": notes}


def main() -> int:
    """Say what differs, or freeze the current code."""
    parser = argparse.ArgumentParser(description="The frozen code of each step.")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--no-change-in-numbers", metavar="WHY", help="freeze; no number changes")
    action.add_argument("--code-version-raised", action="store_true", help="freeze raised steps")
    arguments = parser.parse_args()
    reason = (arguments.no_change_in_numbers or "").strip()
    if arguments.no_change_in_numbers is not None and not reason:
        parser.error("say why no number changes")
    if reason or arguments.code_version_raised:
        frozen = freeze(read(), CODE_VERSIONS, reason)
        FROZEN.write_text(json.dumps(frozen, indent=2) + "\n", encoding="utf-8")
    said = complaints(read(), CODE_VERSIONS)
    sys.stdout.write("\n".join(said or ["The code of every step is the frozen one."]) + "\n")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
