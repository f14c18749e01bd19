"""What the readers of GPX and TCX share: safe streaming, and texts as integers.

A DOCTYPE is refused before the parser sees it, so no entity is ever declared, and what was read is
thrown away as it goes by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import SEEK_END
from typing import BinaryIO

from lxml import etree

from agon.challenges.curves import Samples
from agon.challenges.readers import refusals
from agon.challenges.readers.sports import ON_FOOT
from agon.kernel.errors import Refused, refuse

HEAD_BYTES = 64 * 1024
"""Before this the first element must come."""
TAIL_BYTES = 1024
NUMBER_MAX = 10**9
"""Of any number: metres, seconds, beats, kcal."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ONE_FOOT_SPM_MAX = 120
"""A lower median cadence on foot counts one foot."""
PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*+<(!DOCTYPE\s+)?(?:[\w.-]+:)?([\w.-]+)",
    re.DOTALL,
)


def root_of(head: bytes) -> tuple[str, bool] | None:
    """The local name of a document's root, and whether a DOCTYPE stands before it.

    None if these are not the first bytes of a document in UTF-8 or one of its kin.
    """
    match = PROLOG.match(head)
    return (match[2].decode(), match[1] is not None) if match else None


def elements(
    stream: BinaryIO, point: str, others: tuple[str, ...]
) -> Iterator[tuple[str, etree._Element]]:
    """(local name, element) of each `point` and each of `others`, when it ends.

    Points are thrown away after use. Refused: `evidence_xml_forbidden`, `evidence_xml_malformed`,
    `evidence_truncated`.
    """
    begin = root_of(stream.read(HEAD_BYTES))
    stream.seek(0)
    if begin is None:
        raise refusals.xml_malformed("it does not begin like XML in UTF-8")
    root, has_doctype = begin
    if has_doctype:
        raise _forbidden()
    parser = etree.iterparse(
        stream,
        tag=[f"{{*}}{name}" for name in (point, *others)],
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    first = True
    try:
        for _, element in parser:
            if first and element.getroottree().docinfo.internalDTD is not None:
                raise _forbidden()
            first, name = False, element.tag.rpartition("}")[2]
            yield name, element
            if name == point:
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise _broken(stream, root, error) from error


def texts(element: etree._Element) -> dict[str, str]:
    """Local name -> text of an element's descendants."""
    return {child.tag.rpartition("}")[2]: child.text for child in element.iter() if child.text}


def time_ms(text: str) -> int:
    """An ISO 8601 time with an offset, in ms since 1970; what is beyond ms is cut.

    Refused: `evidence_time_local`, `evidence_value_malformed`.
    """
    try:
        time = datetime.fromisoformat(text.strip())
        if time.tzinfo is not None:
            return (time - EPOCH) // MILLISECOND
    except (ValueError, OverflowError) as error:
        raise refusals.value_malformed("time", text) from error
    raise refuse(
        "evidence_time_local",
        "The file's times do not say in which time zone they are.",
        details=text[: refusals.TEXT_CHARS_MAX],
        hint="Export the activity with times in UTC, which end in Z, or with their offset.",
    )


def scaled(text: str, what: str, factor: float = 1, low: int = 0, high: int = NUMBER_MAX) -> int:
    """A decimal number from low to high times factor, rounded half to even.

    Refused: `evidence_value_malformed`.
    """
    try:
        number = float(text)
    except ValueError as error:
        raise refusals.value_malformed(what, text) from error
    if not low <= number <= high:
        raise refusals.value_malformed(what, text)
    return round(number * factor)


def optional(texts: dict[str, str], *names: str) -> int | None:
    """The first of these whole numbers that is there; None if none is."""
    for name in names:
        if name in texts:
            return scaled(texts[name], name)
    return None


def angles(latitude: str, longitude: str) -> tuple[int, int]:
    """A position in 1e-7 degree. Refused: `evidence_value_malformed`."""
    return (
        scaled(latitude, "latitude", 10**7, -90, 90),
        scaled(longitude, "longitude", 10**7, -180, 180),
    )


def count_both_feet(samples: Samples, sport: str) -> None:
    """Double the cadences of a walker or runner whose device counts one foot."""
    known = sorted(filter(None, samples.cadences))
    if sport in ON_FOOT and known and known[len(known) // 2] < ONE_FOOT_SPM_MAX:
        samples.cadences[:] = [None if spm is None else 2 * spm for spm in samples.cadences]


def _forbidden() -> Refused:
    return refuse(
        "evidence_xml_forbidden",
        "The file declares a DOCTYPE, which has no place in an activity and can hide attacks.",
        hint="Remove the DOCTYPE, or export the activity with another program.",
    )


def _broken(stream: BinaryIO, root: str, error: etree.XMLSyntaxError) -> Refused:
    """The refusal for XML that is wrong somewhere, or that ends before its root does."""
    stream.seek(max(0, stream.seek(0, SEEK_END) - TAIL_BYTES))
    if re.search(rf"</([\w.-]+:)?{root}\s*>\s*\Z".encode(), stream.read()):
        return refusals.xml_malformed(error.msg.strip())
    return refusals.truncated()
