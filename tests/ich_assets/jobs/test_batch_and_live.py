"""A batch in the RUN_ROOT of an inbox: what came into the inbox keeps its rows and its numbers."""

import json
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ich_assets.definitions import defs
from ich_resources.series import Ledger
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import write_arrivals, write_scan

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from made_results import MadeSeries


def _ledger(*made: MadeSeries) -> Ledger:
    series = sorted((m.series for m in made), key=lambda s: s.series_instance_uid)
    return Ledger(("/in",), tuple(series), (), 8, 0)


def _write(layout: Layout, models: Path, *, batch: bool) -> dg.ExecuteInProcessResult:
    """Write all tables as a batch does at its end, or as a run of ich_outputs."""
    resources = {
        "storage": {"run_root": str(layout.run_root)},
        "networks": {"model_dir": str(models), "max_folds_per_backbone": 1},
        "saliency": {"image_size_override": 64, "method": "gradcam"},
    }
    config = {"resources": {name: {"config": value} for name, value in resources.items()}}
    ops = {"run_outputs": {"config": {"only_these_options": batch}}}
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("ich_outputs").execute_in_process(
            instance=instance, run_config=config | {"ops": ops}
        )


def test_a_batch_with_other_options_removes_no_live_row(tmp_path, stand_in_models):
    """The made results come from other checkpoints than those of the batch."""
    layout = Layout(tmp_path / "results")
    live, waiting, scanned = (
        MadeSeries(layout, number, np.random.default_rng(number), 4) for number in (1, 2, 3)
    )
    write_arrivals(layout, _ledger(live, waiting))
    write_scan(layout, _ledger(scanned))
    live.score()
    scanned.score()
    for batch in (True, False):
        _write(layout, stand_in_models, batch=batch)
        table = _read(layout, "predictions_per_series.csv").set_index("series_id")
        assert set(table[table["rank"] != ""].index) == {live.uid, scanned.uid}
        assert table.loc[waiting.uid, ["rank", "state"]].to_list() == ["", "waiting"]
        assert len(_read(layout, "series_ledger.csv")) == 3
        assert len(_read(layout, "predictions_per_study.csv")) == 3
        # The reference's tables hold the scan with the options of the batch, the inbox with any.
        current = {live.uid} if batch else {live.uid, scanned.uid}
        assert set(_read(layout, "slices.csv")["series_id"]) == current
        assert len(_read(layout, "predictions_per_slice.csv")) == 4 * len(current)
        written = json.loads((layout.output / "run_report.json").read_text())["written"]
        assert f"Tables over slices: {written}" in layout.worklist.read_text()


def _read(layout: Layout, name: str) -> pd.DataFrame:
    return pd.read_csv(layout.output / name, dtype=str, keep_default_na=False)


@pytest.mark.parametrize("name", ["predictions_per_series.csv", "predictions_per_study.csv"])
def test_a_run_root_without_an_inbox_has_the_tables_of_its_batch_alone(
    tmp_path, stand_in_models, name
):
    layout = Layout(tmp_path / "results")
    scanned = MadeSeries(layout, 3, np.random.default_rng(3), 4)
    write_scan(layout, _ledger(scanned))
    scanned.score()
    _write(layout, stand_in_models, batch=True)
    assert _read(layout, name)["state"].to_list() == ["waiting"]
    assert not layout.row_cache.exists()
    assert "Tables over slices" not in layout.worklist.read_text()
