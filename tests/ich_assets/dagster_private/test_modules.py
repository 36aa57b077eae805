"""Private modules of Dagster, and members of its instance that it does not promise to keep.

``dagster==`` is pinned exactly in pyproject.toml because of what this folder names. Each test names
a detail and where it is used. After an upgrade of Dagster a test that fails here says what must be
looked at.
"""

import re
from importlib import import_module

import dagster as dg
from dagster._annotations import is_public
from live import ROOT

IMPORTS = {
    "dagster._cli": ["ich_assets/runtime/web/server.py"],
    "dagster._daemon": ["ich_assets/runtime/web/server.py"],
    "dagster._core.remote_origin": ["ich_assets/runtime/origins.py"],
    "dagster._core.types.loadable_target_origin": ["ich_assets/runtime/origins.py"],
    "dagster._core.launcher.base": [
        "ich_assets/runtime/dead_runs.py",
        "ich_assets/runtime/slurm/launcher.py",
        "ich_assets/runtime/slurm/runs.py",
    ],
    "dagster._grpc.types": ["ich_assets/runtime/slurm/launcher.py"],
    "dagster._serdes": ["ich_assets/runtime/slurm/launcher.py"],
    "dagster._core.storage.event_log.sqlite": ["ich_assets/runtime/engines.py"],
    "dagster._core.storage.runs.sqlite": ["ich_assets/runtime/engines.py"],
    "dagster._core.storage.noop_compute_log_manager": [
        "conf/dagster.postgres.yaml",
        "conf/dagster.slurm.yaml",
        "conf/dagster.yaml",
        "singularity/common.sh",
    ],
}
"""Private modules of Dagster, and the files that name them."""

INSTANCE = {
    "add_run_tags",
    "all_logs",
    "create_run_for_job",
    "event_log_storage",
    "get_concurrency_config",
    "get_latest_asset_check_evaluation_record",
    "get_records_for_run",
    "get_ref",
    "get_run_stats",
    "get_runs",
    "get_runs_count",
    "global_op_concurrency_default_limit",
    "report_engine_event",
    "report_run_canceled",
    "report_run_canceling",
    "report_run_failed",
    "root_directory",
    "run_launcher",
    "run_storage",
}
"""Members of an instance that Dagster does not document, and that are used."""

RUN = {
    "asset_selection",
    "is_finished",
    "job_name",
    "parent_run_id",
    "remote_job_origin",
    "run_id",
    "status",
    "tags",
}
"""Members of a run that are used."""


def test_every_private_module_in_use_is_listed_here_and_exists():
    found: dict[str, list[str]] = {}
    files = [*ROOT.glob("ich_*/**/*.py"), *ROOT.glob("conf/*.yaml"), *ROOT.glob("docker/*.*")]
    files += ROOT.glob("singularity/*.*")
    for path in sorted(files):
        text = path.read_text(encoding="utf-8")
        for module in sorted(set(re.findall(r"\b(dagster(?:\.\w+)*\._[\w.]+\w)", text))):
            found.setdefault(module, []).append(path.relative_to(ROOT).as_posix())
    assert found == IMPORTS
    for module in IMPORTS:
        import_module(module)


def test_every_member_of_the_instance_in_use_is_public_or_listed_here_and_exists():
    files = [*ROOT.glob("ich_assets/**/*.py"), *ROOT.glob("ich_resources/**/resource.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    used = set(re.findall(r"instance\.([a-z]\w+)", text))
    missing = {name for name in used if not hasattr(dg.DagsterInstance, name)}
    assert not missing
    assert {name for name in used if not is_public(_defined(name))} == INSTANCE


def _defined(name: str) -> object:
    """Return a member of the class as it is written there."""
    return next(vars(kind)[name] for kind in dg.DagsterInstance.__mro__ if name in vars(kind))


def test_the_members_of_a_run():
    """Sensors, jobs and ``runtime`` read them; ``parent_run_id`` marks a run started again."""
    assert set(dir(dg.DagsterRun)) >= RUN
