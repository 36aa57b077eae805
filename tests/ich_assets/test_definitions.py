"""The definitions load fast, lightly, and as Dagster wants them."""

import subprocess
import sys

import dagster as dg
import yaml

from ich_assets.definitions import defs
from ich_resources.backbones.table import BACKBONES


def _keys(graph_keys) -> set[str]:
    return {key.to_user_string() for key in graph_keys}


def test_they_are_loadable():
    dg.Definitions.validate_loadable(defs)


def test_loading_them_imports_no_torch():
    code = (
        "import sys, ich_assets.definitions as d; d.defs.get_repository_def();"
        "print([m for m in ('torch', 'matplotlib', 'pydicom', 'sklearn', 'highdicom') "
        "if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch" not in run.stdout
    assert "pydicom" not in run.stdout
    assert "sklearn" not in run.stdout
    assert "highdicom" not in run.stdout


def test_the_graph_is_the_one_in_the_readme():
    graph = defs.resolve_asset_graph()
    partitioned = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).partitions_def is not None
    }
    assert partitioned == {
        "dicom_series",
        "processed_series",
        *(backbone.predictions_step for backbone in BACKBONES.values()),
        "ensemble_predictions",
        "sequence_predictions",
        "saliency_panels",
        "dicom_results",
        *("trained_fold", "oof_predictions", "test_predictions"),
        *("trained_sequence", "sequence_oof"),
    }
    parents = graph.get(dg.AssetKey("ensemble_predictions")).parent_keys
    assert _keys(parents) == {b.predictions_step for b in BACKBONES.values()}


def test_every_asset_explains_itself():
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        assert len(graph.get(key).description or "") > 40, key


def test_every_job_runs_in_one_process():
    jobs = ("ich_batch", "ich_series", "ich_scan", "ich_outputs", "ich_checkpoints", "ich_evaluate")
    for name in jobs:
        assert defs.resolve_job_def(name).executor_def is dg.in_process_executor


def test_the_example_configuration_is_valid_and_names_every_field(pytestconfig):
    text = (pytestconfig.rootpath / "conf" / "run.example.yaml").read_text()
    config = yaml.safe_load(text)
    dg.validate_run_config(defs.resolve_job_def("ich_batch"), config)
    for name in ("dicom", "networks", "saliency", "storage", "results"):
        resource = defs.resources[name]
        shown = config["resources"][name]["config"]
        for field in type(resource).model_fields:
            assert f"{field}:" in text, f"{name}.{field} is not in run.example.yaml"
            if field in shown:
                read = getattr(type(resource)(**{field: shown[field]}), field)
                assert read == getattr(resource, field), f"{name}.{field}"


def test_the_example_of_an_evaluation_is_valid_and_shows_the_defaults(pytestconfig):
    text = (pytestconfig.rootpath / "conf" / "evaluate.example.yaml").read_text()
    config = yaml.safe_load(text)
    dg.validate_run_config(defs.resolve_job_def("ich_evaluate"), config)
    resource = defs.resources["evaluation"]
    shown = config["resources"]["evaluation"]["config"]
    for field in type(resource).model_fields:
        assert f"{field}:" in text
        assert shown.get(field, getattr(resource, field)) == getattr(resource, field), field


def test_the_example_of_a_training_is_valid_and_names_every_field(pytestconfig):
    text = (pytestconfig.rootpath / "conf" / "train.example.yaml").read_text()
    config = yaml.safe_load(text)
    for job in ("ich_dataset", "ich_train", "ich_sequence", "ich_submission"):
        dg.validate_run_config(defs.resolve_job_def(job), config)
    for name in ("train_root", "dataset", "training", "sequence"):
        resource = defs.resources[name]
        shown = config["resources"][name]["config"]
        for field in type(resource).model_fields:
            assert f"{field}:" in text, f"{name}.{field} is not in train.example.yaml"
            if field in shown:
                read = getattr(type(resource)(**{field: shown[field]}), field)
                assert read == getattr(resource, field), f"{name}.{field}"
