from __future__ import annotations

from pathlib import Path

import pytest

from opsbook import inventory_file
from opsbook.errors import UsageError
from opsbook.inventory import HostEntry, Inventory, Site

ROOT = Path(__file__).parent.parent
KEY_TEXT = "-----BEGIN OPENSSH PRIVATE KEY-----\nabcdef\n-----END OPENSSH PRIVATE KEY-----\n"
STACK = """
stacks:
  p24:
    checkout: /opt/p24-infra
    directory: /opt/p24-infra/monitoring
    services:
      prometheus: {port: 9090, healthy: /-/healthy, ready: /-/ready}
"""


def load(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    return inventory_file.load(path, environment or {})


def refused(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as raised:
        load(tmp_path, text, environment)
    return str(raised.value)


def host(tmp_path: Path, line: str, environment: dict[str, str] | None = None) -> HostEntry:
    return load(tmp_path, f"hosts:\n  web: {line}\n{STACK}", environment).host("web")


def test_the_site_loads_and_misses_only_variables() -> None:
    site = inventory_file.load(ROOT / "inventory.yaml", {})
    assert [entry.name for entry in site.hosts if not entry.missing] == []
    assert site.host("vps-i1").missing == ("VPS_I1_HOST",)
    assert site.host("test-vps").missing == ("TEST_VPS_HOST", "TEST_VPS_USER")
    assert {stack.name for stack in site.stacks} == {"p24", "monitoring"}


def test_every_key_of_the_format_arrives_in_the_values(tmp_path: Path) -> None:
    inventory = load(tmp_path, """
defaults: {user: claude-admin, key: keys/id, known_hosts: [known, /etc/known]}
lab: p24
hosts:
  gate: {address: gate.example.org, port: 2222, user: jumper, key: ~/gate}
  web: {address: "2001:db8::1", jump: gate, stack: p24, roles: [node, docker]}
stacks:
  p24:
    checkout: /opt/p24-infra
    directory: /opt/p24-infra/Monitoring
    env_file: .env.prod
    scrape: 2
    evaluation: 1.5
    settle: 30
    stable: 3
    services:
      prometheus: {port: 9090, healthy: /-/healthy, ready: /-/ready, scheme: https, username: admin, password_key: ADMIN_PASSWORD}
      caddy: {port: 2019, inside: true, prefix: /admin/caddy}
      queue-exporter: {port: 9200, exporter: true, job: queue, metrics: [queue_depth]}
""")
    web, gate, stack = inventory.host("web"), inventory.host("gate"), inventory.stacks[0]
    assert (inventory.lab, inventory.known_hosts) == ("p24", (tmp_path / "known", Path("/etc/known")))
    assert (web.address, web.port, web.user, web.jump, web.roles) == ("2001:db8::1", None, "claude-admin", "gate", ("node", "docker"))
    assert (web.key, gate.key) == (str(tmp_path / "keys/id"), str(Path("~/gate").expanduser()))
    assert (gate.port, gate.user) == (2222, "jumper")
    assert web.stack is stack
    assert (stack.project, stack.env_file) == ("monitoring", ".env.prod")
    assert (stack.scrape, stack.evaluation, stack.settle, stack.stable) == (2, 1.5, 30, 3)
    prometheus, caddy, exporter = stack.services
    assert (prometheus.scheme, prometheus.username, prometheus.password_key) == ("https", "admin", "ADMIN_PASSWORD")
    assert (caddy.inside, caddy.exporter, exporter.inside, exporter.exporter) == (True, False, False, True)
    assert (prometheus.prefix, caddy.prefix) == ("", "/admin/caddy")
    assert (exporter.job, exporter.metrics, prometheus.probe) == ("queue", ("queue_depth",), "/-/ready")


def test_variables_come_from_the_environment_before_the_file_beside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text("WEB=from-file\nexport USER_NAME='joe' # who\nEMPTY= # a comment\n")
    line = '{address: "${WEB}.example.org", user: "${USER_NAME}"}'
    assert host(tmp_path, line).address == "from-file.example.org"
    assert host(tmp_path, line).user == "joe"
    assert host(tmp_path, line, {"WEB": "from-env"}).address == "from-env.example.org"
    assert host(tmp_path, line, {"WEB": ""}).address == "from-file.example.org"
    assert host(tmp_path, '{address: "${EMPTY}"}').missing == ("EMPTY",)


def test_a_missing_variable_is_recorded_on_the_hosts_that_need_it_and_on_no_other(tmp_path: Path) -> None:
    inventory = load(tmp_path, """
defaults: {user: "${WHO}"}
hosts:
  a: {address: 192.0.2.1}
  b: {address: "${B}", user: joe}
  c: {address: 192.0.2.3, user: joe, stack: s}
  d: {address: 192.0.2.4, user: joe}
stacks:
  s: {checkout: "${CHECKOUT}", directory: /srv/s, services: {web: {port: 80, healthy: "${PATH_OF_HEALTH}"}}}
""")
    assert {entry.name: entry.missing for entry in inventory.hosts} == {
        "a": ("WHO",), "b": ("B",), "c": ("CHECKOUT", "PATH_OF_HEALTH"), "d": ()
    }
    assert (inventory.host("a").user, inventory.host("b").address) == (None, None)


def test_a_key_may_be_text_in_a_variable_and_is_absent_when_the_variable_is_not_set(tmp_path: Path) -> None:
    line = '{address: 192.0.2.1, key: "${KEY}"}'
    assert host(tmp_path, line, {"KEY": KEY_TEXT}).key == KEY_TEXT
    assert host(tmp_path, line).key is None
    assert host(tmp_path, line).missing == ()
    (tmp_path / ".env.local").write_text('KEY="' + KEY_TEXT.replace("\n", "\\n") + '"\n')
    assert host(tmp_path, line).key == KEY_TEXT


def test_a_host_with_an_unset_key_of_its_own_does_not_fall_back_on_the_default_key(tmp_path: Path) -> None:
    inventory = load(tmp_path, 'defaults: {key: /k}\nhosts: {a: {address: a, key: "${K}"}, b: {address: b}}')
    assert (inventory.host("a").key, inventory.host("b").key) == (None, "/k")


def test_a_wrong_key_or_value_of_a_secret_is_never_shown(tmp_path: Path) -> None:
    text = refused(tmp_path, 'hosts: {a: {address: "${KEY}", key: [x]}}', {"KEY": "hunter2 hunter2"})
    assert "hunter2" not in text
    assert "what KEY holds" in text


def test_all_mistakes_are_told_at_once_with_their_key_paths(tmp_path: Path) -> None:
    text = refused(tmp_path, """
defaults: {usr: joe}
hosts:
  web: {adress: 192.0.2.1, port: ssh, stack: p25, roles: node}
  db: {address: 192.0.2.2, jump: webb}
stacks:
  p24: {checkout: opt, directory: /srv/p24, scrape: soon, services: {prom: {prot: 1}}}
hots: {}
""")
    for line in (
        f"{tmp_path}/inventory.yaml: 13 mistakes",
        'defaults: unknown key "usr": did you mean user?',
        "hosts.web.address: is missing: a host name or IP address",
        'hosts.web: unknown key "adress": did you mean address?',
        'hosts.web.port: expected a port from 1 to 65535, got "ssh"',
        'hosts.web.stack: there is no stack "p25": did you mean p24?',
        'hosts.web.roles: expected a list, got "node"',
        'hosts.db.jump: there is no host "webb": did you mean web?',
        'stacks.p24.checkout: expected an absolute path without .., got "opt"',
        'stacks.p24.scrape: expected a number above 0, got "soon"',
        "stacks.p24.services.prom.port: is missing",
        'stacks.p24.services.prom: unknown key "prot": did you mean port?',
        'the file: unknown key "hots": did you mean hosts?',
    ):
        assert line in text


def test_one_mistake_is_told_in_one_line(tmp_path: Path) -> None:
    text = refused(tmp_path, "hosts: {web: {address: 192.0.2.1, port: 0}}")
    assert text == f'{tmp_path}/inventory.yaml: hosts.web.port: expected a port from 1 to 65535, got "0"'


@pytest.mark.parametrize("address", [
    "-oProxyCommand=touch /tmp/pwned", "a b", "a;b", "$(id)", "`id`", "a\\nb", "root@a", "a/b",
    "", "\\u0000", "a\\u2028b", "ｅxample", "../a", "'a'",
])
def test_a_hostile_address_is_refused(tmp_path: Path, address: str) -> None:
    assert "hosts.web.address: expected" in refused(tmp_path, f'hosts: {{web: {{address: "{address}"}}}}')
    assert "hosts.web.address: " in refused(tmp_path, 'hosts: {web: {address: "x${V}"}}', {"V": " -oProxyCommand=x"})


@pytest.mark.parametrize("user", ["-l", "-oX=1", "a b", "a@b", "root;id", "a\\nb", "$(id)", "a/../b"])
def test_a_hostile_user_is_refused(tmp_path: Path, user: str) -> None:
    assert "hosts.web.user: expected a user name" in refused(tmp_path, f'hosts: {{web: {{address: a, user: "{user}"}}}}')


@pytest.mark.parametrize("name", ["-h", "--all", "a b", "a;b", "", "a\\nb", "../x", "a/b", "ä", "x" * 64])
def test_a_hostile_name_of_a_host_stack_or_service_is_refused(tmp_path: Path, name: str) -> None:
    told, hosts = "expected a name of letters", "hosts: {a: {address: a}}"
    assert told in refused(tmp_path, f'hosts: {{"{name}": {{address: a}}, ok: {{address: b}}}}')
    assert told in refused(tmp_path, f'{hosts}\nstacks: {{"{name}": {{checkout: /a, directory: /a}}}}')
    stack = f'{{checkout: /a, directory: /a, services: {{"{name}": {{port: 1}}}}}}'
    assert told in refused(tmp_path, f"{hosts}\nstacks: {{s: {stack}}}")


@pytest.mark.parametrize(("key", "value"), [
    ("checkout", "relative"), ("checkout", "/opt/../etc"), ("checkout", "/opt\\nx"), ("checkout", "-C"),
    ("directory", "/elsewhere"), ("directory", "/opt/p24/.."), ("project", "Upper"), ("project", "-p"), ("project", "a b"),
    ("env_file", "--env-file"), ("env_file", "a\\tb"), ("scrape", "0"), ("scrape", "-1"), ("scrape", "nan"), ("settle", "inf"),
    ("stable", "1e999"), ("evaluation", ""),
])
def test_a_hostile_value_of_a_stack_is_refused(tmp_path: Path, key: str, value: str) -> None:
    known = {"checkout": "/opt/p24", "directory": "/opt/p24/m", key: value}
    stack = ", ".join(f'{name}: "{text}"' for name, text in known.items())
    assert f"stacks.s.{key}: expected" in refused(tmp_path, f"hosts: {{a: {{address: a}}}}\nstacks: {{s: {{{stack}}}}}")


@pytest.mark.parametrize(("key", "value"), [
    ("port", "65536"), ("port", "08"), ("port", "1_0"), ("port", "99999999999999999999"), ("port", "٣"), ("healthy", "x"),
    ("healthy", "/a b"), ("ready", "/a\\nX-Injected: 1"), ("scheme", "ftp"), ("password_key", "A-B"), ("inside", "yes"),
    ("prefix", "prometheus"), ("prefix", "/"), ("prefix", "/a/"), ("prefix", "//a"), ("prefix", "/a?b"), ("prefix", "/a b"),
    ("prefix", "/a/../b"),
    ("exporter", "1"), ("metrics", "[a b]"), ("metrics", "[a, a]"), ("job", "a\\nb"), ("job", "-x"),
])
def test_a_hostile_value_of_a_service_is_refused(tmp_path: Path, key: str, value: str) -> None:
    shown = value if value.startswith("[") else f'"{value}"'
    port = "" if key == "port" else "port: 80, "
    stack = f"{{checkout: /a, directory: /a, services: {{w: {{{port}{key}: {shown}}}}}}}"
    assert f"stacks.s.services.w.{key}" in refused(tmp_path, f"hosts: {{a: {{address: a}}}}\nstacks: {{s: {stack}}}")


def test_the_public_names_of_a_stack_arrive_in_the_values(tmp_path: Path) -> None:
    inventory = load(tmp_path, f"""
hosts: {{web: {{address: a, stack: p24}}}}
{STACK}
    sites:
      p.example.org: {{service: prometheus, username: admin, password_key: ADMIN, path: /-/healthy}}
      open.example.org: {{service: prometheus, port: 8443}}
""")
    assert inventory.stacks[0].sites == (
        Site("p.example.org", "prometheus", "admin", "ADMIN", "/-/healthy"),
        Site("open.example.org", "prometheus", port=8443),
    )


@pytest.mark.parametrize(("site", "told"), [
    ("x.org: {service: prometeus}", 'x.org.service: the stack has no service "prometeus": did you mean prometheus?'),
    ("x.org: {}", "x.org.service: is missing"),
    ("x.org: {service: prometheus, username: admin}", "username and password_key belong together"),
    ("x.org: {service: prometheus, password_key: ADMIN}", "username and password_key belong together"),
    ('x.org: {service: prometheus, username: "a:b", password_key: A}', "expected a user name without a colon"),
    ("x.org: {service: prometheus, path: ready}", "expected a path"),
    ("x.org: {service: prometheus, host: x}", 'unknown key "host"'),
    *((f'"{name}": {{service: prometheus}}', "expected a DNS name") for name in (
        "-x.org", "x", "*.x.org", "X.org", "x..org", "x_y.org", "x.org/", "x.org:80", "a b.org", "x-.org", "x.org\\n", f"{'a' * 64}.org",
        ".".join(["a" * 60] * 5))),
])
def test_a_mistake_in_a_public_name_is_told(tmp_path: Path, site: str, told: str) -> None:
    assert told in refused(tmp_path, f"hosts: {{web: {{address: a}}}}\n{STACK}    sites:\n      {site}\n")


def test_a_username_without_its_password_is_refused(tmp_path: Path) -> None:
    stack = "{checkout: /a, directory: /a, services: {w: {port: 80, username: admin}}}"
    assert "username and password_key belong together" in refused(tmp_path, f"hosts: {{a: {{address: a}}}}\nstacks: {{s: {stack}}}")


def test_jumps_that_lead_back_are_refused_and_a_chain_is_not(tmp_path: Path) -> None:
    hosts = "a: {address: a, jump: b}, b: {address: b, jump: a}, c: {address: c, jump: c}, d: {address: d, jump: a}"
    text = refused(tmp_path, f"hosts: {{{hosts}}}")
    assert [f"hosts.{name}.jump: the jumps lead back to {name}" in text for name in "abcd"] == [True, True, True, False]
    assert load(tmp_path, "hosts: {a: {address: a, jump: b}, b: {address: b, jump: c}, c: {address: c}}").host("a").jump == "b"


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = refused(tmp_path, "hosts:\n  a: {address: a}\n  b: {address: b}\n  a: {address: c}\n")
    assert "hosts.a: stands twice, again in line 4" in text


def test_yaml_does_not_turn_words_into_other_things(tmp_path: Path) -> None:
    inventory = load(tmp_path, "hosts: {no: {address: 1.10, user: on, roles: [yes, 2001-99-99]}}")
    entry = inventory.host("no")
    assert (entry.address, entry.user, entry.roles) == ("1.10", "on", ("yes", "2001-99-99"))


@pytest.mark.parametrize(("text", "words"), [
    ("", "no host is named"),
    ("hosts:", "expected a mapping, got nothing"),
    ("[a, b]", "expected a mapping with the keys hosts"),
    ("hosts: {a: {address: a}", "not YAML"),
    ("hosts: {a: {address: a}}\n---\nhosts: {}", "not YAML"),
    ("hosts: &h {a: *h}", "nested without end"),
    ("[" * 5000, "not YAML"),
    ("[" * 2000 + "]" * 2000, "nested without end"),
    ('hosts: {a: {address: !!python/object/apply:os.system ["touch /tmp/pwned"]}}', "tags are not allowed"),
    ("hosts: {a: {address: !env HOME}}", "tags are not allowed"),
    ("hosts: {a: web}", 'hosts.a: expected a mapping, got "web"'),
    ("hosts: {a: {address: [x]}}", "expected a text, got a list"),
    ("hosts: {? [a] : {address: x}}", "expected a name of letters"),
    ("hosts: {a: {address: a, roles: [node, node]}}", "names one thing twice"),
    ("hosts: {a: {<<: {address: a}}}", 'unknown key "<<"'),
])
def test_a_file_of_another_shape_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(tmp_path, text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_bytes(b"hosts: \xff\xfe")
    with pytest.raises(UsageError, match="cannot read"):
        inventory_file.load(tmp_path / "inventory.yaml", {})


def test_the_inventory_is_found_by_flag_variable_folders_upwards_and_at_last_in_the_users_own(tmp_path: Path) -> None:
    home, deep, named = tmp_path / "home", tmp_path / "site" / "a" / "b", tmp_path / "named.yaml"
    deep.mkdir(parents=True)
    environment = {"XDG_CONFIG_HOME": str(home)}
    with pytest.raises(UsageError, match=r"no inventory\.yaml found"):
        inventory_file.find(None, environment, deep)
    own = home / "opsbook" / "inventory.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert inventory_file.find(None, environment, deep) == own
    beside = tmp_path / "site" / "inventory.yaml"
    beside.touch()
    assert inventory_file.find(None, environment, deep) == beside
    named.touch()
    assert inventory_file.find(None, {**environment, "OPSBOOK_INVENTORY": str(named)}, deep) == named
    assert inventory_file.find(beside, {**environment, "OPSBOOK_INVENTORY": str(named)}, deep) == beside


def test_a_named_inventory_that_does_not_exist_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").touch()
    with pytest.raises(UsageError, match=r"there is no inventory .*gone\.yaml"):
        inventory_file.find(Path("gone.yaml"), {}, tmp_path)
    with pytest.raises(UsageError, match="named by OPSBOOK_INVENTORY"):
        inventory_file.find(None, {"OPSBOOK_INVENTORY": "gone.yaml"}, tmp_path)


def test_the_lab_that_is_not_up_says_how_to_bring_it_up(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path), "OPSBOOK_LAB_NAME": "none-such"}
    with pytest.raises(UsageError) as raised:
        inventory_file.of_the_lab(environment)
    assert raised.value.next == "opsbook lab up"
