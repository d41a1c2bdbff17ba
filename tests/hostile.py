"""What nobody means well with: texts that would do something if any shell, option parser, path or terminal took them at their word."""

from __future__ import annotations

from pathlib import Path

OBEYED = frozenset(map(chr, (*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x202E, 0x2066)))


def hostile(marker: Path) -> tuple[str, ...]:
    """Return texts each of which makes the marker file, or worse, where it is not quoted."""
    touch = f"touch {marker}"
    return (
        f"; {touch}",
        f"$({touch})",
        f"`{touch}`",
        f"x' ; {touch} ; '",
        f'x" ; {touch} ; "',
        f"x\n{touch}\n",
        f"| {touch}",
        f"&& {touch} &",
        f"x > {marker}",
        f"--upload-pack={touch}",
        f"--output={marker}",
        "-o ProxyCommand=touch",
        "--",
        "-",
        f"../../../../../..{marker}",
        "/etc/shadow",
        f"refs/heads/../../{marker}",
        "HEAD:monitoring/.env",
        "\x1b]0;owned\x07\x1b[2J\x9b31m\r",
        "\u202egpj.exe \N{CYRILLIC SMALL LETTER ER}rometheus \u2066",
        "prometheus\u200b",
        "{{.Config.Env}}",
        "[red]%s%n${HOME}[/red]",
        "*",
        "~root",
        "\udcff\udc80",
        "",
        "x" * 5000,
    )


def shown_raw(text: str) -> set[str]:
    """Return the characters in the text that a terminal would have obeyed."""
    return OBEYED & set(text)
