from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from opsbook.errors import UsageError
from opsbook.page.fields import SERVICE, build, fields_of, vet


@dataclass(frozen=True)
class Everything:
    service: Annotated[str, SERVICE, "the service"]
    lines: Annotated[int, "how many"] = 30
    ratio: float = 0.5
    follow: bool = False
    since: str | None = None
    how: Literal["stop", "kill"] = "stop"
    only: tuple[str, ...] = ()
    file: Path | None = None
    counts: tuple[int, ...] = field(default_factory=lambda: (1, 2))
    class_: str = "x"


@dataclass(frozen=True)
class Picky:
    name: str = "a"

    def __post_init__(self) -> None:
        if not self.name.isalpha():
            raise ValueError("name: letters only")


def test_every_supported_type_becomes_a_field() -> None:
    fields = {one.name: one for one in fields_of(Everything)}
    assert (fields["service"].is_argument, fields["service"].marker, fields["service"].help) == (True, SERVICE, "the service")
    assert {name: one.kind for name, one in fields.items()} == {
        "service": str, "lines": int, "ratio": float, "follow": bool, "since": str,
        "how": str, "only": str, "file": Path, "counts": int, "class_": str,
    }
    assert fields["how"].choices == ("stop", "kill")
    assert [name for name, one in fields.items() if one.several] == ["only", "counts"]
    assert (fields["counts"].default, fields["class_"].option) == ((1, 2), "class")
    assert [name for name, one in fields.items() if one.required] == ["service"]


WRONG = [dict, list, "str | int", "list[str]", "Literal[1, 2]", "tuple[str, str]", "tuple[tuple[str, ...], ...]", "Any"]


@pytest.mark.parametrize("hint", WRONG)
def test_a_type_that_no_command_line_can_give_is_refused(hint: Any) -> None:
    params = dataclass(frozen=True)(type("Params", (), {"__annotations__": {"x": hint}, "__module__": __name__}))
    with pytest.raises(TypeError, match=r"Params\.x: a command line cannot give"):
        fields_of(params)


@pytest.mark.parametrize("name", ["plan", "yes", "json", "host", "hosts", "group", "all", "help", "lab", "wait", "all_"])
def test_a_field_cannot_take_the_name_of_an_option_of_opsbook(name: str) -> None:
    params = dataclass(frozen=True)(type("Params", (), {"__annotations__": {name: str}, "__module__": __name__}))
    with pytest.raises(TypeError, match="is an option of opsbook"):
        fields_of(params)


def test_what_was_not_typed_keeps_the_default_of_the_dataclass() -> None:
    assert build(Everything, {"service": "loki", "lines": 5}) == Everything("loki", 5)


HOSTILE = [
    "", "-x", "--upload-pack=touch /tmp/pwned", "a\nb", "a\rb", "a\x00b", "\x1b[2J", "a\x7f", "a\u2028b", "\udcff", "\x85",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_refused_before_a_runbook_sees_it(value: str) -> None:
    with pytest.raises(UsageError, match="service: "):
        build(Everything, {"service": value})
    with pytest.raises(UsageError, match="since: "):
        build(Everything, {"service": "x", "since": value})
    with pytest.raises(UsageError, match="only: "):
        build(Everything, {"service": "x", "only": ("ok", value)})


SHELLS = ["$(id)", "`id`", "a; rm -rf /", "a'b", 'a"b', "a|b", "a && b", "*", "~", "ä ö", "../../etc/passwd", "%s {0}"]


@pytest.mark.parametrize("value", SHELLS)
def test_characters_that_only_a_shell_minds_are_passed_on_unchanged(value: str) -> None:
    assert build(Everything, {"service": value}).service == value


def test_the_dataclass_may_refuse_a_value_in_its_own_words() -> None:
    with pytest.raises(UsageError, match="name: letters only"):
        build(Picky, {"name": "a1"})


def test_a_hostile_value_is_shown_harmlessly() -> None:
    with pytest.raises(UsageError) as raised:
        build(Everything, {"service": "a\x1b[2Jb"})
    assert "\x1b" not in str(raised.value)


def test_a_lone_dash_means_standard_input_and_is_no_option() -> None:
    vet(fields_of(Everything), {"since": "-"})
