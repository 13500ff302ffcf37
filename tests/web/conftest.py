"""A website of each mode, for the tests of the pages that a browser calls."""

import pytest

from tests.web.site import Site


@pytest.fixture
def site(mode: str) -> Site:
    """A website with the usual settings."""
    return Site(mode)
