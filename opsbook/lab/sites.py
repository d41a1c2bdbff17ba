"""The public sites of the stack p24, as its own host sees them: each is served with a certificate that holds."""

from __future__ import annotations

from opsbook.lab.docker import script
from opsbook.lab.names import sites
from opsbook.lab.wait import until

ISSUED_WITHIN = 60.0
UNPROVEN = """
for site in "$@"; do
    openssl s_client -connect 127.0.0.1:443 -servername "$site" -verify_hostname "$site" -verify_return_error </dev/null 2>/dev/null |
        openssl x509 -noout -checkend 3600 >/dev/null 2>&1 || echo "$site"
done
"""


def unproven(name: str) -> str:
    """Name the sites whose certificate does not verify, or ends within the hour; nothing when all is well."""
    return script(name, UNPROVEN, *sites("p24")).strip()


def proven(name: str) -> None:
    """Wait until every site is served with a certificate that holds: a new one takes seconds."""
    until("every site has its certificate", lambda: not unproven(name), ISSUED_WITHIN, saw=lambda: f"not yet: {unproven(name)}")
