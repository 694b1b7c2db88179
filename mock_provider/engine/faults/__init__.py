"""Faults of the provider. Each module of ``kinds`` holds one: its settings, its description, what it does.

The registry below finds the kinds; profiles, admin API and page take them from here (docs/faults.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Union, get_args

from pydantic import AfterValidator, Field

from mock_provider.engine.faults import kinds
from mock_provider.engine.faults.settings import FaultSettings


def _registered() -> dict[str, type[FaultSettings]]:
    found: dict[str, type[FaultSettings]] = {}
    for found_module in iter_modules(kinds.__path__):
        module = import_module(f"{kinds.__name__}.{found_module.name}")
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, FaultSettings) and each is not FaultSettings:
                for kind in get_args(each.model_fields["kind"].annotation):
                    if found.setdefault(kind, each) is not each:
                        raise TypeError(f"two fault kinds have the name {kind}")
    return dict(sorted(found.items()))


FAULT_KINDS: Mapping[str, type[FaultSettings]] = _registered()
"""The settings of each kind by its name; the names of presets are among them."""


def _examples() -> dict[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for kind, settings in FAULT_KINDS.items():
        of_kind = {name: each for name, each in settings.examples.items() if each.get("kind", kind) == kind}
        for name, values in (of_kind or {kind: {}}).items():
            if name in found:
                raise TypeError(f"two examples of fault kinds have the name {name}")
            found[name] = {"kind": kind, **values}
    return dict(sorted(found.items()))


FAULT_EXAMPLES: Mapping[str, Mapping[str, object]] = _examples()
"""Settings with which a fault has an effect, by a name: at least one example of each kind."""


def fault_schema(kind: str) -> Mapping[str, object]:
    """The JSON schema of a kind's settings, without those that a preset fixes."""
    settings = FAULT_KINDS[kind]
    schema = settings.model_json_schema()
    schema["properties"]["kind"] = {"const": kind, "title": "Kind", "type": "string"}
    if kind in settings.presets:
        preset = settings.presets[kind]
        schema["description"] = preset.description
        for key in preset.settings:
            del schema["properties"][key]
    return schema


def fresh_name(kind: str, taken: Iterable[str]) -> str:
    """The kind itself, or the kind with the first free number from 2."""
    used = set(taken)
    name, number = kind, 1
    while name in used:
        number += 1
        name = f"{kind}-{number}"
    return name


def misfits(
    faults: Iterable[FaultSettings], carriers: Collection[str], limits: Mapping[str, object]
) -> list[str]:
    """Errors of the faults that depend on the rest of the profile: one line each.

    ``limits`` are the limits of ``throttle`` by name; None: there is none.
    """
    return [
        f"faults[{index}].{line}"
        for index, fault in enumerate(faults)
        for line in fault.misfits(carriers, limits)
    ]


def _named(faults: tuple[FaultSettings, ...]) -> tuple[FaultSettings, ...]:
    """Each with a name of its own, which it keeps when others are added or removed."""
    given = [fault.name for fault in faults if fault.name]
    repeated = sorted({name for name in given if given.count(name) > 1})
    if repeated:
        raise ValueError(f"faults must have different names; repeated: {', '.join(repeated)}")
    named = []
    for fault in faults:
        if not fault.name:
            name = fresh_name(fault.kind, given)
            given.append(name)
            fault = fault.model_copy(update={"name": name})
        named.append(fault)
    return tuple(named)


if TYPE_CHECKING:
    Faults = tuple[FaultSettings, ...]
else:  # the union of the registered classes is known at run time only
    _SETTINGS = tuple(dict.fromkeys(FAULT_KINDS.values()))
    _Fault = Annotated[Union[_SETTINGS], Field(discriminator="kind")]  # noqa: UP007
    Faults = Annotated[tuple[_Fault, ...], AfterValidator(_named)]
