"""Outside parties that the collector fetches evidence from. Each is a module of one shape.

    fetch(client, party, account, *, since_ms, now_ms, known=()) -> Fetched

and, where accounts are linked by OAuth,

    authorize_url(party, state, redirect_uri) -> str
    exchange(client, party, code, redirect_uri, now_ms) -> Linked
    refresh(client, party, refresh_token, now_ms) -> Tokens

The values stand in `party`. A provider's documents are read by the reader of the same name.
"""

from agon.challenges.providers import opendota, riot, strava

PROVIDERS = {"opendota": opendota, "riot": riot, "strava": strava}
LINKED_BY_OAUTH = {"riot": riot, "strava": strava}
