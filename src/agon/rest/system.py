"""The manifest of the data door."""

from agon.kernel.manifest import Door, Setting, System

DAY_MS = 24 * 3600 * 1000

SYSTEM = System(
    name="rest",
    package="agon.rest",
    rules=("checks.sql", "schema.sql"),
    doors=(Door(prefix="/rest/v1", open="agon.rest.door:open_door"),),
    commands=(("keys", "agon.rest.commands:keys"),),
    settings=(
        Setting(
            name="rest_schemas",
            default="public",
            help="Schemas that the data door exposes, separated by commas, the default first.",
        ),
        Setting(
            name="rest_rows_max",
            kind="integer",
            default="1000",
            minimum=1,
            maximum=1_000_000,
            help="Rows of an answer, and of each embed in it.",
        ),
        Setting(
            name="rest_aggregates",
            kind="boolean",
            default="false",
            help="Whether clients may ask for sum, avg, min, max and count.",
        ),
        Setting(
            name="rest_explain",
            kind="boolean",
            default="false",
            help="Whether clients may ask for Postgres's plan of a request.",
        ),
        Setting(
            name="rest_tx_rollback",
            kind="boolean",
            default="false",
            help="Whether clients may have a request undone in its end (`Prefer: tx=rollback`).",
        ),
        Setting(
            name="rest_policies",
            default="service",
            choices=("service", "anyone"),
            help="Who may ask which policy hides or refuses which row; anyone: in development.",
        ),
        Setting(
            name="rest_body_bytes_max",
            kind="integer",
            default=str(10 * 1024 * 1024),
            minimum=1024,
            maximum=256 * 1024 * 1024,
            help="Bytes of a request's body.",
        ),
        Setting(
            name="rest_connections",
            kind="integer",
            default="8",
            minimum=1,
            maximum=500,
            help="Connections to Postgres of the data door: so many for anon and authenticated, "
            "and so many for service_role.",
        ),
        Setting(
            name="statement_ms_anon",
            kind="integer",
            default="3000",
            minimum=1,
            maximum=DAY_MS,
            help="Milliseconds that a statement of anon may take in the data door.",
        ),
        Setting(
            name="statement_ms_authenticated",
            kind="integer",
            default="8000",
            minimum=1,
            maximum=DAY_MS,
            help="The same of a signed-in user.",
        ),
        Setting(
            name="statement_ms_service",
            kind="integer",
            default="30000",
            minimum=1,
            maximum=DAY_MS,
            help="The same of service_role.",
        ),
    ),
)
