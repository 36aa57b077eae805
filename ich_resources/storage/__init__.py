"""The run root: the only room that writes results."""
