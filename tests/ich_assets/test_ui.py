"""The real webserver and daemon: a partition materialised as the UI's button does it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LAUNCH = """
mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
PARTITION = """
query($key: AssetKeyInput!, $partition: String!) {
 assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: [$partition]) {
    runId metadataEntries { label ... on MarkdownMetadataEntry { mdStr } } } } } }
"""
STALE = """
query($key: AssetKeyInput!, $partition: String!) {
 assetNodeOrError(assetKey: $key) { ... on AssetNode { staleStatus(partition: $partition) } } }
"""
NODES = "{ assetNodes { assetKey { path } groupName } }"


class Webserver:
    """GraphQL of a running ``dagster dev``."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def wait(self, seconds: float, ready) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if ready():
                    return True
            except OSError:
                pass
            time.sleep(1)
        return False


@pytest.fixture(scope="module")
def webserver(finished_demo):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = finished_demo.place.environ() | {"MAX_FOLDS_PER_BACKBONE": "1"}
    dagster = str(Path(sys.executable).with_name("dagster"))
    process = subprocess.Popen(
        [dagster, "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell without job control starts us with SIGINT ignored, and Dagster keeps that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )
    server = Webserver(port)
    try:
        assert server.wait(90, lambda: server.ask(NODES)["assetNodes"]), "no webserver"
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _materialise(server: Webserver, asset: str, *, partition: str = "", config=None) -> str:
    """Launch one asset as the UI's button does, wait, and return the run id."""
    tags = [{"key": "dagster/partition", "value": partition}] if partition else []
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
            "executionMetadata": {"tags": tags},
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def status() -> str:
        return server.ask(STATUS, id=run_id)["runOrError"]["status"]

    assert server.wait(180, lambda: status() in ("SUCCESS", "FAILURE"))
    assert status() == "SUCCESS"
    return run_id


def test_a_registered_partition_can_be_materialised_from_the_ui(webserver, finished_demo):
    uid = finished_demo.study.plain_series
    run_id = _materialise(webserver, "ensemble_predictions", partition=uid)
    node = webserver.ask(PARTITION, key={"path": ["ensemble_predictions"]}, partition=uid)
    newest, first = node["assetNodeOrError"]["assetMaterializations"][:2]
    assert newest["runId"] == run_id != first["runId"]
    pictures = [e["mdStr"] for e in newest["metadataEntries"] if "mdStr" in e]
    assert len(pictures) == 2
    assert all("data:image/png;base64," in picture for picture in pictures)


def test_new_weights_make_predictions_stale_in_the_ui(webserver, finished_demo, tmp_path):
    uid = finished_demo.study.plain_series

    def status_of(asset: str) -> str:
        answer = webserver.ask(STALE, key={"path": [asset]}, partition=uid)
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
    _materialise(webserver, "densenet169_checkpoints", config=config)
    assert status_of("densenet169_predictions") == "STALE"
    assert status_of("densenet121_predictions") == "FRESH"
