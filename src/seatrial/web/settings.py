"""The site's settings, made from a folder: no environment to prepare, no file to write by hand."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from seatrial.core.errors import Malformed

DATABASE = "SEATRIAL_SITE_DATABASE"
"""The URL of the site's own database, such as `postgresql://…`; by default a SQLite file in its folder."""
URL = "SEATRIAL_SITE_URL"
"""The address of the site in messages; by default its first host name, else this machine's own."""
HOSTS = "SEATRIAL_SITE_HOSTS"
"""Host names under which the site is reached, separated by commas."""
SYSTEMS = "SEATRIAL_SITE_SYSTEMS"
"""The folder below which the interview makes new systems; by default `systems` in the site's own folder."""
PROXIES = "SEATRIAL_SITE_PROXIES"
"""Addresses of the proxies before the site, separated by commas: they alone are believed where somebody comes from."""
_FILE = "site.db"
_HERE = "http://127.0.0.1:8740"
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_YEAR_S = 365 * 86_400


_APPS = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "seatrial.web.apps.Site",
)
_MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "seatrial.web.sessions.only_listed",
    "seatrial.web.language.own_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "seatrial.web.policy.content_security_policy",
    "seatrial.web.policy.plain_errors",
    "seatrial.web.policy.following_ledgers",
)
_VALIDATION = "django.contrib.auth.password_validation"
_PASSWORDS = (
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
)


def settings(folder: Path, *, secure: bool) -> dict[str, Any]:
    """All settings for a site whose own data stand in `folder`. `secure`: it is reached over HTTPS alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    hosts = _listed(HOSTS)
    return {
        "DEBUG": False,
        "ROOT_URLCONF": "seatrial.web.urls",
        "INSTALLED_APPS": _APPS,
        "MIDDLEWARE": _MIDDLEWARE,
        "DATABASES": {"default": _database(folder)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "LOGGING_CONFIG": None,
        **_accounts(),
        **_protection(folder, hosts, secure=secure),
        **_pages(),
        "SITE_URL": (os.environ.get(URL) or (f"https://{hosts[0]}" if hosts else _HERE)).rstrip("/"),
        "SITE_FOLDER": folder,
        "SITE_PROXIES": frozenset(_listed(PROXIES)),
        "SITE_SYSTEMS": Path(os.environ.get(SYSTEMS) or folder / "systems").resolve(),
    }


def _accounts() -> dict[str, Any]:
    return {
        "AUTH_USER_MODEL": "site.Account",
        "AUTH_PASSWORD_VALIDATORS": _PASSWORDS,
        "LOGIN_URL": "/sign-in/",
        "LOGIN_REDIRECT_URL": "/",
    }


def _protection(folder: Path, hosts: list[str], *, secure: bool) -> dict[str, Any]:
    """What keeps strangers, other sites and floods out."""
    return {
        "SECRET_KEY": _secret(folder / "secret"),
        "ALLOWED_HOSTS": [*_LOCAL, *hosts],
        "CSRF_TRUSTED_ORIGINS": [f"https://{host}" for host in hosts],
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_FAILURE_VIEW": "seatrial.web.views.problems.forged",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_AGE": 12 * 3600,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_HSTS_SECONDS": _YEAR_S if secure else 0,
        "X_FRAME_OPTIONS": "DENY",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 4 * 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 4,
        "FILE_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "FILE_UPLOAD_HANDLERS": [
            "seatrial.web.uploading.Bounded",
            "django.core.files.uploadhandler.MemoryFileUploadHandler",
            "django.core.files.uploadhandler.TemporaryFileUploadHandler",
        ],
    }


def _pages() -> dict[str, Any]:
    from seatrial.web.language import LANGUAGES

    here = Path(__file__).parent
    return {
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "DIRS": [here / "templates", here.parent / "present" / "templates"],
                "OPTIONS": {"environment": "seatrial.web.pages.environment"},
            }
        ],
        "STATIC_URL": "/static/",
        "STATICFILES_DIRS": [here / "static"],
        "WHITENOISE_USE_FINDERS": True,
        "LANGUAGE_CODE": "en",
        "LANGUAGES": LANGUAGES,
        "LOCALE_PATHS": [here / "locale"],
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "USE_I18N": True,
    }


def configure(folder: Path, *, secure: bool = False) -> None:
    """Set Django up for this process, once."""
    import django
    from django.conf import settings as configured

    if configured.configured:
        return
    configured.configure(**settings(folder, secure=secure))
    django.setup()


def stands(folder: Path) -> bool:
    """Whether a site was begun there, or keeps its own data in the database that the environment names."""
    return bool(os.environ.get(DATABASE)) or (folder / _FILE).is_file()


def _listed(name: str) -> list[str]:
    return [each.strip() for each in os.environ.get(name, "").split(",") if each.strip()]


def _secret(file: Path) -> str:
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_urlsafe(50))
    return file.read_text(encoding="ascii")


def _database(folder: Path) -> dict[str, Any]:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    url = os.environ.get(DATABASE)
    if url:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            parsed = None
        if parsed is None or parsed.get_backend_name() != "postgresql":
            # The URL itself may hold a password, so it is not repeated.
            raise Malformed(
                f"{DATABASE} names no database that the site can keep its own data in",
                remedy="Set it to a URL such as postgresql://user:password@host/database, "
                "or leave it unset for a SQLite file.",
            )
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parsed.database,
            "USER": parsed.username or "",
            "PASSWORD": parsed.password or "",
            "HOST": parsed.host or "",
            "PORT": str(parsed.port or ""),
        }
    options = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / _FILE, "OPTIONS": options}
