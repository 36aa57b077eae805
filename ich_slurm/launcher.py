"""Earlier name of ``ich_assets.runtime.slurm.launcher``; removed in version 0.3.0."""

import warnings

from ich_assets.runtime.slurm.launcher import SlurmRunLauncher

__all__ = ["SlurmRunLauncher"]

warnings.warn(
    "ich_slurm.launcher moved: write `module: ich_assets.runtime.slurm.launcher` in dagster.yaml. "
    "The old name works until version 0.3.0.",
    FutureWarning,
    stacklevel=2,
)
