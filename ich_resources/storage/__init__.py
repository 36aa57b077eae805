"""The run root: the only package that writes results."""
