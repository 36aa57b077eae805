"""The run configuration of live operation: one file for the sensor and the runs it requests."""

import os
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import yaml
from pydantic import ValidationError

from ich_resources.environment import LIVE_CONFIG
from ich_resources.errors import IchError

Resource = TypeVar("Resource", bound="dg.ConfigurableResource[Any]")
_REMEDY = "write it as run.example.yaml, or unset LIVE_CONFIG"


def live_config() -> dict[str, Any]:
    """Return the run configuration that LIVE_CONFIG names; nothing where it is not set.

    Raises
    ------
    IchError
        If the file cannot be read, or holds more than resources.
    """
    name = os.environ.get(LIVE_CONFIG, "").strip()
    if not name:
        return {}
    path = Path(name).expanduser()
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as err:
        raise IchError(f"LIVE_CONFIG cannot be read: {err}", path=path, remedy=_REMEDY) from err
    if not isinstance(config, dict) or set(config) != {"resources"}:
        raise IchError("LIVE_CONFIG must hold resources alone", path=path, remedy=_REMEDY)
    return config


def configured(resource: Resource, name: str, config: dict[str, Any]) -> Resource:
    """Return a resource with the fields that the run configuration sets.

    Raises
    ------
    IchError
        If it has no such field, or not such a value.
    """
    section = (config.get("resources") or {}).get(name) or {}
    fields = section.get("config") or {}
    unknown = set(fields) - set(type(resource).model_fields)
    if unknown:
        raise IchError(
            f"LIVE_CONFIG: resources.{name} has no field {', '.join(sorted(unknown))}",
            remedy=_REMEDY,
        )
    try:
        return type(resource)(**{**resource.model_dump(), **fields})
    except ValidationError as err:
        raise IchError(f"LIVE_CONFIG: {err}", remedy=_REMEDY) from err
