"""The real webserver and daemon: a partition materialised as the UI's button does it."""

import shutil

import pytest
import torch
from live import Webserver, wait, webserver

pytestmark = pytest.mark.slow

LAUNCH = """
mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
WHY = """
query($id: ID!) { runOrError(runId: $id) { ... on Run { eventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } } } } } } }
"""
PARTITION = """
query($key: AssetKeyInput!, $partition: String!) {
 assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: [$partition]) {
    runId metadataEntries { label ... on MarkdownMetadataEntry { mdStr } } } } } }
"""
BACKFILL = """
mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
BACKFILL_STATUS = """
query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }
"""
STALE = """
query($key: AssetKeyInput!, $partition: String!) {
 assetNodeOrError(assetKey: $key) { ... on AssetNode { staleStatus(partition: $partition) } } }
"""


@pytest.fixture(scope="module")
def server(finished_demo):
    environment = finished_demo.place.environ() | {"MAX_FOLDS_PER_BACKBONE": "1"}
    with webserver(environment, finished_demo.place.root / "webserver.log") as running:
        yield running


def _launch(server: Webserver, asset: str, tags: dict[str, str], config=None) -> tuple[str, str]:
    """Launch one asset as the UI's button does, wait, and return the run id and the status."""
    launched = server.ask(
        LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": "ich",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]}],
                "assetCheckSelection": [],
            },
            "mode": "default",
            "runConfigData": config or {},
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def status() -> str:
        return server.ask(STATUS, id=run_id)["runOrError"]["status"]

    assert wait(600, lambda: status() in ("SUCCESS", "FAILURE"))
    return run_id, status()


def _materialise(server: Webserver, asset: str, *, partition: str = "", config=None) -> str:
    """Materialise one asset, and return the run id."""
    tags = {"dagster/partition": partition} if partition else {}
    run_id, status = _launch(server, asset, tags, config)
    assert status == "SUCCESS"
    return run_id


def test_a_registered_partition_can_be_materialised_from_the_ui(server, finished_demo):
    uid = finished_demo.study.plain_series
    run_id = _materialise(server, "ensemble_predictions", partition=uid)
    node = server.ask(PARTITION, key={"path": ["ensemble_predictions"]}, partition=uid)
    newest, first = node["assetNodeOrError"]["assetMaterializations"][:2]
    assert newest["runId"] == run_id != first["runId"]
    pictures = [e["mdStr"] for e in newest["metadataEntries"] if "mdStr" in e]
    kinds = sorted(picture.partition("(data:image/")[2][:4] for picture in pictures)
    assert kinds == ["svg+", "webp"]


def test_a_backfill_makes_a_run_for_each_series(server, finished_demo):
    """Each with its partition, by which the lock and the checks of a series know it."""
    series = {finished_demo.study.plain_series, finished_demo.study.bleed_series}
    selected = {"assetSelection": [{"path": ["processed_series"]}], "partitionNames": list(series)}
    launched = server.ask(BACKFILL, params=selected)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    backfill = launched["backfillId"]

    def status() -> str:
        return server.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"]

    assert wait(300, lambda: status().startswith(("COMPLETED", "FAILED", "CANCELED")))
    assert status() == "COMPLETED_SUCCESS"
    runs = [r for r in server.runs() if r["tags"].get("dagster/backfill") == backfill]
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert {run["tags"]["dagster/partition"] for run in runs} == series


def test_a_single_run_over_several_series_says_what_to_choose(server, finished_demo):
    """Which the dialog offers, and nothing can take away but a policy that loses the checks."""
    first, last = finished_demo.study.plain_series, finished_demo.study.bleed_series
    tags = {
        f"dagster/asset_partition_range_{end}": uid
        for end, uid in (("start", first), ("end", last))
    }
    run_id, status = _launch(server, "processed_series", tags)
    assert status == "FAILURE"
    events = server.ask(WHY, id=run_id)["runOrError"]["eventConnection"]["events"]
    (error,) = (event["error"] for event in events if event.get("error"))
    assert "IchError: this run covers 2 series, and each series needs a run" in str(error)
    assert "launch the backfill with multiple runs" in str(error)


def test_the_timeline_has_the_batch_and_the_runs_inside_it(server):
    origins = server.ask(
        "{ runsOrError { ... on Runs { results { pipelineName tags { key value } "
        "repositoryOrigin { repositoryLocationName } } } } }"
    )["runsOrError"]["results"]
    found = {run["pipelineName"] for run in origins if run["repositoryOrigin"]}
    assert found >= {"ich_batch", "ich_scan", "ich_series", "ich_outputs"}
    assert all(run["repositoryOrigin"] for run in origins)
    (part_of,) = {
        tag["value"].partition(" ")[0]
        for run in origins
        for tag in run["tags"]
        if tag["key"] == "ich/part_of"
    }
    assert part_of == "ich_batch"


def test_new_weights_make_predictions_stale_in_the_ui(server, finished_demo, tmp_path):
    uid = finished_demo.study.plain_series

    def status_of(asset: str) -> str:
        answer = server.ask(STALE, key={"path": [asset]}, partition=uid)
        return answer["assetNodeOrError"]["staleStatus"]

    assert status_of("densenet169_predictions") == "FRESH"
    models = tmp_path / "models"
    shutil.copytree(finished_demo.place.models, models)
    (models / "checkpoints.sha256").unlink()
    path = models / "2DNet" / "DenseNet169_change_avg_256" / "model_epoch_best_0.pth"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["module.mlp.bias"] += 1
    torch.save(checkpoint, path)
    config = {"resources": {"networks": {"config": {"model_dir": str(models)}}}}
    _materialise(server, "densenet169_checkpoints", config=config)
    assert status_of("densenet169_predictions") == "STALE"
    assert status_of("densenet121_predictions") == "FRESH"
