"""A report for an issue tracker: versions, setting names and findings, but no setting's value."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from irma_backend.doctor.diagnoses import Diagnosis, Outcome

__all__ = ["bug_report"]

_PACKAGES: Final = ("irma-backend", "attrs", "cryptography", "urllib3", "aiohttp", "click")


def bug_report(settings: Iterable[str], diagnoses: Collection[Diagnosis]) -> str:
    """Return the report in Markdown.

    The report omits the details of each result, because they may contain URLs and names.

    Args:
        settings: The names of the settings that are set.
        diagnoses: The results of the checks.
    """
    # A name that the user chose for a request or a secret follows the name of the table.
    tables = {"requests", "secrets"}
    shown = dict.fromkeys(
        f"{table}.*" if table in tables else f"{table}.{key}"
        for table, _, key in (name.partition(".") for name in settings)
    )
    lines = [
        f"- {', '.join(filter(None, map(_package, _PACKAGES)))}",
        f"- Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"- settings: {', '.join(shown) or 'none'}",
        "",
        "| check | outcome | findings |",
        "| --- | --- | --- |",
    ]
    for each in diagnoses:
        found = [f"{problem.id}: {problem.finding}" for problem in each.problems]
        if each.outcome in {Outcome.CRASHED, Outcome.SKIPPED}:
            found.append(each.seen)
        lines.append(f"| {each.check} | {each.outcome.value} | {'; '.join(found)} |")
    return "\n".join(lines)


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
