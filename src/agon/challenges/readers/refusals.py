"""Refusals that several readers share. docs/evidence.md lists every code."""

from __future__ import annotations

from agon.challenges.records import RECORDS_MAX
from agon.kernel.errors import Refused, refuse

TEXT_CHARS_MAX = 40
"""Of a text that a refusal quotes."""
EXPORT_AGAIN = "Copy or export the file again from where it was recorded, and send it whole."


def truncated(details: str | None = None) -> Refused:
    return refuse(
        "evidence_truncated", "The file ends too early.", details=details, hint=EXPORT_AGAIN
    )


def value_malformed(what: str, text: str) -> Refused:
    return refuse(
        "evidence_value_malformed",
        f"The file holds a {what} that cannot be read, or cannot be.",
        details=text[:TEXT_CHARS_MAX],
        hint=EXPORT_AGAIN,
    )


def xml_malformed(details: str) -> Refused:
    return refuse(
        "evidence_xml_malformed",
        "The file is no well-formed XML.",
        details=details,
        hint=EXPORT_AGAIN,
    )


def without_times(what: str) -> Refused:
    return refuse(
        "evidence_without_times",
        f"{what} has no time, so nothing proves when or how fast anybody moved.",
        hint="Export the recorded activity with its times, not a planned or edited one.",
    )


def without_activity(details: str) -> Refused:
    return refuse(
        "evidence_without_activity",
        "The file holds nothing that was done: no activity, workout, day or game.",
        details=details,
        hint="Export the activity that was recorded, not a route, a course or a plan.",
    )


def time_implausible(text: str) -> Refused:
    return refuse(
        "evidence_time_implausible",
        "Something in the file happened before the year 2000, or ended before it began.",
        details=text[:TEXT_CHARS_MAX],
        hint="The clock of the device was not set. Correct the times where they were recorded.",
    )


def too_many_records(count: int) -> Refused:
    return refuse(
        "evidence_too_many_records",
        f"The file holds more than {RECORDS_MAX} activities or games.",
        details=f"{count} or more",
        hint="Send an export of a shorter time.",
        status=413,
    )


def too_many_samples(details: str) -> Refused:
    return refuse(
        "evidence_too_many_samples",
        "The file holds more samples than Agon reads from one file.",
        details=details,
        hint="Send a shorter recording, or an export of a shorter time.",
        status=413,
    )
