"""What of the learned segmenters can be seen without their packages: whom they need, and where."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from worker.segmenters import registry, weights
from worker.segmenters.base import SegmenterUnavailable


def is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@pytest.mark.parametrize("name", ["cellpose", "stardist"])
def test_without_its_package_one_is_told_what_to_install(name: str) -> None:
    assert not is_installed(name)
    with pytest.raises(SegmenterUnavailable, match=rf"pip install 'cellhub\[{name}\]'"):
        registry.load(name)


def test_without_a_folder_of_models_one_is_told_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    with pytest.raises(SegmenterUnavailable, match=r"CELLHUB_MODELS is not set.*some weights"):
        weights.folder_of("magic", "some weights")
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(SegmenterUnavailable, match=r"no folder .*magic.*some weights"):
        weights.folder_of("magic", "some weights")
    (tmp_path / "magic").mkdir()
    assert weights.folder_of("magic", "some weights") == tmp_path / "magic"


def test_there_must_be_exactly_one_model(tmp_path: Path) -> None:
    with pytest.raises(SegmenterUnavailable, match="must hold a model; there is nothing"):
        weights.only_one([], tmp_path, "a model")
    two = [tmp_path / "b", tmp_path / "a"]
    with pytest.raises(SegmenterUnavailable, match="there is a, b"):
        weights.only_one(two, tmp_path, "a model")
    assert weights.only_one(two[:1], tmp_path, "a model") == two[0]
