"""Settings: precedence, refusal of what is unknown or wrong, and where each value came from."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.site import Site, sign_in

from parksight.kernel.settings import Settings, SettingsError, keys, load_settings


def write(folder: Path, text: str) -> Path:
    file = folder / "parksight.toml"
    file.write_text(text, "utf-8")
    return file


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path: Path) -> None:
    file = write(tmp_path, 'language = "en"\n[server]\nport = 1001\nhost = "::1"\n[zone]\ndemo = true\n')
    env = {"PARKSIGHT_PORT": "1002", "PARKSIGHT_ZONE__NAME": "试验区", "PATH": "/bin"}
    got = load_settings(file, {"server": {"port": 1003}, "data_dir": "x", "zone": {}}, env)
    assert (got.server.port, got.server.host, got.language, got.zone.name) == (1003, "::1", "en", "试验区")
    sources = {k: got.source_of(k) for k in ("server.port", "server.host", "zone.name", "log_level")}
    assert sources == {
        "server.port": "flag",
        "server.host": str(file),
        "zone.name": "PARKSIGHT_ZONE__NAME",
        "log_level": "default",
    }
    assert load_settings(file, {}, env).server.port == 1002
    assert load_settings(file, None, {}).server.port == 1001
    assert load_settings(file, {"server.port": 7}, {}).server.port == 7


def test_aliases_and_full_names(tmp_path: Path) -> None:
    env = {"PARKSIGHT_PORT": "1", "PARKSIGHT_SERVER__PORT": "2", "PARKSIGHT_DATA_DIR": str(tmp_path)}
    got = load_settings(write(tmp_path, ""), None, env)
    assert (got.server.port, got.data_dir) == (2, tmp_path)


def test_lists_and_flags_in_the_environment(tmp_path: Path) -> None:
    env = {
        "PARKSIGHT_SERVER__ALLOWED_HOSTS": '["a.example", "b.example"]',
        "PARKSIGHT_ZONE__DEMO": "true",
        "PARKSIGHT_ZONE__CENTRE": "[120.5, 41.5]",
    }
    got = load_settings(write(tmp_path, ""), None, env)
    assert got.server.allowed_hosts == ("a.example", "b.example")
    assert (got.zone.demo, got.zone.centre) == (True, (120.5, 41.5))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 1\n", ["parksight.toml", "server.prot", "did you mean server.port"]),
        ("prot = 1\n", ["unknown setting prot", "did you mean", ".port"]),
        ("[servers]\nport = 1\n", ["servers.port", "did you mean server.port"]),
        ("zzzzqqqq = 1\n", ["unknown setting zzzzqqqq"]),
        ("[server]\nport = 70000\n", ["parksight.toml", "server.port", "70000", "65535"]),
        ("[server]\nport = 'x'\n", ["server.port", "'x'", "integer"]),
        ("[server\n", ["not valid TOML"]),
        ("[zone]\ncentre = [1.0]\n", ["zone.centre", "[1.0]"]),
        ("server = 5\n", ["unknown setting server"]),
    ],
)
def test_mistakes_are_named_with_file_key_and_hint(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(write(tmp_path, text), None, {})
    for word in words:
        assert word in str(error.value)
    assert error.value.text("zh-CN") != str(error.value)


def test_all_unknown_keys_are_told_at_once_and_the_environment_counts(tmp_path: Path) -> None:
    file = write(tmp_path, "prot = 1\n[zone]\nnam = 'x'\n")
    with pytest.raises(SettingsError) as error:
        load_settings(file, {"server": {"hots": "x"}}, {"PARKSIGHT_SERVER__POTR": "1"})
    assert len(error.value.problems) == 4
    assert "PARKSIGHT_SERVER__PORT" in str(error.value)


def test_a_named_file_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "absent.toml", None, {})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(None, None, {"PARKSIGHT_CONFIG": str(tmp_path / "absent.toml")})
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, None, {}) == Settings()
    write(tmp_path, "language = 'en'\n")
    assert load_settings(None, None, {}).language == "en"


def test_secrets_do_not_show_in_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(write(tmp_path, "[security]\noidc_client_secret = ['hunter2']\n"), None, {})
    assert "hunter2" not in str(error.value)


@given(st.text(max_size=60))
def test_any_file_gives_settings_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("s") / "parksight.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_settings(file, None, {})
    except SettingsError as error:
        assert str(error)
        return
    assert not set(tomllib.loads(file.read_text("utf-8"))) - {k.split(".")[0] for k in keys()}


@given(
    st.dictionaries(
        st.from_regex(r"PARKSIGHT_[A-Z_]{0,12}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0"), max_size=12),
        max_size=3,
    )
)
def test_any_environment_gives_settings_or_a_settings_error(env: dict[str, str]) -> None:
    env.pop("PARKSIGHT_CONFIG", None)
    try:
        load_settings(None, None, env)
    except SettingsError as error:
        assert all(problem.where is not None for problem in error.problems)


def test_settings_page_masks_secrets_and_tells_sources(quick_site: Site) -> None:
    from parksight.kernel.system.api import masked

    assert masked("database_url", "postgresql+pg8000://u:p4ss@h:5/d") == "postgresql+pg8000://u:***@h:5/d"
    assert masked("security.oidc_client_secret", "s") == "***"
    assert masked("security.oidc_client_secret", None) is None
    with quick_site.client() as client:
        assert client.get("/api/v1/settings").status_code == 401
        sign_in(client, "duty")
        assert client.get("/api/v1/settings").status_code == 403
        sign_in(client, "admin")
        rows = {row["key"]: row for row in client.get("/api/v1/settings").json()}
    assert set(rows) == set(keys())
    assert rows["server.max_body_mb"]["source"] == "flag"
    assert rows["server.port"] == {
        "key": "server.port", "value": 8600, "secret": False, "source": "default", "default": 8600,
        "description": "页面与 HTTP 接口的端口；简写变量：`PARKSIGHT_PORT`。",
    }  # fmt: skip
    assert rows["security.oidc_client_secret"]["secret"]
    assert not rows["security.password_min_length"]["secret"]
