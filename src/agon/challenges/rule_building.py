"""The walk over a rule's JSON that notes its mistakes and builds its tree.

It is given rules whose form stands (`rule_syntax.form_mistakes`), so types and names are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from agon.challenges import quantities, windows
from agon.challenges.quantities import QUANTITIES
from agon.challenges.records import TRUST_DEVICE, TRUST_MANUAL
from agon.challenges.rule_syntax import Mistake
from agon.challenges.rule_tree import Condition, Group, Minimum, Rule, Scope, Score, sports_for
from agon.challenges.windows import DAY_MS, Window
from agon.kernel.zones import zones

PARTS_DEPTH_MAX = 8
PARTS_MAX = 64
WINDOW_DAYS_MAX = 3_660

GROUPS = ("all", "any", "at_least")
CONDITION_KEYS = ("unit", "aggregate", "compare", "target", "times", "days", "time")
WANTED = {
    "titles": "title",
    "roles": "role",
    "heroes": "hero",
    "modes": "mode",
    "queues": "queue",
}
"""Setting of a rule -> field of a game record."""
SETTINGS_BY_FAMILY = {
    "activity": ("sports", "other_as", "min_per_activity", "trainer"),
    "game": (*WANTED, "ranked_only", "min_account_age_days", "min_level", "public_only"),
}
SETTINGS = ("window", "manual", "trust", "flags", *sum(SETTINGS_BY_FAMILY.values(), ()))
FAMILY_BY_JUDGE = {"fitness": "activity", "gaming": "game"}
OTHER_FAMILY = {"activity": "game", "game": "activity"}

WORDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "==": "exactly"}


@dataclass
class Notes:
    """What the walk writes down. family: `activity` or `game`, None until a metric says so."""

    family: str | None
    mistakes: list[Mistake] = field(default_factory=list)
    parts: int = 0

    def add(self, pointer: str, sentence: str) -> None:
        self.mistakes.append(Mistake(pointer=pointer, sentence=sentence))


def build(rule: dict[str, Any], judge: str | None) -> tuple[Rule | None, list[Mistake]]:
    """The rule's tree, or None and the mistakes that keep it from being one."""
    family = FAMILY_BY_JUDGE.get(judge or "") or next(_families(rule), None)
    notes = Notes(family=family)
    demand = _part(rule, "", {}, 1, notes)
    if "score" in rule:
        _note_family(rule["score"]["metric"], "/score/metric", notes)
        _note_days_only(rule["score"]["metric"], rule, "/score/metric", notes)
        _note_aggregate(rule["score"], "/score", notes)
    if demand is None and judge in FAMILY_BY_JUDGE and not notes.mistakes:
        notes.add("", "The rule asks for nothing: give it a metric, all, any or at_least.")
    if notes.mistakes:
        return None, notes.mistakes
    scope = _scope(rule)
    return Rule(scope=scope, demand=demand, score=_score(rule, scope)), []


def _families(part: dict[str, Any]) -> Iterator[str]:
    """Families of the metrics in a rule, in the order in which they are written."""
    if "metric" in part:
        yield QUANTITIES[part["metric"]].family
    for word in GROUPS:
        for inner in _parts_of(part, word) if word in part else ():
            yield from _families(inner)
    if "score" in part:
        yield from _families(part["score"])


def _parts_of(part: dict[str, Any], word: str) -> list[dict[str, Any]]:
    return part[word]["of"] if word == "at_least" else part[word]


def _part(
    part: dict[str, Any], at: str, inherited: dict[str, Any], depth: int, notes: Notes
) -> Condition | Group | None:
    notes.parts += 1
    if notes.parts == PARTS_MAX + 1:
        notes.add(at, f"A rule has at most {PARTS_MAX} parts.")
    if notes.parts > PARTS_MAX:
        return None
    if depth > PARTS_DEPTH_MAX:
        notes.add(at, f"Parts nest at most {PARTS_DEPTH_MAX} deep.")
        return None
    settings = inherited | {key: part[key] for key in SETTINGS if key in part}
    _note_settings(part, at, settings, notes)
    asked = [key for key in ("metric", *GROUPS) if key in part]
    if asked == ["metric"]:
        return _condition(part, at, settings, notes)
    for key in CONDITION_KEYS:
        if key in part:
            notes.add(f"{at}/{key}", f'"{key}" belongs beside "metric".')
    if len(asked) == 1:
        return _group(part, at, settings, depth, notes)
    if asked or depth > 1:
        notes.add(at, "A part has exactly one of metric, all, any and at_least.")
    return None


def _group(
    part: dict[str, Any], at: str, settings: dict[str, Any], depth: int, notes: Notes
) -> Group | None:
    word = next(word for word in GROUPS if word in part)
    below = f"{at}/at_least/of" if word == "at_least" else f"{at}/{word}"
    written = _parts_of(part, word)
    parts = [
        _part(inner, f"{below}/{index}", settings, depth + 1, notes)
        for index, inner in enumerate(written)
    ]
    needed = {"all": len(written), "any": 1}.get(word) or part["at_least"]["n"]
    if needed > len(written):
        notes.add(f"{at}/at_least/n", f"There are only {len(written)} parts.")
    built = tuple(part for part in parts if part is not None)
    return Group(pointer=at, word=word, needed=needed, parts=built)


def _condition(
    part: dict[str, Any], at: str, settings: dict[str, Any], notes: Notes
) -> Condition | None:
    metric, aggregate = part["metric"], part.get("aggregate", "total")
    _note_family(metric, f"{at}/metric", notes)
    _note_days_only(metric, settings, f"{at}/metric", notes)
    _note_aggregate(part, at, notes)
    unit, target = _amount(part, "target", at, notes)
    if "compare" not in part:
        notes.add(at, '"compare" is missing.')
    window, _ = _window(settings.get("window"))
    needed = _needed(part, aggregate, window, at, notes)
    if notes.mistakes:
        return None
    scope = _scope(settings)
    return Condition(
        pointer=at,
        scope=scope,
        sports=sports_for(metric, scope.sports),
        metric=metric,
        unit=unit,
        aggregate=aggregate,
        compare=part["compare"],
        target=target,
        needed=needed,
        time=part.get("time", "timer"),
        asked=_asked(part, unit, needed),
    )


def _note_family(metric: str, at: str, notes: Notes) -> None:
    family = QUANTITIES[metric].family
    if notes.family != family:
        kinds = {"activity": "activities", "game": "games"}
        notes.add(at, f"{metric} is for {kinds[family]}; this rule is for {kinds[notes.family]}.")


def _note_days_only(metric: str, settings: dict[str, Any], at: str, notes: Notes) -> None:
    if settings.get("sports") == ["daily"] and metric not in quantities.OF_DAYS:
        notes.add(at, f"A day of steps has no {metric}.")


def _note_aggregate(part: dict[str, Any], at: str, notes: Notes) -> None:
    metric, aggregate = part["metric"], part.get("aggregate", "total")
    allowed = QUANTITIES[metric].aggregates
    if aggregate not in allowed:
        notes.add(f"{at}/aggregate", f"{metric} allows {' or '.join(allowed)}.")
    if aggregate == "best" and part.get("compare") == "==":
        notes.add(f"{at}/compare", "The best has no equal: compare it with >= or <=.")
    if "time" in part and metric not in quantities.TIMED:
        notes.add(f"{at}/time", f"{metric} is not divided by time.")


def _amount(
    part: dict[str, Any], key: str, at: str, notes: Notes
) -> tuple[str | None, Fraction | None]:
    """Unit and base value of an amount; None, with the mistake noted, for what is wrong."""
    metric = part["metric"]
    unit = quantities.unit_of(metric, part.get("unit"))
    if unit is None:
        names = quantities.units_of(metric)
        known = f"is measured in {' or '.join(names)}" if names else "has no unit"
        where = f"{at}/unit" if "unit" in part else at
        notes.add(where, f"{metric} {known}." + ("" if "unit" in part else ' "unit" is missing.'))
        return None, None
    if key not in part:
        notes.add(at, f'"{key}" is missing.')
        return unit, None
    amount = quantities.amount_of(part[key], metric, unit)
    if amount is None:
        notes.add(f"{at}/{key}", f"This is no amount of {unit or metric}.")
    return unit, amount


def _needed(
    part: dict[str, Any], aggregate: str, window: Window | None, at: str, notes: Notes
) -> int | None:
    """How many days or records must meet the target; None where the question does not arise."""
    for key, owner in (("times", "count"), ("days", "per_day")):
        if key in part and aggregate != owner:
            notes.add(f"{at}/{key}", f'"{key}" belongs to the aggregate {owner}.')
    if aggregate == "count":
        if "times" not in part:
            notes.add(at, '"times" is missing.')
        return part.get("times")
    if aggregate != "per_day" or window is None:
        return None
    days = part.get("days", "every")
    if window.end_ms is None:
        if days == "every":
            notes.add(at, "Every day of what? The window has no start and end.")
        return None if days == "every" else days
    if days != "every" and days > windows.days_in(window):
        notes.add(f"{at}/days", f"The window has only {windows.days_in(window)} days.")
    return None if days == "every" else days


def _asked(part: dict[str, Any], unit: str, needed: int | None) -> str:
    """The condition as a phrase: `Distance: at least 42.195 km in total`."""
    metric, aggregate = part["metric"], part.get("aggregate", "total")
    quantity = QUANTITIES[metric]
    one = "activity" if quantity.family == "activity" else "game"
    ones = "activities" if one == "activity" else "games"
    amount = f"{WORDS[part['compare']]} {part['target']} {unit}".rstrip()
    days = "every day" if needed is None else f"{needed} days"
    how = {
        "total": " in total" if metric not in quantities.RATIOS else " on average",
        "best": f" in one {one}",
        "per_day": f" a day, on {days}",
        "count": f" in each of {needed} {ones}",
    }[aggregate]
    return f"{quantity.label}: {amount}{how}"


def _note_settings(part: dict[str, Any], at: str, settings: dict[str, Any], notes: Notes) -> None:
    """The mistakes of the settings that a part writes itself, beside those that it inherits."""
    strange = SETTINGS_BY_FAMILY[OTHER_FAMILY[notes.family]] if notes.family else ()
    for key in strange:
        if key in part:
            kind = "games" if notes.family == "activity" else "activities"
            notes.add(f"{at}/{key}", f'"{key}" is for {kind}, which this rule has none of.')
    if "window" in part:
        key, sentence = _window(part["window"])[1]
        if sentence:
            notes.add(f"{at}/window{key}", sentence)
        elif at and "start" not in part["window"]:
            notes.add(f"{at}/window", "The window of a part needs start and end.")
    sports = settings.get("sports")
    if "sports" in part and "daily" in sports and len(sports) > 1:
        notes.add(f"{at}/sports", "daily stands alone: a day's steps already contain its runs.")
    if "other_as" in part and sports is not None and part["other_as"] not in sports:
        notes.add(f"{at}/other_as", f"The rule's sports leave out {part['other_as']}.")
    if "min_per_activity" in part:
        least = part["min_per_activity"]
        _amount(least, "value", f"{at}/min_per_activity", notes)


NO_MISTAKE = ("", "")


def _window(written: dict[str, str] | None) -> tuple[Window | None, tuple[str, str]]:
    """A window, or where in it (pointer) the mistake is and what (sentence)."""
    if written is None:
        return Window(start_ms=None, end_ms=None, zone="UTC"), NO_MISTAKE
    zone = written["zone"]
    if zone not in zones():
        return None, ("/zone", "This is no IANA time zone; an example is Europe/Berlin.")
    if "start" not in written:
        return Window(start_ms=None, end_ms=None, zone=zone), NO_MISTAKE
    start_ms = windows.moment(written["start"], zone)
    end_ms = windows.moment(written["end"], zone)
    if start_ms is None or end_ms is None:
        wrong = "/start" if start_ms is None else "/end"
        years = f"{windows.YEAR_MIN} to {windows.YEAR_MAX}"
        return None, (wrong, f"This is no day or instant of the years {years}.")
    if end_ms <= start_ms:
        return None, ("/end", "The window ends before it starts.")
    if end_ms - start_ms > WINDOW_DAYS_MAX * DAY_MS:
        return None, ("/end", f"A window has at most {WINDOW_DAYS_MAX} days.")
    return Window(start_ms=start_ms, end_ms=end_ms, zone=zone), NO_MISTAKE


def _scope(settings: dict[str, Any]) -> Scope:
    """The scope of settings without mistakes, with the language's defaults."""
    trust = settings.get("trust", TRUST_MANUAL)
    flags = settings.get("flags", "refuse" if trust >= TRUST_DEVICE else "allow")
    sports = settings.get("sports")
    return Scope(
        window=_window(settings.get("window"))[0],
        sports=None if sports is None else frozenset(sports),
        other_as=settings.get("other_as"),
        minimum=_minimum(settings.get("min_per_activity")),
        manual=settings.get("manual") == "allow",
        trainer=settings.get("trainer") == "allow",
        trust=trust,
        flags=flags == "allow",
        wanted=tuple(
            (field_name, frozenset(word.casefold() for word in settings[key]))
            for key, field_name in WANTED.items()
            if key in settings
        ),
        ranked_only=settings.get("ranked_only", False),
        account_age_ms=settings.get("min_account_age_days", 0) * DAY_MS,
        level=settings.get("min_level", 0),
        public=settings.get("public_only", False),
    )


def _minimum(written: dict[str, Any] | None) -> Minimum | None:
    if written is None:
        return None
    metric = written["metric"]
    unit = quantities.unit_of(metric, written.get("unit")) or ""
    return Minimum(
        metric=metric,
        amount=quantities.amount_of(written["value"], metric, unit),
        asked=f"{written['value']} {unit}",
    )


def _score(rule: dict[str, Any], scope: Scope) -> Score | None:
    written = rule.get("score")
    if written is None:
        return None
    return Score(
        scope=scope,
        sports=sports_for(written["metric"], scope.sports),
        metric=written["metric"],
        aggregate=written.get("aggregate", "total"),
        order=written["order"],
        time=written.get("time", "timer"),
    )
