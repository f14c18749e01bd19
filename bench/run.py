"""`make bench`: run every measurement, results in bench/results/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MEASUREMENTS = (
    "readers",
    "pipeline",
    "doors_ceiling",
    "doors",
    "payouts",
    "chain",
    "settlement",
    "claims",
    "board",
    "brackets",
    "ranks",
    "webhooks",
)


def main(names: list[str]) -> None:
    """Run the named measurements, or all."""
    for name in names or MEASUREMENTS:
        out = HERE / "results" / f"{name}.json"
        out.parent.mkdir(exist_ok=True)
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", str(out)]
        subprocess.run(command, check=True, cwd=HERE.parent)


if __name__ == "__main__":
    main(sys.argv[1:])
