from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from opsbook.cli.main import main
from opsbook.commands import COMMANDS
from opsbook.page import Page, pages
from opsbook.page.outline import outline
from tests.hostile import hostile, shown_raw
from tests.ssh.sshd import free_port

ROOT = Path(__file__).parent.parent
PAGES = pages([ROOT / "runbooks"])
BENIGN = {"service": "prometheus", "exporter": "queue-exporter", "backup": "backup.tar.age"}
REFUSED = {2, 3}
NOBODY_THERE = 8    # a text that means nothing bad by itself goes on to the host, where nobody listens here
HERE = "{}"         # where the hostile text stands in a command line

BUILT_IN = (
    (HERE,),
    ("show", HERE),
    ("trust", HERE),
    ("trust", "web1", "--fingerprint", HERE),
    ("trust", "web1", "--confirm", HERE),
    ("unlock", HERE),
    ("unlock", "web1", "--confirm", HERE),
    ("undo", HERE),
    ("undo", HERE, "web1"),
    ("undo", "261121-0105-aaaa", HERE),
    ("doctor", HERE),
    ("history", HERE),
    ("history", "show", HERE),
    ("history", "--on", HERE),
    ("history", "--limit", HERE),
    ("completion", HERE),
    ("lab", HERE),
    ("lab", "shell", HERE),
    ("lab", "shell", "vps-i1", HERE),
    ("lab", "break", HERE),
    ("lab", "break", "network-cut", HERE),
    ("lab", "break", "host-key-changed", HERE),
    ("lab", "mend", HERE),
    ("--inventory", HERE, "hosts"),
)
OF_EVERY_RUN = (("--failed-of", HERE), ("--group", HERE), ("--jobs", HERE), (f"--nonsense{HERE}",), ("web1", HERE))
OF_WRITERS = (("--batch", HERE), ("--max-fail", HERE), ("--wait", HERE), ("--confirm", HERE))


def lines_of(page: Page) -> list[tuple[str, ...]]:
    """Return the command lines of a runbook with one hostile place each."""
    fields = outline(page).fields
    needed = tuple(BENIGN[one.name] for one in fields if one.is_argument)
    places = [(*needed[:at], HERE, *needed[at + 1 :], "web1") for at in range(len(needed))]
    places += [(*needed, "web1", f"--{one.option}", HERE) for one in fields if not one.is_argument and one.kind is not bool]
    further = OF_EVERY_RUN if page.risk == "reads" else (*OF_EVERY_RUN, *OF_WRITERS)
    return [(page.name, *words) for words in (*places, (*needed, HERE), *((*needed, *words) for words in further))]


LINES = (*BUILT_IN, *(line for page in PAGES.values() for line in lines_of(page)))


@dataclass(frozen=True)
class Place:
    """A site whose host exists on paper only, and an operator who has nothing else."""

    folder: Path
    captured: pytest.CaptureFixture[str]

    @property
    def marker(self) -> Path:
        return self.folder / "executed"

    def type(self, *words: str) -> tuple[int, str]:
        """Run `opsbook WORDS`; return exit code and everything printed."""
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "OPSBOOK_INVENTORY": str(self.folder / "inventory.yaml")}
        with pytest.raises(SystemExit) as left:
            main(words, environment)
        said = self.captured.readouterr()
        return int(left.value.code or 0), said.out + said.err


@pytest.fixture
def place(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("OPSBOOK_LAB_NAME", "nobodys")
    write_inventory(tmp_path)
    return Place(tmp_path, capfd)


def write_inventory(folder: Path, **changed: object) -> None:
    """Write an inventory; `host_x`, `stack_x`, `service_x` set one key of a section."""
    sections: dict[str, dict[str, object]] = {
        "host": {"address": "127.0.0.1", "port": free_port(), "user": "nobody", "stack": "p24"},
        "stack": {"checkout": "/opt/p24", "directory": "/opt/p24/monitoring"},
        "service": {"port": 9090, "healthy": "/-/healthy"},
        "top": {},
    }
    for name, value in changed.items():
        section, _, key = name.partition("_")
        sections[section][key] = value
    services = {"prometheus": sections["service"], "queue-exporter": {"port": 9200, "exporter": True}, "alertmanager": {"port": 9093}}
    whole = {"hosts": {"web1": sections["host"]}, "stacks": {"p24": {**sections["stack"], "services": services}}, **sections["top"]}
    (folder / "inventory.yaml").write_text(yaml.safe_dump(whole, allow_unicode=False))


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_hostile_parameter_is_refused_clearly_and_nothing_is_executed(line: tuple[str, ...], place: Place) -> None:
    for text in hostile(place.marker):
        words = tuple(word.replace(HERE, text) for word in line)
        code, said = place.type(*words)
        no_word = text == "--" and code in {0, 10}      # the end of options: as if nothing had been typed
        harmless = no_word or (code == 0 and said.startswith("Usage:"))     # a cluster of flags with -h in it
        assert harmless or code in REFUSED | {NOBODY_THERE}, (words, code, said)
        assert "Traceback" not in said, (words, said)
        assert not shown_raw(said), (words, said)
        assert not place.marker.exists(), words


def test_every_command_and_every_runbook_is_in_the_corpus() -> None:
    harmless = {"list", "hosts"}    # they take no text
    assert {*COMMANDS, *PAGES} - harmless <= {line[0] for line in LINES} | {line[-1] for line in LINES}


@pytest.mark.parametrize("text", [
    "-oProxyCommand=touch", "--upload-pack=x", "a b", "x;y", "$(x)", "`x`", "../x", "x/../y", "\x1b[2J", "x\ny", "\u202ex", "x" * 5000, "",
])
@pytest.mark.parametrize(
    "key", ["host_address", "host_user", "host_jump", "host_stack", "stack_project", "service_scheme", "service_password_key"]
)
def test_a_hostile_name_in_the_inventory_is_refused_before_anything_is_contacted(key: str, text: str, place: Place) -> None:
    write_inventory(place.folder, **{key: text})
    code, said = place.type("bring-up", "web1", "--yes")
    assert code == 2, said
    assert "inventory.yaml" in said
    assert not shown_raw(said)


@pytest.mark.parametrize(
    "key", ["stack_checkout", "stack_directory", "stack_env_file", "service_job", "service_healthy", "service_username"]
)
def test_a_hostile_text_in_the_inventory_is_refused_or_no_more_than_a_text(key: str, place: Place) -> None:
    for text in hostile(place.marker):
        write_inventory(place.folder, **{key: text})
        for words in (("hosts",), ("bring-up", "web1", "--yes")):
            code, said = place.type(*words)
            assert code in {0, NOBODY_THERE, *REFUSED}, (key, text, said)
            assert not shown_raw(said), (key, text, said)
            assert not place.marker.exists(), (key, text)


def test_an_address_that_can_be_no_name_is_unreachable_and_no_bug(place: Place) -> None:
    write_inventory(place.folder, host_address="a..b")
    code, said = place.type("bring-up", "web1", "--yes")
    assert (code, "does not resolve" in said) == (NOBODY_THERE, True), said


@pytest.mark.parametrize("document", [
    "!!python/object/apply:os.system ['touch executed']",
    "hosts: !!python/object/apply:subprocess.check_output [['touch', 'executed']]",
    "hosts: &a [*a]",
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nhosts: *c",
    "[" * 3000,
    "hosts: {\x07: 1}",
    "\x00",
    "hosts: {'\\e[2Jx': {address: 127.0.0.1}}",
])
def test_a_hostile_document_as_inventory_is_refused(document: str, place: Place) -> None:
    (place.folder / "inventory.yaml").write_text(document)
    code, said = place.type("hosts")
    assert code == 2, said
    assert not shown_raw(said)
    assert "Traceback" not in said
    assert not place.marker.exists()


def test_a_hostile_variable_is_neither_executed_nor_echoed(place: Place) -> None:
    write_inventory(place.folder, host_address="${VPS}")
    for text in hostile(place.marker):
        if text and "\x00" not in text:
            (place.folder / ".env.local").write_bytes(f"VPS='{text}'\n".encode(errors="surrogateescape"))
            code, said = place.type("bring-up", "web1", "--yes")
            assert code == 2, (text, said)
            assert not shown_raw(said)
            assert not place.marker.exists()
