"""Predictions against labels: curves, intervals, calibration, operating points."""
