"""What the life of a series is decided by: facts of its run and of its results, as plain values."""

from typing import Literal, NamedTuple


class RunFacts(NamedTuple):
    """What Dagster says of the run that a series was requested in.

    Attributes
    ----------
    run_id : str
        Its id.
    status : str
        ``waiting`` (queued or starting), ``working``, ``succeeded``, ``failed`` or ``cancelled``.
    alone : bool
        Whether it is a run of ``ich_series``, which has this series alone.
    repeats : bool
        Whether Dagster repeats it.
    began : bool
        Whether it had begun a series.
    interrupted : bool
        Whether a signal ended the step that was at work, as when the services are stopped.
    error : str
        Error of the step that failed; empty if none did, as when a process dies.
    by_check : bool
        Whether a blocking check raised that error.
    """

    run_id: str
    status: Literal["waiting", "working", "succeeded", "failed", "cancelled"]
    alone: bool = True
    repeats: bool = False
    began: bool = False
    interrupted: bool = False
    error: str = ""
    by_check: bool = False


class ResultFacts(NamedTuple):
    """What is on disk of the version of a series that the inbox knows.

    Attributes
    ----------
    state : str
        ``waiting`` if there is no result; else as in ``SeriesOutcome``.
    sentence, codes : str
        For the ledger.
    failed : int
        Number of failed slices.
    cause : str
        Code of what failed the series as a whole; empty if it did not fail.
    at_work : bool
        Whether its run was at work on this series when it ended.
    moved : bool
        Whether files of it changed or were away when they were read.
    """

    state: Literal["waiting", "done", "incomplete", "failed", "refused"]
    sentence: str = ""
    codes: str = ""
    failed: int = 0
    cause: str = ""
    at_work: bool = False
    moved: bool = False
