"""Which assets exist and in what order they run. ``ich_resources`` does the work."""

import warnings

import dagster as dg

# Partitioned checks are what a series needs, and a preview feature of Dagster 1.13.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
# Dagster warns of its own sensors, which have no owners.
warnings.filterwarnings("ignore", "Parameter `owners`", dg.BetaWarning)
