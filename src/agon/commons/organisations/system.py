"""The manifest of `organisations`."""

from agon.kernel.manifest import System

SYSTEM = System(
    name="organisations",
    package="agon.commons.organisations",
    floor="commons",
    rules=(
        "standing.sql",
        "organisations.sql",
        "members.sql",
        "roles.sql",
        "keys.sql",
        "branding.sql",
        "domains.sql",
    ),
)
