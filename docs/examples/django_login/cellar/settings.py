"""The settings of the shop. In production, the secrets come from the environment."""

import os
from pathlib import Path

from irma_core import AttributeRequest, DisclosureRequest

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = os.environ.get("DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-development-" + 40 * "x")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", os.environ.get("HOST", "localhost")]

DJANGO_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "cellar",
]
INSTALLED_APPS = [*DJANGO_APPS, "irma_web", "irma_web_django"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "cellar.urls"
WSGI_APPLICATION = "cellar.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# Several workers write to one file. Without these options, some of the writes would fail.
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("SQLITE_FILE", BASE_DIR / "db.sqlite3"),
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL",
    },
}
POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "cellar",
    "USER": os.environ.get("PGUSER", "cellar"),
    "PASSWORD": os.environ.get("PGPASSWORD", ""),
    "HOST": os.environ.get("PGHOST", ""),
    "PORT": os.environ.get("PGPORT", ""),
}
DATABASES = {"default": POSTGRESQL if "PGHOST" in os.environ else SQLITE}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["irma_web_django.backends.IrmaBackend"]
LOGIN_URL = "/irma/ask/login/"
LOGIN = DisclosureRequest({"email": AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)})
OVER_18 = AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes")
IRMA = {
    "SERVER": os.environ.get("IRMA_SERVER", "http://127.0.0.1:8088"),
    "TOKEN": os.environ.get("IRMA_TOKEN"),
    "QUESTIONS": {"login": LOGIN, "adult": DisclosureRequest({"age": OVER_18})},
    "ACCOUNT": "email",
}
