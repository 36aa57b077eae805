"""``python -m ich_resources.demo [--untrained] FOLDER`` writes all input of the demo.

A study of phantoms with its labels, networks that are trained on other phantoms here and now, and a
run.yaml. With ``--untrained`` the networks are stand-ins without any training, made in seconds.
"""

import argparse
import os
import sys
from pathlib import Path

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.demo.cohort import draw_cohort, labels_csv, write_cohort
from ich_resources.demo.plan import Plan
from ich_resources.demo.study import write_demo_study
from ich_resources.demo.teaching import MADE_FROM, train_networks
from ich_resources.errors import IchError
from ich_resources.whole_files import write_whole

RUN_YAML = """\
# The demo: dagster job execute -m ich_assets.definitions -j ich_batch -c {folder}/run.yaml
resources:
  dicom: {{config: {{input_dir: "{folder}/dicom"}}}}
  networks: {{config: {{model_dir: "{folder}/models", max_folds_per_backbone: 1{backend}}}}}
{saliency}{panels}\
  storage: {{config: {{run_root: "{folder}/results"}}}}
"""
NO_CONVERSION = ", backend: pytorch"
"""At the size of the trained networks OpenVINO saves less than its conversion takes."""
TWO_PAINTERS = "  panels: {config: {processes: 2}}\n"
"""On two cores small networks leave time: the panels take longest."""
SMALL_SALIENCY = "  saliency: {config: {image_size_override: 224}}\n"
"""Untrained stand-ins have the input sizes of the release; a trained network carries its own."""


def main(folder: Path, *, untrained: bool = False, plan: Plan | None = None) -> None:
    """Write all input of the demo. A study and networks that exist are kept.

    Parameters
    ----------
    folder : Path
        Folder of the demo; an absolute path.
    untrained : bool
        Whether stand-ins without any training are enough.
    plan : Plan, optional
        How the networks are trained.

    Raises
    ------
    IchError
        If the training fails.
    OSError
        If a file cannot be written.
    """
    models = folder / "models"
    if not (folder / "dicom" / "README.txt").is_file():
        print("Writing a synthetic study", flush=True)
        write_demo_study(folder / "dicom")
    if not (folder / "labels.csv").is_file():
        print("Writing ten phantom patients, five of them bleeding", flush=True)
        labels = labels_csv(write_cohort(folder / "dicom", draw_cohort()))
        write_whole(folder / "labels.csv", labels.encode(), ".part-labels")
    if not untrained:
        train_networks(folder / "training", models, plan or Plan.of_this_machine(), _tell)
    elif not (models / DIGESTS_FILE).is_file():
        from ich_resources.demo.checkpoints import write_checkpoints

        print("Making untrained stand-in checkpoints", flush=True)
        write_checkpoints(models)
    trained = (models / MADE_FROM).is_file()
    saliency, backend = ("", NO_CONVERSION) if trained else (SMALL_SALIENCY, "")
    panels = TWO_PAINTERS if trained and len(os.sched_getaffinity(0)) == 2 else ""
    text = RUN_YAML.format(folder=folder, saliency=saliency, backend=backend, panels=panels)
    write_whole(folder / "run.yaml", text.encode(), ".part-run")


def _tell(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ich_resources.demo")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--untrained", action="store_true", help="stand-ins without any training, in seconds"
    )
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    try:
        main(given.folder.absolute(), untrained=given.untrained)
    except KeyboardInterrupt:
        sys.exit("stopped: the next make demo goes on where this one was")
    except IchError as err:
        sys.exit(str(err))
    except OSError as err:
        sys.exit(f"a file of the demo cannot be written: {err}")
