"""Where the golden numbers and the real photographs and videos lie.

They are kept beside the repository, not in it. `PELLUCID_SHARED` names their folder (default: `../shared`).
Without them the tests that need them are skipped and say so, unless `PELLUCID_REQUIRE_SHARED=1`, as in CI.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PELLUCID_SHARED", Path(__file__).parents[2] / "shared"))


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        message = f"{name}/ not found in the shared folder; set PELLUCID_SHARED to the folder that holds it"
        if os.environ.get("PELLUCID_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    return _shared("golden")


@pytest.fixture(scope="session")
def real() -> Path:
    return _shared("real")


@pytest.fixture(scope="session")
def transphy3d_mini() -> Path:
    return _shared("transphy3d_mini")
