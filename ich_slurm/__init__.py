"""The earlier place of the SLURM launcher, for a dagster.yaml that still names it."""
