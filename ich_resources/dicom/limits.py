"""The bounds of one file. A file that exceeds one fails alone, with the code OVER_LIMIT."""

SECONDS = 30
"""Longest time to parse or decode one file."""
MEMORY = 1024**3
"""Address space for one file, in bytes, beyond what the child process uses before it."""
LARGEST_FILE = 256 * 1024**2
"""Largest file of a slice, in bytes. Of a larger file only the header is read."""
LARGEST_DATASET = 256 * 1024**2
"""Largest data set that a deflated file may inflate to, in bytes."""
PIXELS = 4096 * 4096
"""Largest product of Rows and Columns."""
NESTING = 32
"""Deepest nesting of sequences."""
PLAIN_ELEMENTS = 5000
"""Elements and items of a file that is parsed in the process itself; a CT slice has hundreds."""
PLAIN_VALUE = 64 * 1024
"""Longest value outside PixelData that is parsed in the process itself, in bytes."""
