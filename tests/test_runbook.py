from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from opsbook.check import title
from opsbook.errors import UsageError
from opsbook.page import Page, folders, pages
from opsbook.page.fields import fields_of
from opsbook.page.outline import outline
from opsbook.runbook import Runbook, load

SITE = Path(__file__).parent / "site" / "runbooks"
ROOT = Path(__file__).parent.parent
HEAD = '"""Do it.\n\nWhen   now.\nRisk   mild: little.\nUndo   none.\n"""\nfrom __future__ import annotations\n'
STEP = 'def look(host, p):\n    """Look."""\n'
GOOD = HEAD + STEP + 'ON = "any"\nSTEPS = (look,)\nPROOF = (look,)\n'
FROZEN = GOOD + "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Params:\n"

Write = Callable[[str], Page]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Write a runbook's text and return its page."""

    def write(text: str) -> Page:
        path = tmp_path / "runbooks" / "chapter" / "sample.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return pages([tmp_path / "runbooks"])["sample"]

    return write


def refused(page: Page) -> str:
    with pytest.raises(UsageError) as raised:
        load(page)
    return str(raised.value)


def test_a_page_says_what_the_docstring_says() -> None:
    page = pages([SITE])["reload-sample"]
    assert (page.title, page.chapter, page.risk) == ("Reload the sample's rules", "prometheus", "mild")
    assert page.when == "a file under prometheus/rules changed in the config repo, or somebody asked for it."
    assert page.risk_text == "Prometheus keeps its old rules until the new ones are accepted."
    assert page.undo == "`opsbook undo`, or revert the commit and run this again."
    assert page.notes == "The rules are judged by the promtool of the running image."
    assert page.broken == ""


def test_pages_are_ordered_by_chapter_and_name() -> None:
    assert list(pages([SITE])) == ["reload-sample", "look-sample", "restart-sample"]


def test_a_runbook_that_cannot_be_imported_is_listed_like_any_other(written: Write) -> None:
    page = written(HEAD + "import a_module_that_nobody_has\nthis is no python")
    assert (page.title, page.broken) == ("Do it", "")


@pytest.mark.parametrize(("text", "words"), [
    ("", "lacks a docstring"),
    ("x = 1\n", "lacks a docstring"),
    ('"""Do it.\n\nWhen  now.\nRisk  mild: x.\n"""', "lacks Undo"),
    ('"""Do it."""', "lacks When, Risk, Undo"),
    ('"""Do it.\n\nWhen  now.\nRisk  some: x.\nUndo  none.\n"""', "Risk begins with reads, mild or severe, got 'some:'"),
    ('"""Do it', "sample.py:1: "),
    ("\x00", "sample.py"),
])
def test_a_page_that_lacks_something_is_broken_and_says_what(written: Write, text: str, words: str) -> None:
    page = written(text)
    assert words in page.broken
    assert words in refused(page)


def test_two_runbooks_of_one_name_are_broken_and_both_are_named(tmp_path: Path) -> None:
    for chapter in ("one", "two"):
        (tmp_path / chapter).mkdir()
        (tmp_path / chapter / "same.py").write_text(GOOD)
    broken = pages([tmp_path])["same"].broken
    assert "one/same.py" in broken
    assert "two/same.py" in broken


def test_a_runbook_cannot_take_the_name_of_a_command(written: Write, tmp_path: Path) -> None:
    written(GOOD)
    assert "is a command of opsbook" in pages([tmp_path / "runbooks"], reserved=["sample"])["sample"].broken


def test_a_sites_own_runbook_comes_before_the_packaged_one_of_that_name(written: Write, tmp_path: Path) -> None:
    own = written(GOOD)
    (tmp_path / "packaged").mkdir()
    (tmp_path / "packaged" / "sample.py").write_text(GOOD.replace("Do it", "Packaged"))
    assert pages([tmp_path / "runbooks", tmp_path / "packaged"])["sample"] == own


def test_files_that_begin_with_an_underscore_or_a_dot_are_no_runbooks(tmp_path: Path) -> None:
    for name in ("_shared.py", ".hidden.py", "__pycache__/x.py", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD)
    assert pages([tmp_path]) == {}


def test_a_file_name_that_makes_no_command_is_broken(tmp_path: Path) -> None:
    (tmp_path / "My Book;rm.py").write_text(GOOD)
    assert [page.broken.partition(": ")[2][:22] for page in pages([tmp_path]).values()] == ["a runbook's file name "]


def test_the_folder_beside_the_inventory_comes_first_and_no_folder_twice(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    assert folders(tmp_path / "inventory.yaml") == [tmp_path / "runbooks", ROOT / "runbooks"]
    assert folders(ROOT / "inventory.yaml") == [ROOT / "runbooks"]
    assert folders(None) == [ROOT / "runbooks"]


def test_a_runbook_is_loaded_with_its_steps_proof_and_undo() -> None:
    book = load(pages([SITE])["reload-sample"])
    assert [title(step) for step in book.steps] == ["Confirm that Prometheus answers", "Ask Prometheus to reload"]
    assert [title(check) for check in book.proof] == ["Prometheus is ready"]
    assert (book.on, book.undone, len(book.undo), book.answer) == ("prometheus", book.proof, 1, None)
    assert book.params(ref="x").ref == "x"


def test_a_reading_runbook_is_loaded_with_its_answer() -> None:
    book = load(pages([SITE])["look-sample"])
    assert book.answer is not None
    assert (book.steps, book.proof, [one.name for one in fields_of(book.params)]) == ((), (), [])


@pytest.mark.parametrize(("text", "words"), [
    (GOOD.replace('ON = "any"', ""), "ON is missing"),
    (re.sub(r"(?m)^Undo .*$", "Undo   `opsbook undo` puts it back.", GOOD), "the page promises `opsbook undo`, and there is no UNDO"),
    (GOOD.replace("STEPS = (look,)", "STEPS = ()"), "STEPS is missing or empty"),
    (GOOD.replace("PROOF = (look,)", ""), "PROOF is missing or empty"),
    (GOOD.replace("STEPS = (look,)", "STEPS = (look)"), "STEPS is not a tuple"),
    (GOOD.replace("STEPS = (look,)", "STEPS = (look, 'x')"), "no function: 'x'"),
    (GOOD.replace('"""Look."""', "pass"), "sample.py:8: look has no docstring"),
    (GOOD.replace("(host, p)", "(host)"), "sample.py:8: look takes (host, p)"),
    (GOOD + "UNDO = (look,)\n", "UNDO needs UNDONE"),
    (GOOD + "UNDONE = (look,)\n", "UNDONE needs UNDO"),
    (GOOD + "UNDOABLE = look\n", "UNDOABLE needs UNDO"),
    (GOOD + "UNDO = UNDONE = (look,)\nUNDOABLE = True\n", "UNDOABLE names something that is no function"),
    (
        GOOD + 'UNDO = UNDONE = (look,)\ndef whole(host):\n    """Whole."""\nUNDOABLE = whole\n', "whole takes (kept, p)",
    ),
    (GOOD + "ANSWER = look\n", "only a runbook that reads has an ANSWER"),
    (GOOD.replace("mild", "reads"), "a runbook that reads has an ANSWER"),
    (GOOD.replace("mild", "reads") + "ANSWER = look\n", "a runbook that reads has no STEPS"),
    (GOOD + "class Params:\n    pass\n", "Params is not a frozen dataclass"),
    (GOOD + "from dataclasses import dataclass\n@dataclass\nclass Params:\n    x: str\n", "Params is not a frozen dataclass"),
    (FROZEN + "    x = 1\n", "Params.x has no type"),
    (FROZEN + "    x: dict\n", "a command line cannot give"),
    (FROZEN + "    x: int\nNOT_COMPARED = ('y',)\n", "NOT_COMPARED is no tuple of names of Params"),
    (GOOD + "NOT_COMPARED = 'x'\n", "NOT_COMPARED is no tuple of names of Params"),
    (FROZEN + "    x: Unknown\n", "'Unknown' is not defined"),
    (FROZEN + "    plan: bool = False\n", "is an option of opsbook"),
    (
        GOOD + "from dataclasses import dataclass\nA = int\n@dataclass(frozen=True)\nclass Params:\n    x: A = 1\n",
        "Params.x: write its type and help in place",
    ),
])
def test_a_runbook_of_another_shape_is_refused_with_file_and_line(written: Write, text: str, words: str) -> None:
    told = refused(written(text))
    assert told.startswith("sample cannot be run")
    assert "chapter/sample.py" in told
    assert words in told


@pytest.mark.parametrize(("line", "words"), [
    ("import a_module_that_nobody_has", "sample.py:8: ModuleNotFoundError"),
    ("1 / 0", "sample.py:8: ZeroDivisionError"),
    ("def broken(:", "sample.py:8: SyntaxError"),
    ("undefined_name", "sample.py:8: NameError"),
    ("int('x')", "sample.py:8: ValueError"),
    ("{}['x']", "sample.py:8: KeyError"),
])
def test_a_runbook_that_cannot_be_imported_is_refused_with_file_and_line(written: Write, line: str, words: str) -> None:
    assert words in refused(written(GOOD.replace(STEP, line + "\n" + STEP)))


def test_every_mistake_of_a_runbook_is_told_at_once(written: Write) -> None:
    told = refused(written(HEAD))
    assert all(words in told for words in ("ON is missing", "STEPS is missing", "PROOF is missing"))


ALL = {**pages([ROOT / "runbooks"]), **pages([SITE])}


@pytest.mark.parametrize("name", ALL)
def test_what_is_read_without_importing_is_what_importing_gives(name: str) -> None:
    book: Runbook = load(ALL[name])
    read = outline(ALL[name])
    assert read.on == book.on
    assert list(read.steps) == [title(step) for step in book.steps]
    assert list(read.proof) == [title(check) for check in book.proof]
    assert list(read.undo) == [title(step) for step in book.undo]
    assert list(read.answer) == [title(one) for one in (book.answer,) if one is not None]
    assert [one.shape for one in read.fields] == [one.shape for one in fields_of(book.params)]


@pytest.mark.parametrize("name", pages([ROOT / "runbooks"]))
def test_every_runbook_has_a_page_with_when_risk_and_undo(name: str) -> None:
    page = pages([ROOT / "runbooks"])[name]
    assert page.broken == ""
    assert all((page.title, page.when, page.risk_text, page.undo))
    assert all(one.help for one in outline(page).fields), "every parameter says what it is"


def test_where_a_runbook_runs_is_read_only_where_it_stands_as_a_text(written: Write) -> None:
    page = written(GOOD.replace('ON = "any"', 'ON = "an" + "y"'))
    assert outline(page).on == ""
    assert load(page).on == "any"


def test_a_runbook_that_changes_its_mind_about_where_it_runs_is_refused(written: Write) -> None:
    assert "ON is not what is written there" in refused(written(GOOD + 'if STEPS:\n    ON = "stack"\n'))


def test_a_service_that_is_meant_when_none_is_named_may_not_come_from_elsewhere(written: Write) -> None:
    imports = "from typing import Annotated\nfrom opsbook.page.fields import SERVICE\nMEANT = 'loki'\n"
    text = FROZEN.replace("from dataclasses", imports + "from dataclasses") + "    service: Annotated[str, SERVICE] = "
    assert "write its type and help in place (a service as default, too)" in refused(written(text + "MEANT\n"))


def test_a_service_in_place_may_be_meant_when_none_is_named(written: Write) -> None:
    imports = "from typing import Annotated\nfrom opsbook.page.fields import SERVICE\n"
    text = FROZEN.replace("from dataclasses", imports + "from dataclasses") + "    service: Annotated[str, SERVICE] = 'loki'\n"
    page = written(text)
    assert [one.default for one in outline(page).fields] == ["loki"]
    assert load(page).on == "any"


def test_titles_of_imported_checks_are_found_in_their_modules(written: Write) -> None:
    text = GOOD.replace("PROOF = (look,)", "from opsbook import check\nfrom opsbook.check import title as named\nPROOF = (named, check.so)")
    assert outline(written(text)).proof == (
        "Return the first line of a step's or check's docstring, without its full stop",
        "Return whether the check holds already, and say so; false after a plan's first change",
    )
