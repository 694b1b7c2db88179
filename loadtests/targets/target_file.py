"""A TOML file that describes an HTTP sender, checked as a whole: every error is reported at once.

Secrets are written as ``${VAR}`` and read from the environment when the load starts; they are never
written to a log or a run directory.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from user_input.addresses import host_and_port
from user_input.one_line import OneLine
from user_input.plain_errors import settings_errors
from user_input.secret_text import read_secret
from user_input.text_file import decoded

FIELDS = ("key", "to", "text", "message_class", "campaign")
PLACEHOLDER = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")
_ANY_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_-]*)\}")  # not the ${VAR} of the environment
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_is_header_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110 section 5.6.2
_ENDS_LINE = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Escape = Literal["json", "form", "xml", "none"]
Status = Annotated[int, Field(ge=100, le=599)]


class TargetError(ValueError):
    """A target file that cannot be used. The text lists all errors."""


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # not a port, or not an IPv6 address
        usable = False
    if not usable or re.search(r"\s", parts.netloc) or _ENDS_LINE.search(value):
        raise ValueError("must be an http:// or https:// URL with a host, without control characters")
    if "#" in value:  # an HTTP client leaves it out, with all that follows
        raise ValueError("must be a URL without a fragment: write %23 for a # in it")
    return value


def _process_id(value: object) -> object:
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and value.strip():
        return Path(value)
    raise ValueError("must be a process id, 1 or more, or the path of a file that holds one")


ProcessId = Annotated[int | Path, BeforeValidator(_process_id)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[str, AfterValidator(read_secret)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JsonEquals(_Part):
    """The value at a dotted path of the reply (such as ``list.0.id``) must equal ``equals``."""

    path: str = Field(min_length=1)
    equals: str | int | bool


class AcceptedReply(_Part):
    """The conditions for accepted: a status of the list, the JSON field if given, and an id at ``id_path``
    (dotted path) if given.
    """

    status: tuple[Status, ...] = (200, 201, 202)
    field: JsonEquals | None = None
    id_path: str | None = None


class Provider(_Part):
    """The mock provider. Without ``url`` the runner starts one, on ``port`` and with ``token``.

    ``journal`` is the journal file of the user's own provider; its rows of the run are copied into the run
    directory.
    """

    url: HttpUrl | None = None
    admin_token: Secret | None = None
    journal: Path | None = None
    port: int = Field(default=0, ge=0, le=65535)
    token: Secret | None = None

    @property
    def address(self) -> str:
        return address_of(self.url) if self.url is not None else f"http://127.0.0.1:{self.port}"


class RequestTemplate(_Part):
    """One request for each message. Placeholders: {key}, {to}, {text}, {message_class}, {campaign}."""

    url: HttpUrl
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    escape: Escape | None = None  # None: by the Content-Type
    timeout_s: float = Field(default=30.0, gt=0, le=600)

    @field_validator("headers")
    @classmethod
    def _one_line(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if not _is_header_name(name):
                raise ValueError(f"header {name!r} must have a name of letters, digits and dashes")
            if _CONTROL.search(content) or not _is_latin_1(content):
                raise ValueError(
                    f"header {name!r} must be one line of printable Latin-1 characters; its value has another"
                )
            if name.lower() in ("content-length", "host", "transfer-encoding", "connection"):
                raise ValueError(f"header {name!r} is set by the load itself")
        return value

    @model_validator(mode="after")
    def _whole(self) -> RequestTemplate:
        missing = _missing_placeholders(self.url, self.body)
        if missing is not None:
            raise ValueError(missing)
        return self

    @property
    def carries_key(self) -> bool:
        """Whether the template has a placeholder for the key; if not, the key is added to the text as
        ``#K<key>#``.
        """
        return "{key}" in self.url + self.body + "".join(self.headers.values())

    def escaping(self) -> Escape:
        if self.escape is not None:
            return self.escape
        content_type = next((v for k, v in self.headers.items() if k.lower() == "content-type"), "")
        if "x-www-form-urlencoded" in content_type:
            return "form"
        if "xml" in content_type:
            return "xml"
        return "none" if content_type.startswith("text/") else "json"


class Target(_Part):
    """An HTTP sender. ``name`` is by default the file's name."""

    name: OneLine
    health_url: HttpUrl | None = None
    process: ProcessId | None = None  # its id, or the file that holds it
    allow_remote: bool = False
    request: RequestTemplate
    accepted: AcceptedReply = AcceptedReply()
    provider: Provider = Provider()

    @model_validator(mode="after")
    def _on_this_machine(self) -> Target:
        if not self.allow_remote and not is_loopback(self.request.url):
            raise ValueError(_remote("request.url", self.request.url))
        return self

    def described(self) -> dict[str, object]:
        """For the manifest, without fields that may contain a secret."""
        url = address_of(self.request.url)
        sent = {"method": self.request.method, "url": url, "timeout_s": self.request.timeout_s}
        return {"name": self.name, "kind": "http", **sent}


_WORDS = {"tuple_type": "must be a list such as [200]"}  # of statuses, the only list


def address_of(url: str) -> str:
    """The URL without user, password and query, which may contain secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_and_port(parts.hostname or '', parts.port)}{parts.path}"


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def variables_of(path: Path) -> set[str]:
    """The environment variables that a target file names: a load needs them to read it."""
    return set(_VARIABLE.findall(path.read_text(encoding="utf-8", errors="replace")))


def load_target(
    path: Path, environment: Mapping[str, str] | None = None, needs_provider: bool = False
) -> Target:
    """The target of a file, its ``${VAR}`` filled from the environment. Raises ``TargetError`` with all
    errors. ``needs_provider``: it is one if the file does not say where the mock provider is.
    """
    try:
        raw = tomllib.loads(decoded(path.read_bytes()))
    except FileNotFoundError as error:
        raise TargetError(f"there is no target file {path}") from error
    except OSError as error:
        raise TargetError(f"the target file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of the encoding and of TOML
        raise TargetError(f"the target file {path} is not readable TOML: {error}") from error
    absent: dict[str, set[str]] = {}
    values = os.environ if environment is None else environment
    filled = {key: _filled(item, values, absent, key) for key, item in raw.items()}
    names = sorted(set().union(*absent.values()))
    unset = [f"environment variable {name} is not set: export {name}=…" for name in names]
    # Before secrets are filled in, which may contain braces.
    problems = [*_unknown_placeholders(raw.get("request")), *_not_json(filled.get("request"))]
    without = list(_no_provider(filled.get("provider", {}))) if needs_provider else []
    try:
        target = Target.model_validate({"name": path.stem} | filled)
    except ValidationError as error:
        found = settings_errors(error, Target, _WORDS)
        # Pydantic validates a table as a whole only if each of its keys is valid.
        found += [problem for problem in _whole_problems(filled) if problem not in found]
        problems = [*unset, *_without(absent, [*problems, *found, *without])]
        raise TargetError(_listed(path, problems)) from None  # the cause would show secrets
    problems = [*unset, *_without(absent, [*problems, *without])]
    if problems:
        raise TargetError(_listed(path, problems))
    return _from_directory(target, path.absolute().parent)


def _from_directory(target: Target, directory: Path) -> Target:
    """Relative paths in the file begin at its directory."""
    journal, process = target.provider.journal, target.process
    changed: dict[str, object] = {}
    if journal is not None:
        changed["provider"] = target.provider.model_copy(update={"journal": directory / journal})
    if isinstance(process, Path):
        changed["process"] = directory / process
    return target.model_copy(update=changed) if changed else target


def _unknown_placeholders(request: object) -> Iterator[str]:
    if not isinstance(request, dict):
        return
    headers = request.get("headers")
    texts = {"url": request.get("url"), "body": request.get("body")}
    if isinstance(headers, dict):
        texts |= {f"headers.{name}": value for name, value in headers.items()}
    allowed = ", ".join(f"{{{name}}}" for name in FIELDS)
    for place, text in texts.items():
        if isinstance(text, str):
            for name in sorted(set(_ANY_PLACEHOLDER.findall(text)) - set(FIELDS)):
                yield f"request.{place}: unknown placeholder {{{name}}}; allowed: {allowed}"


def _not_json(request: object) -> Iterator[str]:
    """A body that its Content-Type calls JSON, filled once with values as long as their placeholders."""
    headers, body = (request.get("headers"), request.get("body")) if isinstance(request, dict) else ("", "")
    if not (isinstance(request, dict) and isinstance(headers, dict) and isinstance(body, str) and body):
        return
    given = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    media = str(given).partition(";")[0].strip().lower()
    if (
        not (media == "application/json" or media.endswith("+json"))
        or request.get("escape", "json") != "json"
    ):
        return
    sample = PLACEHOLDER.sub(lambda found: ("1" if found[1] == "to" else "x") * len(found[0]), body)
    try:
        json.loads(sample)
    except json.JSONDecodeError as error:
        yield f"request.body: is not JSON (position {error.pos + 1}): {error.msg}"
    except RecursionError:
        yield "request.body: is JSON that is nested too deeply"


def _no_provider(provider: object) -> Iterator[str]:
    if isinstance(provider, dict) and not (provider.get("url") or provider.get("port")):
        yield (
            "the file does not say where the mock provider of its sender is. Add a port, on which the run "
            "starts one, and point your sender at http://127.0.0.1:9500 with this token:\n\n"
            '  [provider]\n  port = 9500\n  token = "mock"\n\n'
            "Or add the url of a mock provider that you run yourself (docs/load.md)"
        )


def _whole_problems(document: dict[str, object]) -> Iterator[str]:
    """Errors of whole tables, for a file that also has errors in single keys."""
    request = document.get("request")
    if not isinstance(request, dict):
        return
    url, body = request.get("url"), request.get("body", "")
    if not (isinstance(url, str) and isinstance(body, str)):
        return
    missing = _missing_placeholders(url, body)
    if missing is not None:
        yield f"request: {missing}"
    try:
        remote = bool(urlsplit(url).hostname) and not is_loopback(url)
    except ValueError:
        return  # the key's own error says so
    if remote and document.get("allow_remote") is not True:
        yield _remote("request.url", url)


def _missing_placeholders(url: str, body: str) -> str | None:
    missing = {"to", "text"} - set(PLACEHOLDER.findall(url + body))
    names = " and ".join(f"{{{name}}}" for name in sorted(missing))
    return f"neither url nor body has a placeholder for {names}" if missing else None


def _remote(field: str, url: str) -> str:
    # Only its host: any other part may contain a secret.
    return (
        f"{field}: {urlsplit(url).hostname} is not on this machine; localhost, 127.0.0.1 and ::1 are allowed."
        " If the sender there is a test system that cannot reach real phones, set allow_remote = true at the "
        "beginning of the file"
    )


def _is_latin_1(text: str) -> bool:
    return all(character <= "\xff" for character in text)


def _listed(path: Path, problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return f"{path}:\n" + "\n".join(f"  {problem}" for problem in problems)


def _without(absent: Mapping[str, set[str]], problems: list[str]) -> list[str]:
    """Without the problems of keys whose variable is not set, since their values are not known, and of the
    tables that these keys are in.
    """
    unknown = [f"{place}." for place in absent]
    fields = [(f"{problem.partition(':')[0]}.", problem) for problem in problems]
    return [
        problem
        for field, problem in fields
        if not any(place.startswith(field) or field.startswith(place) for place in unknown)
    ]


def _filled(value: object, environment: Mapping[str, str], absent: dict[str, set[str]], place: str) -> object:
    """``absent`` gets the variables that are not set, by the key that names them. They stay as they are."""
    if isinstance(value, dict):
        return {key: _filled(item, environment, absent, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment, absent, place) for item in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            absent.setdefault(place, set()).add(name)
            return match.group()
        return environment[name].rstrip("\r\n")  # of the shell or file it was read from

    return _VARIABLE.sub(variable, value)
