"""Make what the config repo leaves out on purpose: `.env`, and the files rendered from it."""

from __future__ import annotations

import secrets

import bcrypt

BUCKET = "/bucket"
HASH_ROUNDS = 10  # a real site takes 14; the lab logs in often


def env_text() -> str:
    """Return a new `.env` with random secrets, quoted as Compose needs it."""
    password = _password()
    return "".join(f"{key}={value}\n" for key, value in {**_secrets(password), **_settings()}.items())


def rendered_files(env: str) -> dict[str, str]:
    """Given the text of `.env`, return the rendered files by their path in the stack's directory."""
    bucket = f"type: FILESYSTEM\nconfig:\n  directory: {BUCKET}\n"
    return {"thanos/s3.yml": bucket, "alertmanager/smtp_password": _value(env, "SMTP_PASSWORD") + "\n"}


def _secrets(password: str) -> dict[str, str]:
    return {
        "GRAFANA_ADMIN_PASSWORD": password,
        "CADDY_ADMIN_HASH": f"'{_bcrypt(password)}'",  # Compose expands every $ outside single quotes
        "WASABI_ACCESS_KEY": secrets.token_hex(10).upper(),
        "WASABI_SECRET_KEY": _password(),
        "SMTP_PASSWORD": _password(),
        "SUPABASE_DB_PASSWORD": _password(),
    }


def _password() -> str:
    """Make a password that no command line takes for a flag: people type it in the rehearsals, on purpose or not."""
    return "p" + secrets.token_urlsafe(21)


def _settings() -> dict[str, str]:
    return {
        "WASABI_BUCKET": "lab-monitoring",
        "WASABI_ENDPOINT": "s3.lab.invalid",
        "SMTP_USERNAME": "monitoring@mail.invalid",
        "SUPABASE_DB_HOST": "db.lab.invalid",
        "SUPABASE_DB_USER": "grafana_readonly",
        "HEALTH_INTERVAL": "5s",
        "QUEUE_POLL_SECONDS": "1",
    }


def _bcrypt(password: str) -> str:
    salt = bcrypt.gensalt(rounds=HASH_ROUNDS, prefix=b"2a")  # the prefix that Caddy writes itself
    return bcrypt.hashpw(password.encode(), salt).decode()


def _value(env: str, key: str) -> str:
    return next(line.partition("=")[2].strip("'") for line in env.splitlines() if line.startswith(f"{key}="))
