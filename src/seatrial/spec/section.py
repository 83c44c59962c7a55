"""What every section of the system file is."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

Path = str
"""A file, relative to the system file."""


class Section(BaseModel):
    """A part of the system file: frozen, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False, protected_namespaces=()
    )


def attribute_docstrings(cls: type[BaseModel]) -> dict[str, str]:
    """Field to the text that stands below it, those of the classes that it inherits from included."""
    found: dict[str, str] = {}
    for declared in reversed(cls.__mro__[: cls.__mro__.index(BaseModel)]):
        declaration = ast.parse(inspect.getsource(declared)).body[0]
        for before, after in pairwise(getattr(declaration, "body", [])):
            match before, after:
                case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[field] = inspect.cleandoc(text)
    return found
