"""Content ids: the expected ones are what ipfs-unixfs-importer 17.1.1 gave for the same bytes."""

from __future__ import annotations

import base64
import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.kernel import cid
from agon.kernel.errors import Refused

MIB = 1024 * 1024
TINY = cid.Profile(name="tiny", chunk_bytes=16, links_max=3)
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
HELLO = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"

# size -> (unixfs-v1-2025, 256 KiB and 174 links)
FILES = {
    0: (EMPTY, EMPTY),
    1: ("bafkreic2nz5eovfprz7up7eusmca3bj6pma6hhktpsy52nj4so324whlhu",) * 2,
    262_144: ("bafkreigy5tcgloscldzhi2iadhemu2v7dj2u5wme7vgim2jlmnxindpsfi",) * 2,
    262_145: (
        "bafkreigmgztsg2zqmg72hek7qz4trthrt46ra2aoo226qzsgoz7tnp3why",
        "bafybeiavfl3mrv5rig3iqfle6aheyo3crcdzseal3jfwykhuwtmc4vtyjy",
    ),
    MIB: (
        "bafkreideeyd2kwgjzezoiwhuyouepeupk4xficfzqshba3txc2ee4o27bi",
        "bafybeifsyv5ykyj2c3sb4lnaravxx6tzmpc6wuv3g3p5xqoh5rhlhshcc4",
    ),
    MIB + 1: (
        "bafybeiaexsalcsoug7gc4g3igi4ly6f4hiyrvlxgraph7oxye3zqduuuli",
        "bafybeicy6bnwqvpv56unfu4ekef5zg7kqtk6pnm6k6dagfhe7ksivugmy4",
    ),
    3_000_000: (
        "bafybeif2dgklboilv5ztpqgicw36wlae264zxyrwsf7qgbmyvrx7p3m6tu",
        "bafybeic76a63j4yyyngh5ryynpccv75bz7ducnvragatoqndkj2lehi36u",
    ),
}
FILE_60_MIB = (
    "bafybeiagrl43opkcui2pm7ct2hxuij7qweqko6zam2gv6t7fobtpklcbf4",
    "bafybeibsolzye7xwlkx25lkrjtnvx6w36ypmd6lvi7eydaftdoe3tjma74",
)
# Bytes of all blocks, as the importer reports them: (unixfs-v1-2025, 256 KiB and 174 links).
DAG_BYTES = {
    0: (0, 0),
    262_145: (262_145, 262_249),
    MIB + 1: (1_048_681, 1_048_831),
    3_000_000: (3_000_159, 3_000_609),
    60 * MIB: (62_917_570, 62_926_693),
}
# Chunks of 16 bytes, 3 links: trees of up to seven levels, in a few bytes. size -> (cid, dag bytes)
DEEP = {
    16: ("bafkreiegun2w6rcxipmr6mex5r3b4p47daaxf4zwdzu4wdto2vnvjcwtwu", 16),
    17: ("bafybeiew2dy4pvwcggtvfpgiourp4o7qv6w7k6bojgpkczvrqb2pdtgttq", 115),
    32: ("bafybeifn4hekxolbd4rbgghxli3whyhgjmbgc4fkpq26ncmufh4ircycxm", 130),
    48: ("bafybeiccqe5oqpu66m5stlv2z7a7glpvgga4ndx6kradx6l5abjl25lmri", 192),
    49: ("bafybeicuvgvfba43smhdknv6a5xooojw4shrm7wvu4667s7a5xyneldlci", 344),
    144: ("bafybeia3sasx4ckdnjvogwycdunrpmupozweqq3ban3d6csxsny3g4a764", 724),
    145: ("bafybeick7a3mjv445jrxca4fkmelzgh5flqimx2422ejda7qn375icid7i", 930),
    433: ("bafybeifc3pflikq5qjuvars5wjdlfzlzwfkuvdis6ujz2kc34htqdidwtq", 2_582),
    1_297: ("bafybeiaqgbizzx2jcsreodbu6y3z5eje2t4sydow4pvqlsyyn7hcng4oiq", 7_432),
    5_000: ("bafybeihfqffcy4fmbnzyb32thq23t5ip6oxlrh2ygckaatswuauo3s6msm", 27_883),
}


def generated(size: int) -> bytes:
    """`size` bytes of SHA-256 over 0, 1, 2, … as 8 bytes each."""
    blocks = (hashlib.sha256(i.to_bytes(8, "big")).digest() for i in range(-(-size // 32)))
    return b"".join(blocks)[:size]


class Trickle(io.BytesIO):
    """A stream that gives at most 1000 bytes at a time, as a socket does."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1000))


def refusal_of(text: object) -> str:
    with pytest.raises(Refused) as caught:
        cid.parse(text)  # type: ignore[arg-type]
    return caught.value.refusal.code


def test_a_small_file_is_named_by_its_sha256():
    assert cid.of_bytes(b"hello world\n") == HELLO
    assert cid.parse(HELLO).digest == hashlib.sha256(b"hello world\n").digest()
    assert cid.of_bytes(b"hello world") != HELLO


@pytest.mark.parametrize("size", FILES)
def test_a_file_has_the_importers_cid(size):
    data = generated(size)
    assert (cid.of_bytes(data), cid.of_bytes(data, cid.KUBO_DEFAULT)) == FILES[size]


@pytest.mark.parametrize("size", DEEP)
def test_a_deep_tree_has_the_importers_cid(size):
    assert (cid.of_bytes(generated(size), TINY), cid.dag_bytes(size, TINY)) == DEEP[size]


@pytest.mark.parametrize("size", DAG_BYTES)
def test_dag_bytes_follow_from_the_size(size):
    assert (cid.dag_bytes(size), cid.dag_bytes(size, cid.KUBO_DEFAULT)) == DAG_BYTES[size]


@pytest.mark.prove
def test_a_file_of_60_mib_has_the_importers_cid():
    data = generated(60 * MIB)
    assert (cid.of_bytes(data), cid.of_bytes(data, cid.KUBO_DEFAULT)) == FILE_60_MIB


def test_a_stream_of_short_reads_has_the_same_cid():
    assert cid.of_stream(Trickle(generated(MIB + 1))) == (FILES[MIB + 1][0], MIB + 1)
    assert cid.of_stream(io.BytesIO(b"")) == (EMPTY, 0)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 399), st.integers(1, 255))
def test_one_changed_byte_changes_the_cid(data, at, difference):
    if not data:
        return
    other = bytearray(data)
    other[at % len(data)] ^= difference
    assert cid.of_bytes(data, TINY) != cid.of_bytes(bytes(other), TINY)


def entry(size: int) -> tuple[str, int]:
    return cid.of_bytes(generated(size)), cid.dag_bytes(size)


def test_a_directory_has_the_importers_cid():
    sizes = {"a.txt": 1, "b.txt": 100, "é.txt": 3, "z": 0, "Z": 17, "\U0001f600": 5, "\uff5e": 6}
    assert cid.of_directory({name: entry(size) for name, size in sizes.items()}) == (
        "bafybeihbkymsm5sphymr2c5pxm6kajb7ehhlioo57f6mdrj5zgrljp4yui",
        469,
    )
    assert cid.of_directory({"big.bin": entry(3_000_000), "result.json": entry(200)}) == (
        "bafybeihcwzjgvaaxjghckgtfbh2by6qn6dqaaxzdbflq7gm3uwf4n23h5y",
        3_000_473,
    )


def test_a_directory_in_a_directory_has_the_importers_cid():
    inner = cid.of_directory({"a": entry(40)})
    assert inner == ("bafybeif5augns5ikx4dtzukdlzkbj5hxi4urqhecipooaps2wq7ewvpeg4", 89)
    assert cid.of_directory({"x": inner, "b": entry(3_000_000)}) == (
        "bafybeibqxvv5c22sxpy373i7jyizv64tei7x262zvezqs7v3q7kz5liugi",
        3_000_345,
    )


def test_the_order_of_entries_does_not_matter_but_names_do():
    one, two = entry(1), entry(2)
    assert cid.of_directory({"a": one, "b": two}) == cid.of_directory({"b": two, "a": one})
    assert cid.of_directory({"a": one, "b": two}) != cid.of_directory({"a": two, "b": one})


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"])
def test_a_directory_entry_needs_a_plain_name(name):
    with pytest.raises(Refused, match="cid_directory_name"):
        cid.of_directory({name: entry(1)})


def test_a_directory_that_ipfs_would_shard_is_refused():
    with pytest.raises(Refused, match="cid_directory_large"):
        cid.of_directory({f"{i:0200}": entry(1) for i in range(1200)})


def test_a_directory_entry_needs_a_cid():
    with pytest.raises(Refused, match="cid_malformed"):
        cid.of_directory({"a": ("not a cid", 1)})


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.sampled_from(["raw", "dag-pb"]))
def test_parse_reads_what_str_writes(digest, codec):
    parts = cid.Cid(version=1, codec=codec, digest=digest)
    assert cid.parse(str(parts)) == parts


def spelled(*prefix: int, digest: bytes = bytes(32)) -> str:
    return "b" + base64.b32encode(bytes(prefix) + digest).decode().rstrip("=").lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        HELLO.upper(),
        HELLO[1:],
        HELLO + "a",
        HELLO + "\n",
        " " + HELLO,
        "z" + HELLO[1:],
        HELLO[:-1] + "5",  # a spare bit set: the same bytes in a second spelling
        "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB",  # CIDv0
        spelled(2, 0x55, 0x12, 32),  # version 2
        spelled(1, 0x71, 0x12, 32),  # dag-cbor
        spelled(1, 0x55, 0x1B, 32),  # keccak-256
        spelled(1, 0x55, 0x12, 31),  # a wrong length
        spelled(1, 0x55, 0x12, 20, digest=bytes(20)),  # a cut digest
        None,
        b"bafk",
    ],
)
def test_any_other_spelling_is_refused(text):
    assert refusal_of(text) == "cid_malformed"
    assert not cid.is_cid(text)


def test_a_cid_is_a_cid():
    assert cid.is_cid(HELLO)
    assert cid.is_cid(DEEP[17][0])
