"""Read numbers of a data set that are written in an unusual way."""

import math
import re
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_DECIMAL_COMMA = re.compile(r"\s*[-+]?(?:\d+,\d*|,\d+)(?:[eE][-+]?\d+)?\s*", re.ASCII)


def value_of(dataset: Dataset, keyword: str) -> Any:
    """Return a value, with the commas of its numbers as decimal points.

    A decimal string (DS; DICOM PS3.5, section 6.2) has no comma. Some senders write one where
    their language has it. A number with comma and point, or with two commas, stays a text.

    Parameters
    ----------
    dataset : Dataset
        The data set.
    keyword : str
        Keyword of the element.

    Returns
    -------
    object
        The value as pydicom gives it, which is a text where it is not a number; None where the
        element is absent.
    """
    raw = dataset.get(keyword)
    items = list(raw) if isinstance(raw, MultiValue) else [raw]
    if not any(isinstance(item, str) and "," in item for item in items):
        return raw
    if dataset[keyword].VR != "DS":
        return raw
    read = [_with_point(item) for item in items]
    return MultiValue(lambda item: item, read) if isinstance(raw, MultiValue) else read[0]


def _with_point(item: Any) -> Any:
    if isinstance(item, str) and _DECIMAL_COMMA.fullmatch(item):
        return item.replace(",", ".")
    return item


def leading_numbers(raw: Any) -> tuple[float, ...]:
    """Return the numbers up to the first further value that is not a finite number.

    Parameters
    ----------
    raw : object
        One value, or several, as pydicom gives them.

    Raises
    ------
    ValueError
        If the first has a value and is not a finite number.
    """
    items = list(raw) if isinstance(raw, MultiValue) else [raw]
    if items[0] == "":
        return ()
    numbers = [float(items[0])]
    if not math.isfinite(numbers[0]):
        raise ValueError(f"{numbers[0]} is not finite")
    for item in items[1:]:
        try:
            number = float(item)
        except (TypeError, ValueError):
            break
        if not math.isfinite(number):
            break
        numbers.append(number)
    return tuple(numbers)
