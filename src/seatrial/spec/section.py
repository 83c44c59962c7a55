"""What every section of the system file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Path = str
"""A file, relative to the system file."""


class Section(BaseModel):
    """A part of the system file: frozen, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False, protected_namespaces=()
    )
