"""Settling a day's log of 10^5, 10^6 and 10^7 events. Usage: settlement.py OUT.json [EVENTS ...]

Each file is read and settled as `agon epoch replay` does, beside its bare reading: `json.loads` of
the same lines, thrown away. Both take turns in a process of their own; seconds are processor time,
the best of the rounds, and the ratio (bare reading to all of ours) is the median of theirs.
`peak_mb` is the most memory that the process has had beyond its start; a bundle is measured last.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from agon.epochs import profiles, replaying, settlement, timeline
from agon.kernel import results
from bench.machine import save
from bench.readers import peak_mb

SIZES = (100_000, 1_000_000, 10_000_000)
ROUNDS = {100_000: 7, 1_000_000: 3, 10_000_000: 1}
BOTS, SLOTS = 40, 16
VOTES_PERCENT = 20
ATTACKS_PERCENT = 30
KINDS = {("epochs.settlement", 1): settlement.KIND}
DAY = timeline.of_day(profiles.daily(), date(2026, 11, 2))
NAMES = [f"{number:08x}-0000-4000-8000-00000000b075" for number in range(BOTS)]


def head() -> dict[str, Any]:
    return {
        "epoch": {
            "day": "2026-11-02",
            "starts_at_ms": DAY.starts_at_ms,
            "freeze_at_ms": DAY.freeze_at_ms,
            "ends_at_ms": DAY.ends_at_ms,
        },
        "profile": profiles.daily(),
        "owners": {name: f"0x{place // 2:040x}" for place, name in enumerate(NAMES)},
        "pool_wei": "1000000000000000000",
    }


def events(count: int) -> Iterator[dict[str, Any]]:
    """A day that is as busy throughout: claims and attacks on 16 slots, and votes on all bots."""
    chance = random.Random(count)
    live_ms = DAY.freeze_at_ms - DAY.starts_at_ms
    holders: dict[int, int] = {}
    for seq in range(1, count + 1):
        at_ms = DAY.starts_at_ms + seq * live_ms // (count + 1)
        event = {"seq": seq, "at_ms": at_ms, "bot": None, "slot": None, "wallet": None}
        if chance.randrange(100) < VOTES_PERCENT:
            yield event | vote(seq, chance)
            continue
        slot, bot = chance.randrange(SLOTS), chance.randrange(BOTS)
        event |= {"slot": slot, "bot": NAMES[bot]}
        holder = holders.get(slot)
        if holder is None:
            said = {"type": "slot_claimed", "data": {"code_hash": "ab" * 32}}
        elif holder != bot and chance.randrange(100) < ATTACKS_PERCENT:
            yield event | {"type": "slot_attacked", "data": {"holder": NAMES[holder]}}
            continue
        else:
            said = {"type": "slot_overwritten"}
            said["data"] = {"from": NAMES[holder], "code_hash": "ab" * 32}
        holders[slot] = bot
        yield event | said


def vote(seq: int, chance: random.Random) -> dict[str, Any]:
    """A vote that nobody has cast: as many wallets as it takes."""
    score = f"0.{chance.randrange(10_000):04}"
    target = {"target_type": "bot", "target_id": NAMES[seq % BOTS], "score": score}
    return {"type": "vote_cast", "wallet": f"0x{seq // BOTS:040x}", "data": target}


def bare(path: Path) -> None:
    with path.open("rb") as lines:
        for line in lines:
            json.loads(line)


def measured(path: Path, count: int) -> dict[str, Any]:
    """All figures of one file, in this process, which has done nothing else."""
    before_mb = peak_mb()
    rounds = []
    for _ in range(ROUNDS.get(count, 3)):
        start = time.process_time()
        bare(path)
        bare_s = time.process_time() - start
        start = time.process_time()
        with path.open("rb") as lines:
            day = replaying.read(lines)
        read_s = time.process_time() - start
        output = day.settled()
        rounds.append((bare_s, read_s, time.process_time() - start - read_s))
    if output["totals"]["wei"] != day.pool_wei:
        raise SystemExit("the wei do not add up")
    bare_s, read_s, settle_s = (min(column) for column in zip(*rounds, strict=True))
    figures = {
        "events": count,
        "bytes": path.stat().st_size,
        "bare_s": round(bare_s, 2),
        "read_s": round(read_s, 2),
        "settle_s": round(settle_s, 2),
        "ratio": round(statistics.median(one / (two + three) for one, two, three in rounds), 2),
        "peak_mb": round(peak_mb() - before_mb, 1),
    }
    if count > settlement.BUNDLED_EVENTS_MAX:
        return figures
    return figures | bundled(day, before_mb)


def bundled(day: replaying.Day, before_mb: float) -> dict[str, Any]:
    """What a bundle and its verification take."""
    start = time.process_time()
    bundle = day.bundle()
    bundle_s = time.process_time() - start
    found = results.verify(bundle.data, KINDS, bundle.cid)
    if not found.ok:
        raise SystemExit("the bundle differs")
    return {
        "bundle_s": round(bundle_s, 2),
        "verify_s": round(time.process_time() - start - bundle_s, 2),
        "bundle_bytes": len(bundle.data),
        "bundle_peak_mb": round(peak_mb() - before_mb, 1),
    }


def measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.ndjson"
        with path.open("w") as file:
            for line in chain((head(),), events(count)):
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(measured, (path, count))


def main(out: Path, sizes: list[int]) -> None:
    print(
        f"{'events':>10} {'bare s':>7} {'read s':>7} {'settle s':>8} {'ratio':>6} {'MB':>6}  bundle"
    )
    figures = []
    for count in sizes:
        found = measure(count)
        figures.append(found)
        note = "too large"
        if "bundle_s" in found:
            note = f"{found['bundle_s']} s, {found['bundle_bytes'] / 1e6:.1f} MB of bytes"
        print(
            f"{count:10} {found['bare_s']:7} {found['read_s']:7} {found['settle_s']:8}"
            f" {found['ratio']:6} {found['peak_mb']:6}  {note}",
            flush=True,
        )
    save(out, {"unit": "seconds of processor time", "settlement": figures})


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(size) for size in sys.argv[2:]] or list(SIZES))
