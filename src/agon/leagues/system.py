"""The manifest of `leagues`."""

from agon.kernel.manifest import Job, ResultKind, Schedule, Subscription, System

SYSTEM = System(
    name="leagues",
    package="agon.leagues",
    rules=(
        "teams.sql",
        "rosters.sql",
        "competitions.sql",
        "registrations.sql",
        "starting.sql",
        "bracket_matches.sql",
        "results.sql",
        "disputes.sql",
        "completions.sql",
    ),
    routes=(
        "agon.leagues.team_routes:router",
        "agon.leagues.competition_routes:router",
        "agon.leagues.match_routes:router",
    ),
    jobs=(
        Job(name="leagues.advance_due", run="agon.leagues.jobs:advance_due"),
        Job(name="leagues.advance", run="agon.leagues.jobs:advance"),
        Job(name="leagues.decide_by_challenge", run="agon.leagues.jobs:decide_by_challenge"),
    ),
    schedules=(Schedule(job="leagues.advance_due", cron="* * * * *"),),
    subscriptions=(
        Subscription(
            name="leagues.challenge_ends",
            topic="challenge.finalized",
            run="agon.leagues.jobs:note_challenge_end",
        ),
    ),
    commands=(("competition", "agon.leagues.commands:competition"),),
    demonstrations=("agon.leagues.demo:play",),
    result_kinds=(
        ResultKind(
            name="leagues.bracket", version=1, recompute="agon.leagues.brackets.replay:recompute"
        ),
        ResultKind(name="leagues.prizes", version=1, recompute="agon.leagues.prizes:recompute"),
    ),
)
