"""``python -m ich_resources.demo FOLDER`` writes a study, stand-in checkpoints and a run.yaml."""

import sys
from pathlib import Path

from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.demo.study import write_demo_study

RUN_YAML = """\
# The demo: dagster job execute -m ich_assets.definitions -j ich_batch -c {folder}/run.yaml
resources:
  dicom: {{config: {{input_dir: "{folder}/dicom"}}}}
  networks: {{config: {{model_dir: "{folder}/models", max_folds_per_backbone: 1}}}}
  saliency: {{config: {{image_size_override: 224}}}}
  storage: {{config: {{run_root: "{folder}/results"}}}}
"""


def main(folder: Path) -> None:
    """Write all input of the demo. A study and checkpoints that exist are kept.

    Parameters
    ----------
    folder : Path
        Folder of the demo; an absolute path.
    """
    if not (folder / "dicom" / "README.txt").is_file():
        print("Writing a synthetic study", flush=True)
        write_demo_study(folder / "dicom")
    if not (folder / "models" / "checkpoints.sha256").is_file():
        print("Making untrained stand-in checkpoints", flush=True)
        write_checkpoints(folder / "models")
    (folder / "run.yaml").write_text(RUN_YAML.format(folder=folder), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
