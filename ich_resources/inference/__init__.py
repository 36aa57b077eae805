"""Predictions: the probabilities of each fold for the slices of a series."""
