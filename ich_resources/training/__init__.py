"""Training of the 2D networks, and their predictions for slices that they have not seen."""
