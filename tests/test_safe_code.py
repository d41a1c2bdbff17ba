"""What would undo all quoting, checking and masking must not slip into the code: held by its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from opsbook.errors import CommandFailed
from opsbook.systems.plain_yaml import plain

ROOT = Path(__file__).parent.parent
SERVERS = ROOT / "opsbook" / "lab" / "p24" / "repo"
DOORS = ("AutoAddPolicy", "WarningPolicy", "AgentRequestHandler", "request_forward_agent", "StrictHostKeyChecking=no")
NEVER = {
    "eval", "exec", "compile", "os.system", "os.popen", "tempfile.mktemp", "pickle.load", "pickle.loads", "marshal.loads", "shelve.open",
    "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "subprocess.getoutput", "subprocess.getstatusoutput",
    "paramiko.AutoAddPolicy", "paramiko.WarningPolicy", "paramiko.agent.AgentRequestHandler", "ssl._create_unverified_context",
}
FLAGS = {"shell": True, "verify": False, "check_hostname": False, "forward_agent": True, "allow_agent": True, "look_for_keys": True}


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax trees of the product and its runbooks; files of the lab's servers are no code of ours."""
    found = [path for folder in ("opsbook", "runbooks") for path in (ROOT / folder).rglob("*.py")]
    ours = [path for path in (*found, ROOT / "fabfile.py") if SERVERS not in path.parents]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in ours}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{name}:{node.lineno}", ast.unparse(node.func), node


def texts() -> Iterator[tuple[str, str]]:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{name}:{node.lineno}", node.value


def words(call: ast.Call) -> list[str]:
    return [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_nothing_runs_text_as_code_or_trusts_what_it_should_not() -> None:
    assert [where for where, name, _ in calls() if name in NEVER] == []


def test_no_call_asks_for_a_shell_for_unchecked_certificates_or_for_an_agent_on_the_host() -> None:
    wrong = [
        f"{where}: {one.arg}"
        for where, _, call in calls()
        for one in call.keywords
        if one.arg in FLAGS and isinstance(one.value, ast.Constant) and one.value.value == FLAGS[one.arg]
    ]
    assert wrong == []


def test_only_the_lab_and_the_way_to_a_secret_manager_start_processes_on_the_operators_machine() -> None:
    starts = re.compile(r"(subprocess\.\w+|os\.(exec\w+|spawn\w+|fork|posix_spawn\w*)|pty\.\w+)")
    may = ("opsbook/lab/", "opsbook/cli/handing_over.py:")
    wrong = [where for where, name, _ in calls() if starts.fullmatch(name) and not where.startswith(may)]
    assert wrong == []


def test_yaml_is_loaded_by_safe_loaders_only() -> None:
    loading = [(where, call) for where, name, call in calls() if name in {"yaml.load", "yaml.compose"}]
    loaders = {where: ast.unparse(one.value) for where, call in loading for one in call.keywords}
    assert len(loaders) == len(loading)
    assert [where for where, one in loaders.items() if "SafeLoader" not in one and one != "Plain"] == []
    with pytest.raises(CommandFailed):
        plain("!!python/object/apply:os.getcwd []", "here")     # Plain's own test


def test_commands_run_sudo_only_with_n() -> None:
    builders = {"cmd", "prefixed", "script", "Command"}
    wrong = [
        where for where, name, call in calls()
        if name in builders and "sudo" in (given := words(call)) and given[given.index("sudo") + 1 : given.index("sudo") + 2] != ["-n"]
    ]
    assert wrong == []


def test_scripts_run_sudo_only_with_n() -> None:
    run = re.compile(r"(?:^|[;&|(]\s*|exec )sudo (?!-n\b)", re.MULTILINE)
    assert [where for where, text in texts() if "\n" in text and run.search(text)] == []


def test_no_name_under_tmp_can_be_foreseen() -> None:
    fixed = re.compile(r"(?<![\w}])/(?:var/)?tmp/(?!\.)[A-Za-z]")
    assert [where for where, text in texts() if fixed.search(text) and not where.startswith("opsbook/lab/")] == []


@pytest.mark.parametrize("word", DOORS)
def test_words_that_open_doors_do_not_occur(word: str) -> None:
    found = [str(path) for folder in ("opsbook", "runbooks") for path in (ROOT / folder).rglob("*.py") if word in path.read_text()]
    assert found == []
