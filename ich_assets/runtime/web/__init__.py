"""Dagster's webserver behind a guard: pages of other sites cannot start runs."""
