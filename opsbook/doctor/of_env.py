"""The `.env` of a stack: who may read it, and whether Compose takes its values as they are meant. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding

PRIVATE = 0o077
LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[\w.-]+)\s*=\s*(?P<value>.*)")
BCRYPT = re.compile(r"""["']?\$2[abxy]\$""")     # Compose would make "$2a" a variable
MEANT = re.compile(r"\$\{[A-Za-z_]\w*|\$\$")     # somebody wrote a variable, or escaped the sign, on purpose


def env(f: Facts) -> Iterator[Finding]:
    """Mode, owner and quoting."""
    stack = f.entry.stack
    if stack is None:
        return
    path = f"{stack.directory}/{stack.env_file}"
    if f.env is None:
        why = f.why.get("env", "")
        what = f"{path} cannot be read" if why else f"{path} is missing"
        yield Finding("bad", what, why, f"opsbook bring-up {f.host} --plan")
        return
    if f.env.mode & PRIVATE:
        yield Finding("bad", f"others may read {path}", f"mode {f.env.mode:04o}, it holds secrets", f"ssh {f.host} chmod 600 {path}")
    else:
        yield Finding("ok", f"{path} is readable for {f.env.owner} only")
    if exposed := tuple(dollars(f.env_text or "")):
        saw = f"Compose reads a $ outside single quotes as a variable's: {', '.join(exposed)}"
        yield Finding("warn", f"values in {path} may not be what they look like", saw, "single quotes around them, then opsbook bring-up")


def dollars(text: str) -> Iterator[str]:
    """Given the text of a `.env`, yield the names whose value has a `$` that Compose takes for a variable's."""
    for line in text.splitlines():
        found = None if line.lstrip().startswith("#") else LINE.match(line)
        if found is None or found["value"].startswith("'") or "$" not in found["value"]:
            continue
        if BCRYPT.match(found["value"]) or "$" in MEANT.sub("", found["value"]):
            yield found["name"]
