"""Writers of sample evidence for tests: tracks, and the file formats that carry them.

Everything is deterministic: the same arguments give the same bytes on every machine (random
numbers come from a seed, floats only from + - * / and square roots, files carry no clock).

`tracks`: what was done, as frozen values; integers only (ms, mm, mm/s, 1e-7 degree).
    Point(offset_ms, lat_e7=None, lon_e7=None, distance_mm=None, elevation_mm=None,
        speed_mm_s=None, heart_rate=None, cadence=None)
        cadence: steps a minute on foot, turns a minute on a bike
    Device(manufacturer, product, serial)         manufacturer: a key of tracks.MANUFACTURERS
    Track(sport, start_ms, points, pauses=(), ascent_mm=None, steps=None, calories=None,
        device=GARMIN, indoor=False, virtual=False, manual=False, utc_offset_s=0, pool_mm=None)
        pauses: (from_offset_ms, to_offset_ms) pairs; track.elapsed_ms, .timer_ms, .distance_mm,
        .end_ms and .average_heart_rate are properties; .sport is a name of records.SPORTS
    run(seed, distance_m=5000, pace_s_per_km=330, start_ms=START_MS, *, pauses_s=(), place=BERLIN,
        **track_fields) -> Track                one point a second; pauses_s: lengths of pauses
    walk, ride: like run                        hike(seed, distance_m, climb_m, start_ms, ...)
    drive(seed, distance_m, start_ms, *, sport="run", ...)        a car's speeds under any sport
    treadmill(seed, distance_m, pace_s_per_km, start_ms, ...)     no positions, indoor
    pool_swim(seed, lengths=40, pool_m=25, start_ms, ...)         no positions, a point a length
    still(sport, duration_s, start_ms, ...)                       strength, yoga: heart rate only
    Twins and damage: every(track, seconds), shifted(track, ms), jittered(track, seed, metres),
        with_spike(track, index, metres), dataclasses.replace(track, sport="hike", ...)
    stretches(track) -> list of lists of points between pauses

`fit`: write(*tracks, compressed=False, file_type=4, created_ms=None) -> bytes
        one session a track (several: multisport); manual=True gives manufacturer development
        and no serial; device=None neither; compressed: compressed timestamp headers; file_type:
        4 is an activity; created_ms: file_id.time_created, else the first track's start
    truncate(data, keep=None), spoil_checksum(data), spoil_header_checksum(data) -> bytes

`gpx`: write(*tracks, times=True, zone="Z", first_ms=None, type_name=None, doctype="",
        extensions=True, fraction=False) -> bytes          a <trk> a track, a <trkseg> a stretch
        zone: what stands behind each time ("Z", "+01:00", "" for local-only); first_ms: a wrong
        time for the first point; type_name: instead of the sport's, "" for none;
        doctype: put behind the XML declaration; fraction: times with milliseconds
    route(track) -> bytes                       a <rte> only: proves nothing

`tcx`: write(*tracks, zone="Z", doctype="", positions=True, lap_m=1000) -> bytes
        an <Activity> a track, a <Lap> every lap_m, a <Track> a stretch between pauses

`apple`: write(stream, *, workouts=(), quantities=(), doctype="full", control_byte=False,
        statistics=True) -> None                streams an export.xml into a binary stream
        of any size, since both may be generators; doctype: "full" as Apple writes it, "broken"
        as iOS 16 did, "none"; control_byte: a \\x0b in the phone's name; statistics: totals as
        <WorkoutStatistics> (iOS 16), else as attributes of <Workout>
    document(**same) -> bytes;  write_zip(stream, name=ZIP_NAME, **same) -> None
    zipped(xml, name=ZIP_NAME, others=None) -> bytes      others: {name: bytes} beside it
    Quantity(kind, start_ms, end_ms, value, source="iPhone", entered=False, utc_offset_s=3600)
        kind: "steps" (count), "distance" (mm), "energy" (kcal), "heart_rate"
    day_of_steps(seed, day_start_ms, watch_steps=8000, phone_only_steps=0) -> iterator of
        Quantity: an iPhone and a Watch that both count the same walks, and a walk that only the
        phone counts; the truth is watch_steps + phone_only_steps

`games`: opendota_match(player, match_id=, start_ms=, won=, lobby_type=, game_mode=, ...),
        steam_match(player, **same), riot_match(puuid, number=, queue_id=, remake=, ...),
        steam_players(*account_ids, created_ms=, visibility=), strava_activity(track,
        activity_id=), strava_streams(track), manual_activity(track), manual_entries(activities,
        games) -> dict;  encoded(document) -> bytes;  more keywords overwrite fields

`strategies`: for hypothesis: outdoor_tracks(), activity_tracks(), dota_matches(player)

`generate`: writes the demonstration's evidence: `python -m tests.writers.generate [FOLDER]`
"""
