"""A series of the ledger from the JSON values of its file."""

from typing import Any

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark, SeriesRecord, SliceRecord


def series_from_json(value: dict[str, Any]) -> SeriesRecord:
    """Return a series from the JSON values of its fields.

    Raises
    ------
    LookupError, TypeError, ValueError
        If a value is missing, unknown or of another type.
    """
    return SeriesRecord(
        study_instance_uid=text(value["study_instance_uid"]),
        series_instance_uid=text(value["series_instance_uid"]),
        description=text(value["description"]),
        slices=tuple(_slice(record) for record in value["slices"]),
        remarks=tuple(Remark(Reason(r["code"]), text(r["reason"])) for r in value["remarks"]),
        primary=bool(value["primary"]),
        input_dir=text(value["input_dir"]),
        # An earlier version wrote no scanner.
        manufacturer=_text_or_none(value.get("manufacturer")),
        model=_text_or_none(value.get("model")),
        thickness=_number(value.get("thickness")),
    )


def _slice(value: dict[str, Any]) -> SliceRecord:
    return SliceRecord(
        path=text(value["path"]),
        sop_instance_uid=text(value["sop_instance_uid"]),
        digest=text(value["digest"]),
        judgement=judgement(value["judgement"]),
        position=_number(value["position"]),
        position_z=_number(value["position_z"]),
        copies=tuple(map(text, value["copies"])),
        sides=text(value.get("sides", "")),  # an earlier version wrote none
    )


def judgement(value: dict[str, Any] | None) -> Judgement | None:
    """Return a judgement from JSON values; None for an admitted slice.

    Raises
    ------
    ValueError
        If a value is unknown; ``LookupError`` or ``TypeError`` if it is missing or of another type.
    """
    if value is None:
        return None
    if value["state"] not in ("refused", "failed"):
        raise ValueError("not a state")
    return Judgement(value["state"], Reason(value["code"]), text(value["reason"]))


def text(value: object) -> str:
    """Return a value that must be a text.

    Raises
    ------
    TypeError
        If it is not.
    """
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else text(value)


def _number(value: object) -> float | None:
    if value is not None and not isinstance(value, int | float):
        raise TypeError("not a number")
    return value


def require(found: Judgement | None) -> Judgement:
    """Return a judgement that must be there.

    Raises
    ------
    ValueError
        If it is not.
    """
    if found is None:
        raise ValueError("no judgement")
    return found
