"""One partition per series, keyed by SeriesInstanceUID."""

import dagster as dg

SERIES = dg.DynamicPartitionsDefinition(name="series")
