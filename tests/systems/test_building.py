from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opsbook.host import Result
from opsbook.shell import Command, Secret
from opsbook.systems.building import build, only, parse_document, sources
from tests.here import Here

PROJECT: dict[str, Any] = {
    "name": "monitoring",
    "secrets": {"token": {"file": "/opt/p24/token"}, "other": {"file": "/opt/p24/other"}},
    "services": {
        "loki": {"image": "grafana/loki"},
        "queue": {
            "image": "queue",
            "platform": "linux/amd64",
            "environment": {"PASSWORD": "s3cr3t"},
            "build": {
                "context": "/opt/p24/exporters/queue",
                "dockerfile": "/opt/p24/docker/Dockerfile",
                "args": {"PRICE": "5$$"},
                "additional_contexts": {"shared": "/opt/p24/shared", "base": "docker-image://alpine"},
                "secrets": [{"source": "token"}],
                "tags": ["registry.example.org/queue:latest"],
                "cache_to": ["type=registry,ref=registry.example.org/queue"],
            },
        },
        "plain": {"build": {"context": "/opt/p24/plain", "dockerfile": "Dockerfile"}},
    },
}


def moved(path: str) -> str:
    return path.replace("/opt/p24/", "/tmp/tree/")


def test_a_candidate_is_built_from_nothing_but_its_services_build() -> None:
    text = only(PROJECT, "queue", "opsbook-candidate:1", moved)
    assert json.loads(text.value) == {
        "services": {
            "queue": {
                "image": "opsbook-candidate:1",
                "platform": "linux/amd64",
                "build": {
                    "context": "/tmp/tree/exporters/queue",
                    "dockerfile": "/tmp/tree/docker/Dockerfile",
                    "args": {"PRICE": "5$$"},
                    "additional_contexts": {"shared": "/tmp/tree/shared", "base": "docker-image://alpine"},
                    "secrets": [{"source": "token"}],
                },
            },
        },
        "secrets": {"token": {"file": "/opt/p24/token"}},
    }
    assert json.loads(only(PROJECT, "plain", "c:1", moved).value) == {
        "services": {"plain": {"image": "c:1", "build": {"context": "/tmp/tree/plain", "dockerfile": "Dockerfile"}}},
        "secrets": {},
    }


def test_a_build_reads_its_context_and_those_beside_it() -> None:
    assert sources(PROJECT, "queue") == ("/opt/p24/exporters/queue", "/opt/p24/shared", "docker-image://alpine")
    assert sources(PROJECT, "plain") == ("/opt/p24/plain",)


def test_the_project_is_read_as_compose_tells_it() -> None:
    assert parse_document(Result(0, json.dumps(PROJECT))) == PROJECT


def built(tmp_path: Path, docker: str) -> tuple[Result, list[str]]:
    """Build with a docker of our own; return what came of it, and the temporary files that stayed."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "tmp").mkdir()
    program = tmp_path / "bin/docker"
    program.write_text(f"#!/bin/bash\n{docker}")
    program.chmod(0o755)
    question = build("/tmp/tree/it's", "monitoring", "/opt/p24/.env", "queue", Secret('{"services": {}}'))
    assert isinstance(question.ask, Command)
    assert isinstance(question.stdin, Secret)
    here = Here(env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "TMPDIR": str(tmp_path / "tmp")})
    result = here.run(question.ask, question.stdin.value, 10)
    return Result(0, question.parse(result)), [path.name for path in (tmp_path / "tmp").iterdir()]


def test_compose_builds_from_a_file_that_nobody_else_may_read_and_that_goes_again(tmp_path: Path) -> None:
    script = f'printf "%s\\n" "$@" > {tmp_path}/words; cp --preserve=mode "${{5#--file=}}" {tmp_path}/file'
    answer, left = built(tmp_path, script)
    assert (answer.out, left) == ("", [])
    words = (tmp_path / "words").read_text().splitlines()
    assert [word for word in words if not word.startswith("--file=")] == [
        "compose", "--project-directory=/tmp/tree/it's", "--project-name=monitoring", "--env-file=/opt/p24/.env", "build", "queue",
    ]  # fmt: skip
    copy = tmp_path / "file"
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == ('{"services": {}}', 0o600)


def test_what_the_builder_says_of_a_failure_is_the_answer(tmp_path: Path) -> None:
    answer, left = built(tmp_path, "echo step 1; echo no such file >&2; exit 17")
    assert (answer.out, left) == ("step 1\nno such file", [])
