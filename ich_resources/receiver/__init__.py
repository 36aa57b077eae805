"""A C-STORE receiver: what a PACS or a scanner sends goes into the inbox."""
