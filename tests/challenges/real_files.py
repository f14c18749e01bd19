"""Files that real devices recorded. They lie beside the repository and not in it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared/samples"


def stream(name: str) -> BytesIO:
    """The file of this name; the test is skipped where there is none."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"the sample file {name} is not here")
    return BytesIO(path.read_bytes())
