"""Runs of Dagster as jobs of SLURM: a run launcher, for conf/dagster.slurm.yaml."""
