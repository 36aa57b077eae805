"""The inbox: the folder into which studies come, and an index of its files and series."""
