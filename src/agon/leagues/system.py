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
        "ranks.sql",
        "seasons.sql",
        "records.sql",
        "leaderboards.sql",
        "leaderboard_ends.sql",
        "standings.sql",
        "season_results.sql",
    ),
    routes=(
        "agon.leagues.team_routes:router",
        "agon.leagues.competition_routes:router",
        "agon.leagues.match_routes:router",
        "agon.leagues.season_routes:router",
        "agon.leagues.leaderboard_routes:router",
    ),
    jobs=(
        Job(name="leagues.advance_due", run="agon.leagues.jobs:advance_due"),
        Job(name="leagues.advance", run="agon.leagues.jobs:advance"),
        Job(name="leagues.decide_by_challenge", run="agon.leagues.jobs:decide_by_challenge"),
        Job(name="leagues.count", run="agon.leagues.season_jobs:count"),
        Job(name="leagues.stand", run="agon.leagues.season_jobs:stand"),
        Job(name="leagues.tell_standings", run="agon.tell_standings"),
        Job(name="leagues.complete_due", run="agon.leagues.season_jobs:complete_due"),
        Job(name="leagues.settle_season", run="agon.leagues.season_jobs:settle_season"),
    ),
    schedules=(
        Schedule(job="leagues.advance_due", cron="* * * * *"),
        Schedule(job="leagues.tell_standings", cron="* * * * *"),
        Schedule(job="leagues.complete_due", cron="* * * * *"),
    ),
    subscriptions=(
        Subscription(
            name="leagues.challenge_ends",
            topic="challenge.finalized",
            run="agon.leagues.jobs:note_challenge_end",
        ),
        Subscription(
            name="leagues.verdicts",
            topic="verdict.recorded",
            run="agon.leagues.season_jobs:note_verdict",
        ),
        Subscription(
            name="leagues.completed",
            topic="competition.completed",
            run="agon.leagues.season_jobs:note_completed",
        ),
    ),
    commands=(
        ("competition", "agon.leagues.commands:competition"),
        ("season", "agon.leagues.season_commands:season"),
    ),
    demonstrations=("agon.leagues.demo:play",),
    result_kinds=(
        ResultKind(
            name="leagues.bracket", version=1, recompute="agon.leagues.brackets.replay:recompute"
        ),
        ResultKind(name="leagues.prizes", version=1, recompute="agon.leagues.prizes:recompute"),
        ResultKind(
            name="leagues.leaderboard", version=1, recompute="agon.leagues.leaderboard:recompute"
        ),
        ResultKind(name="leagues.standings", version=1, recompute="agon.leagues.scoring:recompute"),
    ),
)
