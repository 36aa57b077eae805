"""Sequence models: a study as a whole, on top of the 2D networks."""
