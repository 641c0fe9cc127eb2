"""Names of files in archives are safe and different, whatever images are called."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.exports.names import UniqueNames, safe_name, split_name

FORBIDDEN = set('<>:"/\\|?*')


@pytest.mark.parametrize(
    ("name", "stem", "extension"),
    [
        ("nuclei.tif", "nuclei", ".tif"),
        ("nuclei.ome.tif", "nuclei", ".ome.tif"),
        ("Zellkörper 50.png", "Zellkörper 50", ".png"),
        ("no extension", "no extension", ""),
        ("version 1.2 of it", "version 1.2 of it", ""),
        (".hidden", "hidden", ""),
        ("../../etc/passwd.tif", "_.._etc_passwd", ".tif"),
        ("a/b\\c.tif", "a_b_c", ".tif"),
        ("CON", "_CON", ""),
        ("con.tif", "_con", ".tif"),
        ("LPT1.ome.tif", "_LPT1", ".ome.tif"),
        ("-rf.tif", "_-rf", ".tif"),
        ("=1+1.tif", "_=1+1", ".tif"),
        ("..", "unnamed", ""),
        ("...tif", "tif", ""),
        ("", "unnamed", ""),
        ("\u202egpj.exe", "gpj", ".exe"),
        ("trailing . .tif", "trailing", ".tif"),
        (".ome.tif", "ome", ".tif"),
        ("é" * 200 + ".tif", "é" * 90, ".tif"),
    ],
)
def test_a_name_is_made_safe(name: str, stem: str, extension: str) -> None:
    assert split_name(name) == (stem, extension)


@given(st.text())
def test_every_name_is_one_that_any_system_takes(name: str) -> None:
    for safe in (safe_name(name), "".join(split_name(name))):
        assert 1 <= len(safe.encode()) <= 200
        assert not FORBIDDEN & set(safe)
        assert not {"Cc", "Cf", "Cs"} & set(map(unicodedata.category, safe))
        assert safe == safe.strip(" .")
        assert safe_name(safe) == safe


@given(st.lists(st.sampled_from(["a", "A", "a_2", "a_3", "ﬁ", "fi", "é", "e\u0301", "b"])))
def test_no_two_are_the_same_on_any_system(names: list[str]) -> None:
    unique = UniqueNames()
    given_out = [unique.unique(safe_name(name)) for name in names]
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in given_out]
    assert len(set(folded)) == len(names)


def test_names_that_come_again_are_numbered() -> None:
    unique = UniqueNames()
    names = ["a", "a", "A", "a_2", "b"]
    assert [unique.unique(name) for name in names] == ["a", "a_2", "A_3", "a_2_2", "b"]
