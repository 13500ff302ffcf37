"""The files that the web adapters share: a script, its texts, styles and the browser package."""

from irma_web.browser_package import (
    InstalledPackage,
    PackageState,
    install_browser_package,
    package_state,
)
from irma_web.page import STATIC, csp_sources, page_settings

__all__ = [
    "STATIC",
    "InstalledPackage",
    "PackageState",
    "csp_sources",
    "install_browser_package",
    "package_state",
    "page_settings",
]
