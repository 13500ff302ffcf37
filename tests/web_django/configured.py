"""Django, configured and set up on import.

A process has only one configuration of Django. `LOGGING_CONFIG` is None and the time zone is UTC,
so that tests of other folders in the same process are not affected.
"""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings

ALIASES = ("default", "other")
SECRET_KEY = "a-secret-key-of-the-tests-that-is-long-enough-for-djangos-check-0123456789"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

if not settings.configured:
    settings.configure(
        SECRET_KEY=SECRET_KEY,
        DEBUG=False,
        ALLOWED_HOSTS=["shop.example", "testserver"],
        LOGGING_CONFIG=None,
        TIME_ZONE="UTC",
        USE_TZ=True,
        ROOT_URLCONF="tests.web_django.shop_urls",
        STATIC_URL="/static/",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "irma_web",
            "irma_web_django",
        ],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parent / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        AUTHENTICATION_BACKENDS=[
            "irma_web_django.backends.IrmaBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASES={
            alias: {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "",
                "OPTIONS": {
                    "timeout": 60,
                    "transaction_mode": "IMMEDIATE",
                    # The tests need no data after a power failure, and a disk is slow to confirm.
                    "init_command": "PRAGMA synchronous = OFF",
                },
            }
            for alias in ALIASES
        },
    )
    django.setup()
