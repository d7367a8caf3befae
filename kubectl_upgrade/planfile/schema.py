"""The plan file's JSON Schema (2020-12), made from the types that reading uses: for editors and for other tools."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from kubectl_upgrade.model.plan import Plan, PlannedStep
from kubectl_upgrade.model.types import VERSION, OneOf, Pattern, Range, Size
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.comments import SCHEMA_URL
from kubectl_upgrade.planfile.descriptions import descriptions_of
from kubectl_upgrade.planfile.encode import encode
from kubectl_upgrade.planfile.shape import fields_of, members
from kubectl_upgrade.steps import STEPS

if TYPE_CHECKING:
    from kubectl_upgrade.planfile.shape import Field

Schema = dict[str, Any]

# in the repository, which is where this module is run as a program
PUBLISHED = Path(__file__).parents[2] / "schemas/plan.v1.schema.json"


def schema() -> Schema:
    """Of the whole file. What only the meaning shows (order, targets, waivers) is judged by validation alone."""
    definitions = _Definitions()
    root = definitions.of(Plan)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_URL,
        "title": "Plan of kubectl upgrade-cp",
        **root,
        "$defs": dict(sorted(definitions.known.items())),
    }


def schema_text() -> str:
    """As it is published in schemas/."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


@dataclass(slots=True)
class _Definitions:
    """Schemas of dataclasses by their names."""

    known: dict[str, Schema] = field(default_factory=dict)

    def of(self, hint: Any) -> Schema:
        if hint is Version:
            return _pattern(VERSION)
        if hint is bool:
            return {"type": "boolean"}
        if is_dataclass(hint):
            return self.reference(hint)
        if members(hint):
            return {"anyOf": [self.of(member) for member in members(hint)]}
        return self.generic(get_origin(hint), get_args(hint))

    def generic(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is tuple:
            return self.list_of(arguments[0], Size(0, 10_000))
        if origin is dict:
            return {"type": "object"}
        if origin is Annotated:
            return self.annotated(*arguments)
        raise TypeError(f"the schema has no form for {origin}")

    def annotated(self, base: Any, mark: object) -> Schema:
        if isinstance(mark, Pattern):
            return _pattern(mark)
        if isinstance(mark, OneOf):
            return {"enum": list(mark.values)}
        if isinstance(mark, Range):
            return {"type": "integer", "minimum": mark.low, "maximum": mark.high}
        if isinstance(mark, Size):
            return self.list_of(get_args(base)[0], mark)
        raise TypeError(f"the schema has no rule {mark}")

    def list_of(self, item: Any, size: Size) -> Schema:
        bounds = {"minItems": size.low} if size.low else {}
        # entries with names are told apart by those, which no schema can say
        unique = {} if is_dataclass(item) else {"uniqueItems": True}
        return {"type": "array", **bounds, "maxItems": size.high, **unique, "items": self.of(item)}

    def reference(self, cls: Any) -> Schema:
        if cls.__name__ not in self.known:
            self.known[cls.__name__] = {}
            self.known[cls.__name__] = self.object_of(cls)
        return {"$ref": f"#/$defs/{cls.__name__}"}

    def object_of(self, cls: Any) -> Schema:
        described = descriptions_of(cls)
        properties = {part.key: self.property_of(part, described) for part in fields_of(cls)}
        required = [part.key for part in fields_of(cls) if part.required]
        return {
            "type": "object",
            "description": inspect.cleandoc(cls.__doc__ or ""),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
            **({"allOf": self.steps()} if cls is PlannedStep else {}),
        }

    def property_of(self, part: Field, described: dict[str, str]) -> Schema:
        made = self.of(part.type)
        if part.name in described:
            made = {**made, "description": described[part.name]}
        if not part.required and part.default is not None:
            made = {**made, "default": encode(part.default)}
        return made

    def steps(self) -> list[Schema]:
        """What may stand in `with` hangs on `do`."""
        return [self.step(name, cls) for name, cls in STEPS.items()]

    def step(self, name: str, cls: Any) -> Schema:
        needed = {"required": ["with"]} if any(part.required for part in fields_of(cls)) else {}
        chosen = {"properties": {"do": {"const": name}}, "required": ["do"]}
        return {"if": chosen, "then": {"properties": {"with": self.reference(cls)}, **needed}}


def _pattern(pattern: Pattern) -> Schema:
    described = {"description": pattern.what} if pattern.what else {}
    return {"type": "string", "pattern": f"^(?:{pattern.regex})$", **described}


if __name__ == "__main__":
    PUBLISHED.write_text(schema_text())
