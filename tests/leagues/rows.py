"""Rows of leagues for the access matrix, in the organisations of tests/organisations/rows.py."""

from __future__ import annotations

from tests.access.cast import ADA, ANY, BOB

WHERE_ADMIN = "org_id = (select id from public.organizations where slug = 'adas')"
HELD = f"competition_id in (select id from public.competitions where {WHERE_ADMIN})"
DRAFTS = "select id from public.competitions where status = 'draft'"
CLUB = f"team_id in (select id from public.teams where {WHERE_ADMIN})"

KINDS = {
    "public.bracket_matches": ANY,
    "public.competition_registrations": ANY,
    "public.competitions": {
        "published": "status <> 'draft'",
        "drafts where admin": f"status = 'draft' and {WHERE_ADMIN}",
        "others' drafts": f"status = 'draft' and not {WHERE_ADMIN}",
    },
    "public.leaderboard_entries": ANY,
    "public.leaderboard_scores": ANY,
    "public.match_disputes": {
        "filed": f"filed_by = '{ADA}' and not {HELD}",
        "where admin": HELD,
        "others'": f"filed_by = '{BOB}' and not {HELD}",
    },
    "public.match_events": ANY,
    "public.season_competitions": {
        "published": f"competition_id not in ({DRAFTS})",
        "drafts where admin": f"competition_id in ({DRAFTS}) and {HELD}",
        "others' drafts": f"competition_id in ({DRAFTS}) and not {HELD}",
    },
    "public.season_standings": ANY,
    "public.seasons": ANY,
    "public.team_invitations": {
        "got": f"wallet = '{ADA}' and not {CLUB}",
        "where admin": CLUB,
        "others'": f"wallet = '{BOB}' and not {CLUB}",
    },
    "public.team_roster": ANY,
    "public.teams": ANY,
}

SOW = f"""
insert into public.teams (org_id, name) select id, 'Reds' from public.organizations;
insert into public.team_roster (team_id, wallet, role)
select id, '{BOB}', 'captain' from public.teams;
insert into public.team_invitations (team_id, wallet, expires_at)
select id, w, 'infinity' from public.teams, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.competitions (org_id, title, type)
select id, t, 'bracket' from public.organizations, unnest('{{Draft, Cup}}'::text[]) t;
update public.competitions set status = 'open' where title = 'Cup';
update public.competitions set status = 'active', started_at = now() where title = 'Cup';
insert into public.competition_registrations (competition_id, wallet)
select id, w from public.competitions, unnest('{{{ADA}, {BOB}}}'::text[]) w where title = 'Cup';
insert into public.bracket_matches (competition_id, key, round, match_number)
select id, 'w.1.' || n, 1, n from public.competitions, generate_series(1, 2) n
where title = 'Cup';
insert into public.match_events (competition_id, match_key, event, by)
select competition_id, key, 'scheduled', 'organiser' from public.bracket_matches;
insert into public.match_disputes (match_id, competition_id, filed_by, reason)
select id, competition_id, case match_number when 1 then '{ADA}' else '{BOB}' end, 'Why'
from public.bracket_matches;
insert into public.seasons (org_id, name) select id, 'Spring' from public.organizations;
insert into public.season_competitions (season_id, competition_id)
select s.id, c.id from public.seasons s join public.competitions c using (org_id);
insert into public.season_standings (season_id, wallet) select id, '{ADA}' from public.seasons;
insert into public.leaderboard_entries (competition_id, participant, score, passed, failed, scores)
select id, '{ADA}', 1, 1, 0, 1 from public.competitions where title = 'Cup';
insert into public.leaderboard_scores (competition_id, wallet, challenge_id, event_id, pass)
select id, '{ADA}', 1, 1, true from public.competitions where title = 'Cup';
"""
