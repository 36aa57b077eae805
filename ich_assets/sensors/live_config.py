"""The run configuration of live operation: one file for the sensor and the runs it requests."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import dagster as dg
import yaml
from pydantic import BaseModel, ValidationError

from ich_resources.environment import LIVE_CONFIG, read_variable
from ich_resources.errors import IchError

Resource = TypeVar("Resource", bound="dg.ConfigurableResource[Any]")
ResourceName = Literal[
    "inbox", "dicom", "networks", "saliency", "panels", "storage", "results", "send"
]
_REMEDY = "write it as conf/run.example.yaml, or unset LIVE_CONFIG"


class _Section(BaseModel, extra="forbid"):
    config: dict[str, Any] | None = None


class _LiveConfig(BaseModel, extra="forbid"):
    resources: dict[ResourceName, _Section | None] | None


def live_config() -> dict[str, Any]:
    """Return the run configuration that LIVE_CONFIG names; empty where it is not set.

    Raises
    ------
    IchError
        If the file cannot be read, or holds more than the configuration of resources.
    """
    name = read_variable(LIVE_CONFIG)
    if not name:
        return {}
    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        resources = _LiveConfig.model_validate(yaml.safe_load(text)).resources or {}
    except (OSError, ValueError, yaml.YAMLError) as err:  # pydantic's errors are ValueErrors
        raise IchError(f"LIVE_CONFIG cannot be read: {err}", path=path, remedy=_REMEDY) from err
    sections = {name: (section and section.config) or {} for name, section in resources.items()}
    return {"resources": {name: {"config": fields} for name, fields in sections.items()}}


def configured(resource: Resource, name: ResourceName, config: dict[str, Any]) -> Resource:
    """Return a resource with the fields that the run configuration sets.

    Parameters
    ----------
    resource : ConfigurableResource
        As the code location has it. It is not changed.
    name : str
        Its key below ``resources``.
    config : dict
        From ``live_config``; empty for no change.

    Raises
    ------
    IchError
        If the resource does not have such a field, or refuses the value.
    """
    fields = config.get("resources", {}).get(name, {}).get("config", {})
    unknown = set(fields) - set(type(resource).model_fields)
    if unknown:
        raise IchError(
            f"LIVE_CONFIG: resources.{name} has no field {', '.join(sorted(map(str, unknown)))}",
            remedy=_REMEDY,
        )
    try:
        return type(resource)(**{**resource.model_dump(), **fields})
    except ValidationError as err:
        first = err.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise IchError(
            f"LIVE_CONFIG: resources.{name}, field {place}: {first['msg']}", remedy=_REMEDY
        ) from err
