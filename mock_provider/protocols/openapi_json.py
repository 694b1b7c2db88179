"""The type of an OpenAPI document and of its parts."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
