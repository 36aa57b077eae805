"""Run tags that resources read."""

PARTITION_TAG = "dagster/partition"
"""Run tag of Dagster: the partition of a run; of a run of one series its SeriesInstanceUID."""
BATCH_TAG = "ich/batch"
"""Run tag of a run inside a batch: the run id of the batch."""
HANG_TAG = "ich/hang_seconds"
"""Run tag: after this time, in seconds, a series that is under way is taken for hung."""
