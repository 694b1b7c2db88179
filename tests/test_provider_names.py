"""Code names a provider only in the provider's own rooms, and where a registry or a setting must.

Code is names, imports and strings, in Python files and in the tables and pages beside them. Comments and
docstrings may say where a behaviour comes from.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

from mock_provider.protocols.registry import HTTP_PROTOCOLS
from reference_sender.routes import ROUTES
from smsbench.own_modules import OWN_PACKAGES

ROOT = Path(__file__).parent.parent
PACKAGES = OWN_PACKAGES
# The generic JSON API is no provider's, and its name is an ordinary word.
NAMES = sorted((HTTP_PROTOCOLS.keys() | ROUTES.keys()) - {"generic"})
PROVIDERS = re.compile("|".join(map(re.escape, NAMES)), re.IGNORECASE)
# A room is a package or a module with the provider's name, in one of these places.
ROOMS = (
    "mock_provider/protocols",
    "mock_provider/settings/protocols",
    "mock_provider/profiles",
    "reference_sender/routes",
    "loadtests/simulate/direct",
)
EXCEPTIONS = {
    "mock_provider/protocols/registry.py": "the list of HTTP protocols",
    "mock_provider/settings/protocols/__init__.py": "one field for the settings of each protocol",
    "reference_sender/routes/__init__.py": "the default route",
    "mock_provider/cli.py": "the default profile",
    "mock_provider/profiles/renamed_keys.py": "earlier names of keys of profiles",
    "mock_provider/profiles/throttled.toml": "a setting of a protocol in a ready-made profile",
    "mock_provider/testing/virtual.py": "the default protocol of a test's submits",
    "loadtests/parts.py": "the profile of a scenario",
    "loadtests/scenarios/bench.py": "the profile of a scenario",
    "loadtests/scenarios/two_routes.py": "the profiles of a scenario",
    "loadtests/cli.py": "an example in the help",
    "loadtests/calibrate/expected.py": "calibrate sends SMSAPI's requests and expects its replies",
}


def is_of_a_room(path: Path) -> bool:
    places = [ROOT / room for room in ROOMS]
    return any(
        each.parent in places and PROVIDERS.match(each.name) is not None for each in (path, *path.parents)
    )


def provider_names(source: str) -> list[str]:
    """The tokens of a Python file that name a provider, without those of comments and docstrings."""
    texts = {
        (node.lineno, node.col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in (tokenize.COMMENT, tokenize.NL)
        and token.start not in texts
        and PROVIDERS.search(token.string)
    ]


def files_that_name_a_provider() -> set[str]:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if is_of_a_room(path) or path.suffix not in {".py", ".toml", ".js", ".j2"}:
                continue
            source = path.read_text(encoding="utf-8")
            if path.suffix != ".py":
                source = re.sub(r"^\s*(?:#|//).*$", "", source, flags=re.MULTILINE)
            if provider_names(source) if path.suffix == ".py" else PROVIDERS.search(source):
                found.add(str(path.relative_to(ROOT)))
    return found


def test_only_rooms_of_a_provider_name_it() -> None:
    assert files_that_name_a_provider() == set(EXCEPTIONS)


def test_a_name_is_found_in_code_and_not_in_text_about_it() -> None:
    source = '"""SMSAPI."""\n\ndef f(x):\n    """As Twilio does."""\n    return x  # Vonage\n'
    assert provider_names(source) == []
    assert provider_names(source.replace("return x", "return 'Twilio' in smsapi_codes")) == [
        "'Twilio'",
        "smsapi_codes",
    ]
