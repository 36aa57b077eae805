"""What Dagster loads: the graph, with the jobs and sensors that run it."""

import dagster as dg

from ich_assets import graph
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.jobs.batch import ich_batch
from ich_assets.jobs.install import install_trained
from ich_assets.jobs.retire import ich_retire
from ich_assets.jobs.send import ich_send
from ich_assets.jobs.sequence import ich_sequence
from ich_assets.jobs.shards import ich_collect, ich_prepare, ich_shard
from ich_assets.jobs.submit import ich_submission
from ich_assets.jobs.train import ich_train
from ich_assets.jobs.weights import fetch_checkpoints, fetch_side_files, verify_checkpoints
from ich_assets.runtime.faults import end_in_a_sentence
from ich_assets.runtime.garbage import spare_searches
from ich_assets.runtime.slurm.runs import slurm_runs
from ich_assets.sensors.inbox import dicom_inbox
from ich_assets.sensors.retry import ich_retry
from ich_assets.sensors.sending import dicom_sending
from ich_assets.sensors.tables import result_tables

end_in_a_sentence()
defs = dg.Definitions.merge(
    graph.defs,
    dg.Definitions(
        jobs=[
            ich_batch,
            ich_backlog,
            ich_prepare,
            ich_shard,
            ich_collect,
            ich_retire,
            ich_retry,
            ich_send,
            fetch_checkpoints,
            verify_checkpoints,
            fetch_side_files,
            ich_train,
            ich_sequence,
            ich_submission,
            install_trained,
        ],
        sensors=[dicom_inbox, dicom_sending, result_tables, slurm_runs],
    ),
)
spare_searches()
