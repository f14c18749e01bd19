"""The manifest of `leagues`."""

from agon.kernel.manifest import ResultKind, System

SYSTEM = System(
    name="leagues",
    package="agon.leagues",
    result_kinds=(
        ResultKind(
            name="leagues.bracket", version=1, recompute="agon.leagues.brackets.replay:recompute"
        ),
        ResultKind(name="leagues.prizes", version=1, recompute="agon.leagues.prizes:recompute"),
    ),
)
