"""The manifest of `people`."""

from agon.kernel.manifest import System

SYSTEM = System(
    name="people",
    package="agon.commons.people",
    floor="commons",
    rules=("wallets.sql",),
    commands=(("token", "agon.commons.people.commands:token"),),
)
