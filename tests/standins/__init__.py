"""Stand-ins: outside parties that run on this machine and speak their documented protocol.

One file a party. Each has `standin(...)`, an async context manager that yields a
`server.Standin`: where it listens, what it heard, and faults to order.

    async with strava.standin(activities=[...]) as party:
        party.order("/api/v3/athlete", server.rate_limited(30))
        ...
        assert party.heard[0].path == "/api/v3/athlete/activities"
"""
