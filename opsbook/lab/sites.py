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
# Caddy before 2.9 registers an account for each site at once, and may store the key of one beside the address of another
# (caddyserver/certmagic#293): then the authority refuses every later order. So a second Caddy registers one, for no site, alone.
ACCOUNT = """
store=$(docker volume inspect --format '{{.Mountpoint}}' "$2")/caddy/acme
[ -e "$store/registered-alone" ] && exit
rm -rf "$store"
docker exec --interactive "$1" sh -euc '
    cat > /tmp/alone
    caddy run --adapter caddyfile --config /tmp/alone > /tmp/alone.log 2>&1 & alone=$!
    stored() { test -s /data/caddy/acme/*/users/default/default.json && test -s /data/caddy/acme/*/users/default/default.key; }
    for try in $(seq 200); do stored 2>/dev/null && break; sleep 0.1; done
    kill "$alone"
    wait "$alone" || true
    stored || { tail /tmp/alone.log >&2; exit 1; }
' <<'CADDYFILE'
{
	admin off
	http_port 8880
	https_port 8443
	acme_ca https://ca.lab.invalid/acme/local/directory
	acme_ca_root /etc/caddy/acme-root.crt
}
nobody.lab.invalid
CADDYFILE
touch "$store/registered-alone"
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


def accounted(name: str) -> None:
    """Let Caddy have an account with the authority whose key is its own, for the orders to come."""
    script(name, ACCOUNT, CADDY, VOLUME)


def renewed(name: str) -> None:
    """Let Caddy start anew and get the certificates that are missing or do not hold; where all is well, or no Caddy yet, do nothing."""
    if not holds("exec", name, "docker", "container", "inspect", CADDY):
        return
    accounted(name)
    if bad := {*unproven(name), *unkept(name)}:
        script(name, ANEW, CADDY, VOLUME, *sorted(bad))
        proven(name)
