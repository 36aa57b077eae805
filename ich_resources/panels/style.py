"""Colours and sentences of all pictures."""

BACKGROUND = "#12161c"
FRAME = "#3b4654"
TEXT = "#eceff3"
DIM_TEXT = "#a3aebb"
BAR = "#4f86b5"
HIGHEST_BAR = "#f2a33a"
BANNER = "#ffe14d"
BANNER_TEXT = "#12161c"

CLASS_COLOURS = ("#ffffff", "#f2a33a", "#56b4e9", "#1fc49a", "#f0e442", "#e07bb0")
"""One colour per class, in the order of ``CLASSES``. They follow Okabe and Ito: colour-blind people
can distinguish them. They are brighter, for the dark background."""

SANS = "DejaVu Sans"
MONO = "DejaVu Sans Mono"

FOOTER = "Research use only. Not for diagnosis."
