"""Faults of names and certificates: what keeps the public sites from being served, or from being served tomorrow."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab import authority, gitserver, names, sites, state
from opsbook.lab.docker import LabError, attempt, docker, script
from opsbook.lab.faults.actions import HOST, healthy, name, publish, run, withdraw
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.network import ip
from opsbook.lab.profile import SITE
from opsbook.lab.state import Injected

CADDYFILE = "monitoring/Caddyfile"
UNCLOSED = "\nold.vps-i1.infra.zintegrowana.online {\n\treverse_proxy prometheus:9090\n"
SITES = names.sites("p24")
MOST_DAYS, DAYS = 7, 3
LOSE = 'find "$(docker volume inspect --format "{{.Mountpoint}}" "$1")" -mindepth 1 -delete'
# A certificate of ninety days, as a public authority gives it, of which $1 are left; of none left, it ended an hour ago.
ISSUE = """
end="+$1 days"; if [ "$1" = 0 ]; then end='-1 hour'; fi
when() { date --utc --date "$1" +%Y%m%d%H%M%SZ; }
pki=/var/lib/lab-ca/caddy/pki/authorities/local work=$(mktemp --directory)
for site in "${@:2}"; do
    own=$work/$site/$site
    mkdir "$work/$site"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout "$own.key" -out "$work/request" 2>/dev/null
    printf '%s\\n' "subjectAltName=critical,DNS:$site" keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth > "$work/about"
    openssl x509 -req -in "$work/request" -extfile "$work/about" -CA "$pki/intermediate.crt" -CAkey "$pki/intermediate.key" \\
        -not_before "$(when "$(($1 - 90)) days")" -not_after "$(when "$end")" 2>/dev/null | cat - "$pki/intermediate.crt" > "$own.crt"
    printf '{"sans": ["%s"], "issuer_data": {"url": ""}}' "$site" > "$own.json"
done
rm "$work/request" "$work/about"
tar --create --directory="$work" .
rm -r "$work"
"""
# Caddy tries a few times within seconds, and after that a minute later: until then it keeps what it was given.
PLANT = """
store=$(docker volume inspect --format '{{.Mountpoint}}' "$2")/caddy/certificates/ca.lab.invalid-acme-local-directory
mkdir -p "$store"
tar --extract --no-same-owner --directory="$store"
docker restart "$1" >/dev/null
for site in "${@:3}"; do
    ask="curl --silent --insecure --max-time 5 --resolve $site:443:127.0.0.1 --output /dev/null https://$site/"
    for try in $(seq 200); do $ask && continue 2; sleep 0.1; done
    exit 1
done
began=$(docker inspect --format '{{.State.StartedAt}}' "$1")
gave_up() { docker logs --since "$began" "$1" 2>&1 | grep '"will retry"' | grep --fixed-strings "[$2]" >/dev/null; }
for site in "${@:3}"; do
    for try in $(seq 300); do gave_up "$1" "$site" && continue 2; sleep 0.1; done
    exit 1
done
"""


def lose_volume(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Empty Caddy's volume under it: it serves on from its memory, and `up -d` does nothing."""
    run(lab, LOSE, sites.VOLUME)
    return {}


def stop_authority(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Let it refuse connections; names are still answered."""
    script(lab.container(authority.NAME), authority.STOP)
    return {}


def point_elsewhere(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Give a site the address of a server that has no site."""
    subnet = state.load(lab).subnet
    names.serve(lab.container(authority.NAME), {**names.records(subnet), first(args): ip(subnet, SITE.git_address)})
    return {}


def is_site(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse what is no public name of the stack."""
    if first(args) not in SITES:
        raise UsageError(f"the stack has no site {first(args)}", saw=f"it has {', '.join(SITES)}")


def age(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Let every site be served with a certificate that ends soon, and let nobody renew it."""
    stop_authority(lab, ())
    bash = ("bash", "-euo", "pipefail", "-c")
    aged = attempt("exec", lab.container(authority.NAME), *bash, ISSUE, "lab", days(args), *SITES).stdout
    docker("exec", "--interactive", lab.container(HOST), *bash, PLANT, "lab", sites.CADDY, sites.VOLUME, *SITES, stdin=aged)
    if sites.unproven(lab.container(HOST)) != SITES:
        raise LabError("the sites are not served with the certificates that end soon", next="opsbook lab mend")
    return {}


def are_days(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse what is no small number of days."""
    if not (days(args).isdigit() and int(days(args)) <= MOST_DAYS):
        raise UsageError(f"cert-expiring wants 0 to {MOST_DAYS} days", saw=days(args), next=f"opsbook lab break cert-expiring {DAYS}")


def break_caddyfile(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Commit a site that is never closed, and pull: the running Caddy has the old file, and does not start again."""
    publish(lab, {CADDYFILE: whole(lab) + UNCLOSED}, "Serve the old name, too")
    return {}


def close_caddyfile(lab: Lab, injected: Injected) -> None:
    """Take the commit back, and let Caddy see the file that is there."""
    withdraw(lab, {CADDYFILE: whole(lab)}, "No longer serve the old name")
    run(lab, 'docker restart "$1"', name("caddy"))
    healthy(lab, "caddy")
    get_well(lab, injected)


def whole(lab: Lab) -> str:
    """Return the Caddyfile upstream without what was added."""
    return gitserver.content(lab, CADDYFILE).replace(UNCLOSED, "")


def start_authority(lab: Lab, injected: Injected) -> None:
    """Let it answer again."""
    script(lab.container(authority.NAME), authority.SERVE)
    get_well(lab, injected)


def point_here(lab: Lab, injected: Injected) -> None:
    """Let every name have its own address again."""
    names.serve(lab.container(authority.NAME), names.records(state.load(lab).subnet))
    get_well(lab, injected)


def get_well(lab: Lab, injected: Injected) -> None:
    """Let Caddy get what it lacks; where another of these faults would keep it from that, its mending does this."""
    ours = {one.name for one in FAULTS}
    if not any(one.name in ours for one in state.load(lab).without(injected.name).faults):
        sites.renewed(lab.container(HOST))


def first(args: tuple[str, ...]) -> str:
    """Return the site that was named, or the first."""
    return args[0] if args else SITES[0]


def days(args: tuple[str, ...]) -> str:
    """Return how many days are left."""
    return args[0] if args else str(DAYS)


FAULTS = (
    Fault("caddy-volume-lost", "Caddy's certificates are gone from its volume; it serves on from its memory", lose_volume, get_well),
    Fault("acme-down", "the certificate authority refuses connections", stop_authority, start_authority),
    Fault(
        "dns-wrong",
        "a public name has the address of another server",
        point_elsewhere,
        point_here,
        "[NAME]",
        most=1,
        usual=(SITES[0],),
        confirm=is_site,
    ),
    Fault(
        "cert-expiring",
        "the served certificates end in DAYS and are not renewed, the authority is down; with 0 they ended an hour ago",
        age,
        start_authority,
        "[DAYS]",
        most=1,
        usual=(str(DAYS),),
        confirm=are_days,
    ),
    Fault(
        "caddyfile-broken",
        "the Caddyfile that was pulled does not parse; Caddy still serves with the old one",
        break_caddyfile,
        close_caddyfile,
        published=True,
    ),
)
