"""A synthetic study and stand-in checkpoints, for the demo and the tests."""
