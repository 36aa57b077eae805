"""Where a run comes from, so that the UI's timeline and the pages of its job show it.

The UI leaves out runs that do not name the code location of their job. ``dagster job execute`` and
``execute_in_process`` name none, since they load the code themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster import DagsterRun
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

MODULE, LOCATION, REPOSITORY = "ich_assets.definitions", "ich", "__repository__"
"""As in workspace.yaml; the last is Dagster's name for what a module defines."""
REPOSITORY_TAG = ".dagster/repository"
"""Hidden run tag of Dagster by which the page of a job finds its runs."""


def origin_of(job: str, outer: DagsterRun | None = None) -> RemoteJobOrigin:
    """Return the origin of a job of this project.

    Parameters
    ----------
    job : str
        Its name.
    outer : DagsterRun, optional
        The run that it is run inside of; its code location is taken.
    """
    if outer is not None and outer.remote_job_origin is not None:
        return RemoteJobOrigin(outer.remote_job_origin.repository_origin, job)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name=MODULE), location_name=LOCATION
    )
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, REPOSITORY), job)


def name_origin(instance: dg.DagsterInstance, run_id: str) -> None:
    """Let the UI find a run that was started in a terminal.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the run.
    run_id : str
        The run, which is at work in this process.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.remote_job_origin is not None:
        return
    origin = origin_of(run.job_name)
    instance.add_run_tags(run_id, {REPOSITORY_TAG: origin.repository_origin.get_label()})
    run = instance.get_run_by_id(run_id)
    if run is not None:
        instance.run_storage.replace_job_origin(run, origin)


@contextmanager
def naming_origins(instance: dg.DagsterInstance, outer: DagsterRun) -> Iterator[None]:
    """Let the UI find the runs that are made inside the block.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It makes the runs.
    outer : DagsterRun
        The run that they belong to.
    """
    create = instance.create_run_for_job

    def creating(job_def: dg.JobDefinition, *arguments: Any, **options: Any) -> DagsterRun:
        origin = origin_of(job_def.name, outer)
        return create(job_def, *arguments, **{"remote_job_origin": origin, **options})

    vars(instance)["create_run_for_job"] = creating
    try:
        yield
    finally:
        del vars(instance)["create_run_for_job"]
