"""The six hemorrhage classes, in the order of every array axis C and every table."""

CLASSES = (
    "any",
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)
"""Class names; ``any`` first, then the subtypes (docs/reference.md, the table of classes)."""

ANY = CLASSES.index("any")
"""Index of the class ``any``: a hemorrhage of any subtype."""


def class_index(name: str) -> int:
    """Return the index of a class on the axis C.

    Raises
    ------
    ValueError
        If the name is not one of the six classes.
    """
    if name not in CLASSES:
        raise ValueError(f"{name!r} is not a hemorrhage class; choose one of {', '.join(CLASSES)}")
    return CLASSES.index(name)
