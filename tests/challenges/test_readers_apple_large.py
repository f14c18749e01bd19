"""An Apple Health export of a gigabyte goes by in a stream."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.writers import apple

EXPORT_BYTES_MIN = 1_000_000_000
MEMORY_MB_MAX = 300
DAY_MS = 86_400_000
START_MS = 1_500_000_000_000

READ = """
import json, re, sys
from agon.challenges import readers
from agon.challenges.records import Source
with open(sys.argv[1], "rb") as stream:
    reading = readers.read(stream, Source(provider="apple"))
# Its own peak: getrusage counts that of whoever started it, too.
peak_mb = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps({"records": len(reading.records), "peak_mb": peak_mb}))
"""


def _quantities():
    """Days of steps, and a heart rate every half a minute, as a watch records it."""
    for day in count():
        midnight = START_MS + day * DAY_MS
        yield from apple.day_of_steps(day, midnight)
        for sample in range(2_880):
            at = midnight + sample * 30_000
            yield apple.Quantity(
                kind="heart_rate", start_ms=at, end_ms=at, value=60 + sample % 90, source="Watch"
            )


@pytest.mark.prove
def test_a_gigabyte_is_read_in_300_megabytes(tmp_path: Path):
    path = tmp_path / "export.xml"
    with path.open("wb") as stream:

        def until_large():
            for quantity in _quantities():
                if stream.tell() > EXPORT_BYTES_MIN:
                    return
                yield quantity

        apple.write(stream, quantities=until_large())
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    read = json.loads(done.stdout)
    print(f"\n{path.stat().st_size / 1e9:.2f} GB: {read}")
    path.unlink()
    assert read["records"] > 100
    assert read["peak_mb"] < MEMORY_MB_MAX
