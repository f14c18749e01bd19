"""The data door's part of the configuration, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from agon.kernel.config import Settings
from agon.kernel.errors import refuse
from agon.rest.ask import Bounds


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the configuration says. timeouts_ms: of a statement, by role; body_bytes: at most."""

    bounds: Bounds
    schemas: tuple[str, ...]
    timeouts_ms: dict[str, int]
    body_bytes: int
    policies_for_anyone: bool


def rules_of(settings: Settings) -> Rules:
    """The door's part of the configuration. Raises Refused `configuration_wrong`."""
    schemas = tuple(part.strip() for part in settings["rest_schemas"].split(",") if part.strip())
    if not schemas:
        raise refuse(
            "configuration_wrong",
            "AGON_REST_SCHEMAS names no schema.",
            hint="Name at least one, the default first.",
        )
    return Rules(
        bounds=Bounds(
            rows_max=settings["rest_rows_max"],
            aggregates=settings["rest_aggregates"],
            explain=settings["rest_explain"],
            tx_rollback=settings["rest_tx_rollback"],
        ),
        schemas=schemas,
        timeouts_ms={
            "anon": settings["statement_ms_anon"],
            "authenticated": settings["statement_ms_authenticated"],
            "service_role": settings["statement_ms_service"],
        },
        body_bytes=settings["rest_body_bytes_max"],
        policies_for_anyone=settings["rest_policies"] == "anyone",
    )
