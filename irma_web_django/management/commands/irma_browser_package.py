"""`manage.py irma_browser_package DIR`: put the official browser package among static files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError

from irma_core.errors import ConfigurationError
from irma_web.browser_package import PACKAGE, VERSION, install_browser_package
from irma_web_django.system_checks import SCRIPT

__all__ = ["Command"]


class Command(BaseCommand):
    """Fetches the pinned version with npm, or reads its tarball, and checks its hash."""

    help = "Puts yivi.js, which draws QR codes in the browser, among the static files of the site."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments for the folder and the tarball."""
        parser.add_argument(
            "directory",
            metavar="DIR",
            type=Path,
            help="A folder of static files, such as shop/static, where irma_web/yivi.js goes.",
        )
        parser.add_argument(
            "--from",
            dest="from_file",
            metavar="FILE",
            type=Path,
            help="A tarball that `npm pack` wrote, for a machine without npm or network access.",
        )

    def handle(
        self, *_args: Any, directory: Path, from_file: Path | None = None, **_options: Any
    ) -> None:
        """Install the browser package.

        Raises:
            CommandError: npm fails, or the tarball is not the pinned one, for example.
        """
        try:
            installed = install_browser_package(directory / "irma_web", from_file=from_file)
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        done = "written" if installed.is_new else "already there, unchanged"
        self.stdout.write(f"{installed.path}: {done} ({PACKAGE} {VERSION}, hash checked)")
        if apps.is_installed("django.contrib.staticfiles") and finders.find(SCRIPT) is None:
            self.stderr.write(
                f"Django does not look for static files in {directory}: add its application to "
                "INSTALLED_APPS, or the folder to STATICFILES_DIRS"
            )
