"""Refusals: what Agon answers when it says no.

A refusal is a value with PostgREST's four parts. Pure code returns it; at a boundary it is raised
inside `Refused`. SQL refuses with ``raise sqlstate 'PT4xx'``, the stable code in ``detail``.
"""

from __future__ import annotations

from dataclasses import dataclass

# SQLSTATE (or its class, the first two characters) -> HTTP status. PT4xx carries its own status.
STATUS_BY_SQLSTATE = {
    "23502": 400,  # not_null_violation
    "23503": 409,  # foreign_key_violation
    "23505": 409,  # unique_violation
    "23514": 400,  # check_violation
    "23P01": 409,  # exclusion_violation
    "25006": 405,  # read_only_sql_transaction
    "40001": 409,  # serialization_failure
    "40P01": 409,  # deadlock_detected
    "42501": 403,  # insufficient_privilege
    "42883": 404,  # undefined_function
    "42P01": 404,  # undefined_table
    "53300": 503,  # too_many_connections
    "57014": 504,  # query_canceled (statement timeout)
    "08": 503,  # connection exceptions
    "22": 400,  # data exceptions
    "23": 400,  # integrity constraints
    "53": 503,  # insufficient resources
    "57": 503,  # operator intervention
    "P0001": 400,  # raise_exception
}

HINT_BY_SQLSTATE = {
    "40P01": "Nothing was done. Send it again; where several rows are changed, in one order.",
}
"""What to do, where Postgres names its own log."""

CLAIM_BY_SQLSTATE = {
    "23502": "A value is missing",
    "23503": "What the row points to is not there, or it is still pointed to",
    "23505": "There is such a row already",
    "23514": "A value is outside its bounds",
    "23P01": "The row overlaps another",
}
"""What an integrity error says. Constraints read as claims, so their names say the rest."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A no, with what to do about it.

    code: stable snake_case; message: one sentence; details: the facts; hint: what to do;
    status: the HTTP status that a door answers with.
    """

    code: str
    message: str
    details: str | None = None
    hint: str | None = None
    status: int = 400

    def as_json(self) -> dict[str, str | None]:
        return {
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" + (f" {self.hint}" if self.hint else "")


class Refused(Exception):
    """Carries a refusal through code that cannot return one."""

    def __init__(self, refusal: Refusal):
        super().__init__(str(refusal))
        self.refusal = refusal


def refuse(code: str, message: str, **parts: object) -> Refused:
    """The exception for a refusal, for ``raise refuse("not_found", "…", status=404)``."""
    return Refused(Refusal(code=code, message=message, **parts))  # type: ignore[arg-type]


def retry_after_s(refusal: Refusal) -> int | None:
    """The wait that a refusal names in its details, `retry_after_s=60`; None if it names none."""
    # PostgREST's refusals have lists there, too.
    said = refusal.details if isinstance(refusal.details, str) else ""
    name, _, seconds = said.partition("=")
    return int(seconds) if name == "retry_after_s" and seconds.isdigit() else None


def claim_broken(sqlstate: str, claim: str) -> Refusal:
    """An integrity error (class 23), told by the name of the constraint or column alone.

    Postgres's own message and DETAIL quote the failing row, which may be anybody's.
    """
    said = CLAIM_BY_SQLSTATE.get(sqlstate, "The row breaks a rule of its table")
    return Refusal(
        code="claim_broken",
        message=f"{said}: {claim.replace('_', ' ')}." if claim else f"{said}.",
        details=claim or None,
        hint="Correct the value and send it again.",
        status=status_of_sqlstate(sqlstate),
    )


def value_malformed(details: str | None = None) -> Refusal:
    """A value that does not have its type's form, such as text where a number stands."""
    return Refusal(
        code="value_malformed",
        message="A value does not have the form that its place takes.",
        details=details,
        hint="/docs shows the form of each path.",
    )


def status_of_sqlstate(sqlstate: str) -> int:
    """HTTP status of a SQLSTATE; 500 where the table has no row."""
    if sqlstate.startswith("PT") and sqlstate[2:].isdigit():
        return int(sqlstate[2:])
    return STATUS_BY_SQLSTATE.get(sqlstate) or STATUS_BY_SQLSTATE.get(sqlstate[:2], 500)
