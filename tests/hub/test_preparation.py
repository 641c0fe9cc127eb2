"""Before the hub runs, it has a folder, a secret of its own and a database."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.preparation import prepared
from hub.settings import Settings, SettingsError

KEY = "k" * 32


def elsewhere(data_dir: Path, **variables: str) -> Settings:
    values = {"DATABASE_URL": "postgres://db.example/hub", "SECRET_KEY": KEY, **variables}
    return Settings.load(
        {f"CELLHUB_{name}": value for name, value in values.items()}
        | {"CELLHUB_DATA_DIR": str(data_dir)}
    )


def test_an_embedded_database_runs_within_the_block(tmp_path: Path) -> None:
    with prepared(Settings.load({"CELLHUB_DATA_DIR": str(tmp_path)})) as settings:
        assert settings.database_url.startswith("postgresql+asyncpg://")
        assert (tmp_path / "postgres" / "postmaster.pid").exists()
        assert Settings.load(settings.environment()) == settings
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_secret_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    loaded = Settings.load({"CELLHUB_DATA_DIR": str(tmp_path / "new")})
    with prepared(loaded) as first, prepared(loaded) as second:
        assert first.secret_key == second.secret_key
        assert len(first.secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").glob("secret_key*")] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    def key(_: int) -> str:
        with prepared(Settings.load({"CELLHUB_DATA_DIR": str(tmp_path)})) as settings:
            return settings.secret_key.get_secret_value()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(key, range(8)))) == 1


def test_a_given_key_is_taken_and_none_is_written(tmp_path: Path) -> None:
    with prepared(elsewhere(tmp_path)) as settings:
        assert settings.secret_key.get_secret_value() == KEY
    assert not (tmp_path / "secret_key").exists()


def test_an_emptied_key_file_is_an_error_and_not_a_weak_key(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    loaded = Settings.load({"CELLHUB_DATA_DIR": str(tmp_path)})
    with pytest.raises(SettingsError, match="secret_key is empty"), prepared(loaded):
        pass


def test_a_data_directory_that_can_not_be_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    loaded = elsewhere(tmp_path / "file" / "data")
    with (
        pytest.raises(SettingsError, match=r"CELLHUB_DATA_DIR: .* Not a directory"),
        prepared(loaded),
    ):
        pass


def test_others_may_not_look_around_in_the_data_directory(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with prepared(elsewhere(tmp_path / "new")):
            assert (tmp_path / "new").stat().st_mode & 0o066 == 0
    finally:
        os.umask(before)


def test_changes_are_announced_through_the_database_where_no_other_broker_is_named(
    tmp_path: Path,
) -> None:
    for workers in (1, 2):
        with prepared(elsewhere(tmp_path), workers=workers) as settings:
            assert settings.broadcast_url == "postgresql://db.example/hub"
    given = elsewhere(tmp_path, BROADCAST_URL="redis://broker.example")
    with prepared(given, workers=2) as settings:
        assert settings.broadcast_url == "redis://broker.example"


def test_memory_is_no_broker_for_several_processes(tmp_path: Path) -> None:
    given = elsewhere(tmp_path, BROADCAST_URL="memory://")
    with prepared(given) as settings:
        assert settings.broadcast_url == "memory://"
    with pytest.raises(SettingsError, match="does not reach"), prepared(given, workers=2):
        pass
