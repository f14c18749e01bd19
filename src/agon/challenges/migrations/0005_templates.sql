-- The templates that Agon comes with: at least one that works for each kind.

insert into public.challenge_templates (id, name, hint, kind, model_id, fields_json, rule_config)
select id, name, hint, kind, model_id, fields_json, rule_config
from jsonb_to_recordset($templates$
[
  {"id": "walking_steps", "name": "Daily steps", "kind": "walking", "model_id": "agon.fitness@1",
   "hint": "Reach a number of steps on enough days. From a health export.",
   "fields_json": [
     {"name": "target", "label": "Steps a day", "type": "integer", "unit": "steps", "pointer": "/target", "default": 8000},
     {"name": "days", "label": "Days", "type": "integer", "unit": "days", "pointer": "/days", "default": 5},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "trust": 2, "metric": "steps", "aggregate": "per_day", "days": 5, "compare": ">=", "target": 8000}},
  {"id": "walking_distance", "name": "Walk a distance", "kind": "walking", "model_id": "agon.fitness@1",
   "hint": "All walks and hikes of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Distance", "type": "number", "unit": "km", "pointer": "/target", "default": "20"},
     {"name": "trainer", "label": "On a treadmill or trainer", "type": "choice", "unit": null, "pointer": "/trainer", "default": "refuse", "options": ["allow", "refuse"]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["walk", "hike"], "trust": 2, "metric": "distance", "compare": ">=", "target": "20", "trainer": "refuse", "unit": "km"}},
  {"id": "running_distance", "name": "Run a distance", "kind": "running", "model_id": "agon.fitness@1",
   "hint": "All runs of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Distance", "type": "number", "unit": "km", "pointer": "/target", "default": "42.195"},
     {"name": "trainer", "label": "On a treadmill or trainer", "type": "choice", "unit": null, "pointer": "/trainer", "default": "refuse", "options": ["allow", "refuse"]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["run"], "trust": 2, "metric": "distance", "compare": ">=", "target": "42.195", "trainer": "refuse", "score": {"metric": "distance", "order": "desc"}, "unit": "km"}},
  {"id": "running_pace", "name": "Run a distance at a pace", "kind": "running", "model_id": "agon.fitness@1",
   "hint": "One run, long enough and fast enough.",
   "fields_json": [
     {"name": "distance", "label": "Distance", "type": "number", "unit": "km", "pointer": "/min_per_activity/value", "default": "5"},
     {"name": "target", "label": "Pace", "type": "pace", "unit": "min/km", "pointer": "/target", "default": "6:00"},
     {"name": "trainer", "label": "On a treadmill or trainer", "type": "choice", "unit": null, "pointer": "/trainer", "default": "refuse", "options": ["allow", "refuse"]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["run"], "trust": 2, "trainer": "refuse", "min_per_activity": {"metric": "distance", "unit": "km", "value": "5"}, "metric": "average_pace", "unit": "min/km", "aggregate": "best", "compare": "<=", "target": "6:00", "score": {"metric": "average_pace", "aggregate": "best", "order": "asc"}}},
  {"id": "cycling_distance", "name": "Ride a distance", "kind": "cycling", "model_id": "agon.fitness@1",
   "hint": "All rides of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Distance", "type": "number", "unit": "km", "pointer": "/target", "default": "100"},
     {"name": "trainer", "label": "On a treadmill or trainer", "type": "choice", "unit": null, "pointer": "/trainer", "default": "refuse", "options": ["allow", "refuse"]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["ride"], "trust": 2, "metric": "distance", "compare": ">=", "target": "100", "trainer": "refuse", "score": {"metric": "distance", "order": "desc"}, "unit": "km"}},
  {"id": "hiking_day", "name": "A mountain day", "kind": "hiking", "model_id": "agon.fitness@1",
   "hint": "Distance and ascent, over all hikes of the challenge.",
   "fields_json": [
     {"name": "distance", "label": "Distance", "type": "number", "unit": "km", "pointer": "/all/0/target", "default": "12"},
     {"name": "ascent", "label": "Ascent", "type": "number", "unit": "m", "pointer": "/all/1/target", "default": "800"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["hike", "walk"], "other_as": "hike", "trust": 2, "all": [{"metric": "distance", "unit": "km", "compare": ">=", "target": "12"}, {"metric": "ascent", "unit": "m", "compare": ">=", "target": "800"}]}},
  {"id": "swimming_distance", "name": "Swim a distance", "kind": "swimming", "model_id": "agon.fitness@1",
   "hint": "In a pool or outdoors; all swims of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Distance", "type": "number", "unit": "m", "pointer": "/target", "default": "2000"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["swim"], "trust": 2, "metric": "distance", "compare": ">=", "target": "2000", "unit": "m"}},
  {"id": "strength_sessions", "name": "Strength sessions", "kind": "strength", "model_id": "agon.fitness@1",
   "hint": "A number of sessions, each long enough.",
   "fields_json": [
     {"name": "target", "label": "Sessions", "type": "integer", "unit": null, "pointer": "/target", "default": 8},
     {"name": "minutes", "label": "Minutes a session", "type": "number", "unit": "min", "pointer": "/min_per_activity/value", "default": "20"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["strength"], "trust": 2, "metric": "activities", "compare": ">=", "target": 8, "min_per_activity": {"metric": "timer_time", "unit": "min", "value": "20"}}},
  {"id": "yoga_days", "name": "Yoga days", "kind": "yoga", "model_id": "agon.fitness@1",
   "hint": "Yoga on enough days.",
   "fields_json": [
     {"name": "target", "label": "Days", "type": "integer", "unit": "days", "pointer": "/target", "default": 10},
     {"name": "minutes", "label": "Minutes a session", "type": "number", "unit": "min", "pointer": "/min_per_activity/value", "default": "15"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["yoga"], "trust": 2, "metric": "active_days", "compare": ">=", "target": 10, "min_per_activity": {"metric": "timer_time", "unit": "min", "value": "15"}}},
  {"id": "hiit_minutes", "name": "HIIT minutes", "kind": "hiit", "model_id": "agon.fitness@1",
   "hint": "All sessions of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Minutes", "type": "number", "unit": "min", "pointer": "/target", "default": "120"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["hiit"], "trust": 2, "metric": "timer_time", "compare": ">=", "target": "120", "unit": "min"}},
  {"id": "rowing_distance", "name": "Row a distance", "kind": "rowing", "model_id": "agon.fitness@1",
   "hint": "On water or a machine; all sessions of the challenge add up.",
   "fields_json": [
     {"name": "target", "label": "Distance", "type": "number", "unit": "km", "pointer": "/target", "default": "10"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "sports": ["row"], "trust": 2, "metric": "distance", "compare": ">=", "target": "10", "unit": "km"}},
  {"id": "calories_total", "name": "Burn calories", "kind": "calories", "model_id": "agon.fitness@1",
   "hint": "Active calories of all activities add up, as their devices say.",
   "fields_json": [
     {"name": "target", "label": "Calories", "type": "integer", "unit": "kcal", "pointer": "/target", "default": 3000},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "trust": 2, "trainer": "allow", "metric": "calories", "unit": "kcal", "compare": ">=", "target": 3000}},
  {"id": "exercise_streak", "name": "Exercise every day", "kind": "exercise", "model_id": "agon.fitness@1",
   "hint": "Any sport, on days in a row.",
   "fields_json": [
     {"name": "target", "label": "Days in a row", "type": "integer", "unit": "days", "pointer": "/target", "default": 7},
     {"name": "minutes", "label": "Minutes an activity", "type": "number", "unit": "min", "pointer": "/min_per_activity/value", "default": "20"},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "trust": 2, "trainer": "allow", "min_per_activity": {"metric": "timer_time", "unit": "min", "value": "20"}, "metric": "longest_streak", "compare": ">=", "target": 7}},
  {"id": "dota_ranked_wins", "name": "Win ranked Dota 2 matches", "kind": "dota", "model_id": "agon.gaming@1",
   "hint": "From a linked account or from uploaded matches; an OpenDota account proves no owner.",
   "fields_json": [
     {"name": "target", "label": "Wins", "type": "integer", "unit": null, "pointer": "/target", "default": 3},
     {"name": "trust", "label": "Least trust level", "type": "choice", "unit": null, "pointer": "/trust", "default": 1, "options": [1, 2, 3, 4]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "titles": ["dota2"], "ranked_only": true, "trust": 1, "metric": "wins", "compare": ">=", "target": 3, "score": {"metric": "wins", "order": "desc"}}},
  {"id": "dota_kda", "name": "Dota 2 K/D/A", "kind": "dota", "model_id": "agon.gaming@1",
   "hint": "Best K/D/A of one match, from match documents that participants upload.",
   "fields_json": [
     {"name": "target", "label": "K/D/A", "type": "number", "unit": null, "pointer": "/target", "default": "5"},
     {"name": "trust", "label": "Least trust level", "type": "choice", "unit": null, "pointer": "/trust", "default": 1, "options": [1, 2, 3, 4]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "titles": ["dota2"], "trust": 1, "metric": "kda", "aggregate": "best", "compare": ">=", "target": "5"}},
  {"id": "lol_ranked_wins", "name": "Win ranked League of Legends matches", "kind": "lol", "model_id": "agon.gaming@1",
   "hint": "From a linked account: matches that we fetch ourselves.",
   "fields_json": [
     {"name": "target", "label": "Wins", "type": "integer", "unit": null, "pointer": "/target", "default": 3},
     {"name": "trust", "label": "Least trust level", "type": "choice", "unit": null, "pointer": "/trust", "default": 4, "options": [1, 2, 3, 4]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "titles": ["lol"], "ranked_only": true, "trust": 4, "metric": "wins", "compare": ">=", "target": 3, "score": {"metric": "wins", "order": "desc"}}},
  {"id": "lol_matches", "name": "Play League of Legends", "kind": "lol", "model_id": "agon.gaming@1",
   "hint": "A number of matches, from match documents that participants upload.",
   "fields_json": [
     {"name": "target", "label": "Matches", "type": "integer", "unit": null, "pointer": "/target", "default": 5},
     {"name": "trust", "label": "Least trust level", "type": "choice", "unit": null, "pointer": "/trust", "default": 1, "options": [1, 2, 3, 4]},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "titles": ["lol"], "trust": 1, "metric": "matches", "compare": ">=", "target": 5}},
  {"id": "cs_wins", "name": "Win Counter-Strike matches", "kind": "cs", "model_id": "agon.gaming@1",
   "hint": "On trust: participants enter their matches by hand.",
   "fields_json": [
     {"name": "target", "label": "Wins", "type": "integer", "unit": null, "pointer": "/target", "default": 3},
     {"name": "zone", "label": "Time zone", "type": "zone", "unit": null, "pointer": "/window/zone", "default": "UTC"}
   ],
   "rule_config": {"version": 1, "window": {"zone": "UTC"}, "titles": ["cs"], "manual": "allow", "metric": "wins", "compare": ">=", "target": 3}}
]
$templates$) as template
  (id text, name text, hint text, kind text, model_id text, fields_json jsonb, rule_config jsonb);
