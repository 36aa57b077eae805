"""The inbox: what has come into a watched folder, and which series have stopped growing."""
