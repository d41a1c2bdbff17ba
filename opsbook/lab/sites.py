"""The public sites of the stack p24, as its own host sees them: each is served with a certificate that holds and is kept."""

from __future__ import annotations

from opsbook.lab.docker import holds, script
from opsbook.lab.names import sites
from opsbook.lab.wait import until

CADDY, VOLUME = "monitoring-caddy-1", "monitoring_caddy_data"
ISSUED_WITHIN = 90.0  # Caddy asks again a minute after it was refused
# A certificate holds that verifies, and has more than a tenth of its life before it: Caddy renews at a third.
UNPROVEN = """
served() { openssl s_client -connect 127.0.0.1:443 -servername "$1" -verify_hostname "$1" -verify_return_error </dev/null 2>/dev/null; }
at() { date --date "$(sed --quiet "s/^$1=//p" <<<"$dates")" +%s; }
for site in "$@"; do
    dates=$(served "$site" | openssl x509 -noout -dates 2>/dev/null) || { echo "$site"; continue; }
    left=$(($(at notAfter) - $(date +%s))) whole=$(($(at notAfter) - $(at notBefore)))
    [ $((left * 10)) -gt "$whole" ] || echo "$site"
done
"""
UNKEPT = """
store=$(docker volume inspect --format '{{.Mountpoint}}' "$1")/caddy/certificates
for site in "${@:2}"; do compgen -G "$store/*/$site/$site.crt" >/dev/null || echo "$site"; done
"""
ANEW = """
store=$(docker volume inspect --format '{{.Mountpoint}}' "$2")/caddy/certificates
for site in "${@:3}"; do rm -rf "$store"/*/"$site"; done
docker restart "$1" >/dev/null
"""


def unproven(name: str) -> tuple[str, ...]:
    """Name the sites that are not served with a certificate that holds."""
    return tuple(script(name, UNPROVEN, *sites("p24")).split())


def unkept(name: str) -> tuple[str, ...]:
    """Name the sites whose certificate Caddy has nowhere but in its memory."""
    return tuple(script(name, UNKEPT, VOLUME, *sites("p24")).split())


def proven(name: str) -> None:
    """Wait until every site is served with a certificate that holds: a new one takes seconds."""
    until("every site has its certificate", lambda: not unproven(name), ISSUED_WITHIN, saw=lambda: f"not yet: {' '.join(unproven(name))}")


def renewed(name: str) -> None:
    """Let Caddy start anew and get the certificates that are missing or do not hold; where all is well, or no Caddy yet, do nothing."""
    if holds("exec", name, "docker", "container", "inspect", CADDY) and (bad := {*unproven(name), *unkept(name)}):
        script(name, ANEW, CADDY, VOLUME, *sorted(bad))
        proven(name)
