"""Faults of the machine and of the configuration end in one sentence; bugs keep their stack."""

import errno
import os
import sqlite3
import subprocess
import sys

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from ich_assets.graph import defs
from ich_assets.runtime.console import failure_text
from ich_assets.runtime.faults import config_sentence, fault_sentence
from ich_resources.dicom.policy import REMARK_CODES, verdicts
from ich_resources.dicom.resource import DicomPolicy, DicomResource
from ich_resources.errors import StorageError


def _database(text: str) -> Exception:
    return OperationalError("INSERT", {}, sqlite3.OperationalError(text))


def _failed(error: Exception) -> str:
    @dg.op
    def fails() -> None:
        raise error

    @dg.job(executor_def=dg.in_process_executor)
    def job() -> None:
        fails()

    result = job.execute_in_process(raise_on_error=False)
    (event,) = [e for e in result.all_events if e.is_step_failure]
    return failure_text(event.step_failure_data.error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            _database("database or disk is full"),
            "No space is left on the disk of DAGSTER_HOME (/h)",
        ),
        (_database("disk I/O error"), "Dagster cannot use its database in DAGSTER_HOME (/h): disk"),
        (_database("attempt to write a readonly database"), "readonly"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space is left on a disk"),
        (MemoryError(), "There is not enough memory"),
        (MemoryError("Unable to allocate 3 GiB"), "There is not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
    ],
)
def test_a_fault_of_the_machine_is_one_sentence(monkeypatch, error, words):
    monkeypatch.setenv("DAGSTER_HOME", "/h")
    sentence = fault_sentence([f"{type(error).__module__}.{type(error).__name__}: {error}"])
    assert words in sentence
    assert " -> " in sentence and "\n" not in sentence
    monkeypatch.delenv("DAGSTER_HOME")  # for the run
    assert _failed(error).count("\n") == 0


@pytest.mark.parametrize(
    "error", [KeyError("position"), RuntimeError("CUDA error: out of memory"), ValueError("full")]
)
def test_a_bug_keeps_its_stack(error):
    assert fault_sentence([f"{type(error).__name__}: {error}"]) == ""
    assert __file__ in _failed(error)


def test_an_error_of_ours_keeps_its_sentence():
    error = StorageError("cannot write: No space left on device", path="/results")
    assert _failed(error) == str(error)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"polcy": {}}, ['"polcy" at resources:dicom:config;', "on_bad_slice, policy, primary"]),
        ({"policy": {"BONE": "warn"}}, ['"BONE" at resources:dicom:config:policy', "NOT_HEAD"]),
        ({"policy": {"CONTRAST": "ignore"}}, ["policy:CONTRAST", "ignore", "'refuse', 'warn'"]),
        ({"on_bad_slice": "drop"}, ["on_bad_slice", "'keep', 'fail'", "drop"]),
        ({"threads": "four"}, ["threads"]),
        ({"polcy": {}, "thread": 1}, ["polcy", "thread"]),
    ],
)
def test_a_wrong_configuration_is_one_sentence(section, words):
    with pytest.raises(dg.DagsterInvalidConfigError) as caught:
        defs.resolve_job_def("ich_scan").execute_in_process(
            run_config={"resources": {"dicom": {"config": section}}}
        )
    sentence = config_sentence(caught.value)
    assert sentence.startswith("The run configuration does not fit: ")
    assert "\n" not in sentence and " -> see conf/run.example.yaml" in sentence
    for word in words:
        assert word in sentence


def test_the_launchpad_knows_codes_verdicts_and_defaults():
    config = DicomResource.to_config_schema().as_field().config_type.fields["policy"].config_type
    assert set(config.fields) == {str(code) for code in REMARK_CODES}
    for code, verdict in verdicts({}).items():
        kind = config.fields[str(code)].config_type
        assert {value.config_value for value in kind.enum_values} == {"refuse", "warn"}
        assert DicomPolicy().model_dump()[str(code)] == verdict
    chosen = DicomResource(policy={"BONE_KERNEL": "refuse"}).policy.model_dump()
    assert verdicts(chosen) == verdicts({"BONE_KERNEL": "refuse"})


@pytest.mark.parametrize(
    ("raised", "last"),
    [
        ("MemoryError()", "ERROR: There is not enough memory -> "),
        ("OSError(28, 'No space left on device')", "ERROR: No space is left on a disk -> "),
        ("KeyError('position')", "KeyError: 'position'"),
    ],
)
def test_the_end_of_a_process(raised, last):
    code = f"import ich_assets.definitions\nraise {raised}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(last)
    assert ("Traceback" in done.stderr) == ("KeyError" in raised)


def test_a_status_line_is_left_out_and_other_errors_stay(capsys, monkeypatch):
    import click

    from ich_assets.runtime.faults import leave_out_status_line

    monkeypatch.setattr(click.ClickException, "show", click.ClickException.show)
    leave_out_status_line()
    leave_out_status_line()
    click.ClickException("Run 1-2-3 resulted in failure.").show()
    assert capsys.readouterr().err == ""
    click.ClickException("another").show()
    assert capsys.readouterr().err == "Error: another\n"
