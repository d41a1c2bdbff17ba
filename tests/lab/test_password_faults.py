"""Each fault of the shared password does what it says, and its mending brings back what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from opsbook.errors import UsageError
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.reset import reset
from opsbook.lab.state import load
from opsbook.lab.wait import until
from tests.lab.reach import VPS, on_vps

Shows = Callable[[Lab], bool]
SITE = "alertmanager.vps-i1.infra.zintegrowana.online"
# The password of .env, by curl's configuration on standard input; $1 is further lines of it, $2 where to ask.
ASK = """
cd /opt/p24-infra/monitoring
password=$(sed --quiet 's/^GRAFANA_ADMIN_PASSWORD=//p' .env)
printf 'user = "admin:%s"\\n%b' "$password" "$1" |
    curl --config - --silent --output /dev/null --max-time 20 --write-out '%{http_code}' --resolve "$3:443:127.0.0.1" "$2" || true
"""
GRAFANA = "http://127.0.0.1:3000/api/{}"
CHANGE = 'request = "PUT"\\ndata = "{\\\\"password\\\\": \\\\"some-other-one\\\\"}"\\n'
HEALTH = "docker inspect --format '{{.State.Health.Status}}' monitoring-caddy-1"


def asked(lab: Lab, address: str, more: str = "") -> str:
    """Ask with the password of .env; return the status."""
    return script(lab.container(VPS), ASK, more, address, SITE, user="claude-admin")


def is_there(lab: Lab) -> bool:
    return asked(lab, GRAFANA.format("user")) == "200"


def caddy_is_healthy_and_its_password_opens_nothing(lab: Lab) -> bool:
    return on_vps(lab, HEALTH).strip() == "healthy" and asked(lab, f"https://{SITE}/") == "401" and is_there(lab)


def grafana_goes_when_its_password_is_to_be_changed(lab: Lab) -> bool:
    there = is_there(lab)
    return bool(load(lab).faults) and there and asked(lab, GRAFANA.format("admin/users/1/password"), CHANGE) == "000" and not is_there(lab)


SHOWS: dict[str, Shows] = {
    "hash-in-env": caddy_is_healthy_and_its_password_opens_nothing,
    "grafana-down-halfway": grafana_goes_when_its_password_is_to_be_changed,
}

FOR_GOOD = {"grafana-down-halfway": ("for-good",)}


def condition(lab: Lab) -> list[str]:
    """What these faults may not leave changed behind them."""
    files = "cd /opt/p24-infra/monitoring && sha256sum .env && stat --format='%a %U' .env && git status --porcelain"
    states = "docker ps --all --format '{{.Names}} {{.State}}' | sort"
    return [on_vps(lab, files), on_vps(lab, states), asked(lab, GRAFANA.format("user")), asked(lab, f"https://{SITE}/")]


@pytest.fixture
def lab_to_break(lab: Lab) -> Iterator[Lab]:
    """The lab for a test that mends what it breaks; only where it did not, the lab is reset."""
    yield lab
    if load(lab).faults:
        reset(lab)


@pytest.mark.parametrize("name", list(SHOWS))
def test_a_fault_does_what_it_says_and_its_mending_restores_what_was(lab_to_break: Lab, name: str) -> None:
    before = condition(lab_to_break)
    assert before[2:] == ["200", "200"]
    assert not SHOWS[name](lab_to_break)
    break_(lab_to_break, name, *FOR_GOOD.get(name, ()))
    assert SHOWS[name](lab_to_break)
    assert mend(lab_to_break) == (name,)
    assert condition(lab_to_break) == before
    mend(lab_to_break, name)
    assert condition(lab_to_break) == before


def test_grafana_comes_back_by_itself_with_the_old_password_where_seconds_were_given(lab_to_break: Lab) -> None:
    break_(lab_to_break, "grafana-down-halfway", "2")
    assert grafana_goes_when_its_password_is_to_be_changed(lab_to_break)
    until("Grafana is back", lambda: is_there(lab_to_break), within=60)
    mend(lab_to_break)


def test_a_hash_that_was_put_right_meanwhile_stays_as_it_is(lab_to_break: Lab) -> None:
    break_(lab_to_break, "hash-in-env")
    on_vps(lab_to_break, "sed --in-place \"s/^CADDY_ADMIN_HASH=.*/CADDY_ADMIN_HASH='of-somebody-else'/\" /opt/p24-infra/monitoring/.env")
    mend(lab_to_break)
    assert "'of-somebody-else'" in on_vps(lab_to_break, "cat /opt/p24-infra/monitoring/.env")
    reset(lab_to_break)
    assert asked(lab_to_break, f"https://{SITE}/") == "200"


def test_a_reset_brings_back_a_grafana_whose_password_was_changed_or_that_has_locked_everybody_out(lab_to_break: Lab) -> None:
    assert asked(lab_to_break, GRAFANA.format("admin/users/1/password"), CHANGE) == "200"
    assert not is_there(lab_to_break)
    reset(lab_to_break)
    assert is_there(lab_to_break)
    wrong = f"curl --silent --output /dev/null --user admin:wrong {GRAFANA.format('user')}"
    on_vps(lab_to_break, f"for _ in 1 2 3 4 5; do {wrong}; done")
    assert not is_there(lab_to_break)
    reset(lab_to_break)
    assert is_there(lab_to_break)


def test_a_time_that_is_no_number_is_refused_before_anything_happens(lab: Lab) -> None:
    with pytest.raises(UsageError, match="a number of seconds"):
        break_(lab, "grafana-down-halfway", "soon")
    assert load(lab).faults == ()
