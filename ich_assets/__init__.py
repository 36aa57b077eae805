"""The corridor: which assets exist and in what order. The work is done in ``ich_resources``."""
