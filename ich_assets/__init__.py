"""The corridor: which assets exist and in what order. The work is done in ``ich_resources``."""

import warnings

import dagster as dg

# Partitioned checks are what a series needs, and a preview feature of Dagster 1.13.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
# Dagster says this of its own sensors, which have none.
warnings.filterwarnings("ignore", "Parameter `owners`", dg.BetaWarning)
