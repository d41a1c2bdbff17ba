"""The parameters of a runbook, as its Params dataclass states them."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from opsbook.errors import UsageError
from opsbook.options import Options

KINDS = (str, int, float, bool, Path)
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
RESERVED = frozenset({one.name for one in fields(Options)} | {"host", "hosts", "group", "all", "help", "dry"})


@dataclass(frozen=True)
class Marker:
    """What the value of a parameter names: something of the inventory, for completion and near misses, or something on this machine."""

    noun: str
    here: bool = False      # on this machine: it is judged before any host is contacted


SERVICE = Marker("service")
EXPORTER = Marker("exporter")
BACKUP = Marker("backup", here=True)            # a file that backup-certs has written
IDENTITY = Marker("identity", here=True)        # a file of age identities, or an SSH key
RECIPIENT = Marker("recipient", here=True)      # age1…, ssh-… or a file of them
SECRET = Marker("secret", here=True)            # prompt, - or a file
KEPT_SECRET = Marker("kept secret", here=True)  # the same, or generate; a run that goes on has it on record, and its file may be gone
TAKER = Marker("taker", here=True)              # who gets a new secret: terminal, a new file or !COMMAND
PUBLIC_KEY = Marker("public key", here=True)    # a line of authorized_keys, or a file with one


@dataclass(frozen=True)
class Field:
    """One parameter: an argument when it is required, else an option."""

    name: str
    kind: type
    required: bool
    default: Any = None
    help: str = ""
    marker: Marker | None = None
    choices: tuple[str, ...] = ()
    several: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """Return what the command line needs to know; a default is left to the dataclass, unless it names a service."""
        return self.name, self.kind, self.required, self.help, self.marker, self.choices, self.several, self.marker and self.default

    @property
    def in_inventory(self) -> bool:
        """Return whether its value is a name of the inventory."""
        return self.marker is not None and not self.marker.here

    @property
    def flag(self) -> str:
        """Return it as a message names it: `--some-option`, `ARGUMENT`."""
        return self.option.upper().replace("-", "_") if self.is_argument else f"--{self.option}"

    @property
    def option(self) -> str:
        """Return the name as it is typed, without the dashes in front."""
        return self.name.rstrip("_").replace("_", "-")

    @property
    def is_argument(self) -> bool:
        """Return whether it is given by its place; switches and lists never are."""
        return self.required and self.kind is not bool and not self.several


def fields_of(params: type) -> tuple[Field, ...]:
    """Given a Params dataclass, return its fields; raise TypeError when one has a type that a command line cannot give."""
    hints = get_type_hints(params, include_extras=True)
    return tuple(_field(one.name, hints[one.name], _default(one)) for one in fields(params))


def vet(fields: Iterable[Field], values: Mapping[str, Any]) -> None:
    """Given the values that were typed, by name, raise UsageError for one that no runbook should see."""
    for field in fields:
        if field.name in values:
            value = values[field.name]
            for one in value if field.several else (value,):
                _vet(field, one)


def build(params: type, values: Mapping[str, Any]) -> Any:
    """Given the values that were typed, by name, return the Params; raise UsageError for what no runbook, or this one, should see."""
    vet(fields_of(params), values)
    try:
        return params(**values)
    except ValueError as error:
        raise UsageError(str(error)) from None      # what the dataclass's own __post_init__ says


def _vet(field: Field, value: object) -> None:
    if not isinstance(value, str | Path):
        return
    text = str(value)
    if not text:
        raise UsageError(f"{field.option}: an empty text means nothing here")
    if UNSAFE.search(text):
        raise UsageError(f"{field.option}: no line ends or control characters, please", saw=ascii(text[:60]))
    if text.startswith("-") and text != "-":       # which is standard input
        raise UsageError(f"{field.option}: a value that begins with a dash would be read as an option", saw=ascii(text[:60]))


def _default(one: Any) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def _field(name: str, hint: Any, default: Any) -> Field:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    kind, choices, several = _kind(name, hint)
    if name.rstrip("_") in RESERVED:
        raise TypeError(f"Params.{name}: --{name} is an option of opsbook; choose another name")
    return Field(
        name,
        kind,
        required=default is MISSING,
        default=None if default is MISSING else default,
        help=next((extra for extra in extras if isinstance(extra, str)), ""),
        marker=next((extra for extra in extras if isinstance(extra, Marker)), None),
        choices=choices,
        several=several,
    )


def _kind(name: str, hint: Any) -> tuple[type, tuple[str, ...], bool]:
    """Return the type of one value, the choices if it has any, and whether several may be given."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = tuple(one for one in inner if one is not type(None))
        if len(inner) == 1:
            return _kind(name, inner[0])
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:    # noqa: PLR2004
        kind, choices, several = _kind(name, inner[0])
        if not several:
            return kind, choices, True
    if origin is Literal and all(isinstance(one, str) for one in inner):
        return str, tuple(inner), False
    if hint in KINDS:
        return hint, (), False
    raise TypeError(f"Params.{name}: a command line cannot give {hint}: only str, int, float, bool, Path, Literal, tuple, None")
