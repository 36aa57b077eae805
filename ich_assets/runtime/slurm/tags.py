"""Run tags: what a run asks of SLURM, and which job it has become."""

PREFIX = "slurm/"
"""Precedes the name of an sbatch option in a run tag: ``slurm/gres``."""
JOB_TAG = "slurm/job_id"
"""The job that a run became."""
RUN_TAG = "slurm/run_id"
"""The run that ``JOB_TAG`` was given to: a repeated run inherits the tags of the first."""
