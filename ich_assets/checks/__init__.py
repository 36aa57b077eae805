"""Asset checks of the steps of a series."""
