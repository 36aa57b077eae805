"""The half of the graph that makes networks and judges them."""
