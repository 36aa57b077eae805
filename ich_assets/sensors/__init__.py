"""Sensors: what Dagster's daemon asks at every tick."""
