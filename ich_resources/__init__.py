"""The packages: each does one thing with the data and does not know the others.

Research use only. Not a medical device.
"""
