"""The target file, which describes the HTTP API of a sender (docs/load.md)."""

from loadtests.targets.target_file import (
    PLACEHOLDER,
    Target,
    TargetError,
    address_of,
    load_target,
    variables_of,
)

__all__ = ["PLACEHOLDER", "Target", "TargetError", "address_of", "load_target", "variables_of"]
