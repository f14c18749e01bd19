"""MB/s of each reader beside a bare library on the same bytes. Usage: readers.py OUT.json

FIT is measured twice: the reader alone, and with a verdict over what it read. The peers do less:
they parse, and throw away. `peak_mb` is what reading the large export added to a fresh process.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import gpxpy
import pyfitparsernative
from lxml import etree

from agon.challenges import judges, readers
from agon.challenges.records import Reading, Source
from bench.machine import save
from tests.writers import apple, fit, gpx, tcx, tracks

ROUNDS = 9
MEGABYTE = 10**6
EXPORT_DAYS = 3_000
RATES_PER_DAY = 200
DAY_MS = 86_400_000
SAMPLES = Path(__file__).parents[2] / "shared/samples"
REAL = ("fit/run_fenix2_9km.fit", "fit/ride_edge500_93km.fit", "tcx/ride_mapmyride.tcx")
RULE = {
    "version": 1,
    "window": {"start": "2000-01-01", "end": "2100-01-01", "zone": "UTC"},
    "sports": ["run", "ride"],
    "metric": "distance",
    "unit": "km",
    "aggregate": "total",
    "compare": ">=",
    "target": 5,
}
SOURCE = Source(provider="apple")


def read(data: bytes) -> Reading:
    reading = readers.read(BytesIO(data), SOURCE)
    if not isinstance(reading, Reading):
        raise SystemExit(str(reading))
    return reading


def judge(data: bytes) -> None:
    judges.JUDGES["fitness"](RULE, list(read(data).records))


def parse_xml(data: bytes) -> None:
    for _, element in etree.iterparse(BytesIO(data)):
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def parse_gpx(data: bytes) -> None:
    gpxpy.parse(data.decode())


PEERS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "fit": ("pyfitparsernative", pyfitparsernative.parse_fit_bytes),
    "gpx": ("gpxpy", parse_gpx),
    "tcx": ("lxml.iterparse", parse_xml),
    "xml": ("lxml.iterparse", parse_xml),
}


def files() -> dict[str, bytes]:
    """Name -> bytes: generated ones, and real ones where they lie beside the repository."""
    run = tracks.run(1, 20_000)
    made = {
        "generated.fit": fit.write(run),
        "generated.gpx": gpx.write(run),
        "generated.tcx": tcx.write(run),
        "generated_export.xml": apple.document(quantities=export(200)),
    }
    real = {name: SAMPLES / name for name in REAL}
    return made | {name: path.read_bytes() for name, path in real.items() if path.is_file()}


def export(days: int) -> Iterator[apple.Quantity]:
    """Days of steps from two devices, and a heart rate every few minutes."""
    first_ms = tracks.START_MS // DAY_MS * DAY_MS - days * DAY_MS
    for day in range(days):
        start_ms = first_ms + day * DAY_MS
        beats = (start_ms + beat * DAY_MS // RATES_PER_DAY for beat in range(RATES_PER_DAY))
        yield from chain(
            apple.day_of_steps(day, start_ms),
            (
                apple.Quantity(
                    kind="heart_rate", start_ms=at, end_ms=at, value=70, source="Apple Watch"
                )
                for at in beats
            ),
        )


def compare(data: bytes, ours: Callable[[bytes], Any], peer: Callable[[bytes], Any]) -> dict:
    """MB/s of processor time, the best of ROUNDS, and the median of the rounds' ratios.

    The two take turns, so that a machine that others use slows both.
    """
    rounds = [(timed(peer, data), timed(ours, data)) for _ in range(ROUNDS)]
    best_peer, best_ours = map(min, zip(*rounds, strict=True))
    return {
        "ours": round(len(data) / MEGABYTE / best_ours, 2),
        "peer": round(len(data) / MEGABYTE / best_peer, 2),
        "ratio": round(statistics.median(peer / ours for peer, ours in rounds), 2),
    }


def timed(function: Callable[[bytes], Any], data: bytes) -> float:
    begin = time.process_time()
    function(data)
    return time.process_time() - begin


def read_large(path: str) -> dict[str, Any]:
    """Read an export in this process, and say how much memory that took."""
    before = peak_mb()
    begin = time.process_time()
    with open(path, "rb") as stream:
        readers.read(stream, SOURCE)
    took = time.process_time() - begin
    size = Path(path).stat().st_size
    return {
        "file": "large_export.xml",
        "bytes": size,
        "ours": round(size / MEGABYTE / took, 2),
        "peak_mb": round(peak_mb() - before, 1),
    }


def peak_mb() -> float:
    """The most memory that this process has had, on Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def large_export() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xml"
        with path.open("wb") as stream:
            apple.write(stream, quantities=export(EXPORT_DAYS))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(read_large, (str(path),))


def measure() -> list[dict[str, Any]]:
    figures = []
    for name, data in files().items():
        peer_name, peer = PEERS[name.rpartition(".")[2]]
        facts = {"file": name, "bytes": len(data), "peer_name": peer_name}
        figures.append(facts | compare(data, read, peer))
        if name.endswith(".fit"):
            figures.append(facts | {"file": f"{name}, judged"} | compare(data, judge, peer))
    return [*figures, large_export()]


def main(out: Path) -> None:
    figures = measure()
    print(f"{'file':34} {'MB':>7} {'ours':>7} {'peer':>7} {'ratio':>6}  peer, memory")
    for figure in figures:
        note = figure.get("peer_name") or f"{figure['peak_mb']} MB more memory"
        print(
            f"{figure['file']:34} {figure['bytes'] / MEGABYTE:7.1f} {figure['ours']:7.2f}"
            f" {figure.get('peer', '-'):>7} {figure.get('ratio', '-'):>6}  {note}"
        )
    save(out, {"unit": "MB/s of processor time", "readers": figures})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
