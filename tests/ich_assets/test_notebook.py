"""The notebook in examples/ shows the results of the demo."""

import os
from pathlib import Path

import nbformat
import pytest
from live import ROOT
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

NOTEBOOK = ROOT / "examples" / "look_at_results.ipynb"


def test_it_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)
    assert "Research use only" in notebook.cells[0].source


def test_it_runs_on_the_results_of_the_demo(finished_demo, tmp_path: Path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    folders = {
        "RUN_ROOT": str(finished_demo.place.results),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "MPLCONFIGDIR": str(tmp_path / "matplotlib"),
    }
    client.execute(env={**os.environ, **folders})
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    kinds = [kind for out in outputs for kind in out.get("data", {})]
    assert kinds.count("image/png") == 2  # the curve and the panel
    assert kinds.count("text/html") == 2  # the ledger and the ranking
    assert not [out for out in outputs if out.output_type in ("error", "stream")]
    shown = "".join(out["data"].get("text/html", "") for out in outputs)
    assert finished_demo.study.bleed_series in shown
