"""The rooms of the house: each does one thing to the data and does not know the others.

Research use only. Not a medical device.
"""
