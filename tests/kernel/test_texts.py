"""Texts: every module speaks both languages, and a missing word never breaks an answer."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.kernel.i18n import LANGUAGES, CatalogError, load, locale_files, negotiate, translate
from parksight.kernel.permissions import ROLES

MODULES: dict[str, dict[str, dict[str, str]]] = {}
for _module, _language, _file in locale_files():
    MODULES.setdefault(_module, {})[_language] = json.loads(_file.read_text("utf-8"))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_both_languages_have_the_same_keys_and_placeholders(module: str) -> None:
    texts = MODULES[module]
    assert set(texts) == set(LANGUAGES)
    chinese, english = texts["zh-CN"], texts["en"]
    assert sorted(chinese) == sorted(english)
    for key in chinese:
        assert fields(chinese[key]) == fields(english[key]), key
        assert chinese[key].strip(), key
        assert english[key].strip(), key


def test_the_catalogue_loads_as_a_whole() -> None:
    assert set(load()) == set(LANGUAGES)


def test_every_code_the_kernel_raises_has_its_text() -> None:
    """Codes are string literals in the source; each must be translated."""
    texts = MODULES["kernel"]["en"]
    source = Path(__file__).parents[2] / "src/parksight/kernel"
    pattern = re.compile(
        r"(?:ProblemError|conflict|invalid)\(\s*\"(kernel\.[a-z_.]+)\"|\.check\([^\n]*\"(kernel\.[a-z_.]+)\""
    )
    found = {
        code
        for file in source.rglob("*.py")
        for groups in pattern.findall(file.read_text("utf-8"))
        for code in groups
        if code
    }
    assert len(found) > 30
    assert sorted(found - texts.keys()) == []
    assert [role for role in ROLES if f"kernel.role.{role}" not in texts] == []


def test_translation_falls_back_and_keeps_placeholders() -> None:
    assert translate("kernel.not_found", "en", kind="user", key=5).startswith("There is no user 5")
    assert translate("kernel.not_found", "de", kind="user", key=5).startswith("没有user 5")
    assert "{key}" in translate("kernel.not_found", "en", kind="user")
    assert translate("no.such.key", "en") == "no.such.key"


@given(st.text(max_size=30))
def test_parameters_are_never_read_as_templates(value: str) -> None:
    assert value in translate("kernel.code_taken", "en", key=value)


def test_attributes_of_parameters_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    from parksight.kernel import i18n

    monkeypatch.setattr(i18n, "catalog", lambda: {"en": {"x": "{a.__class__} {a[0]} {a:>5} {a!r}"}})
    shown = translate("x", "en", a="v")
    assert "class 'str'" not in shown
    assert "    v" in shown


@given(st.text(max_size=80))
def test_negotiation_takes_anything(header: str) -> None:
    assert negotiate(header) in LANGUAGES


@pytest.mark.parametrize(
    ("header", "language"),
    [(None, "zh-CN"), ("en", "en"), ("EN-us;q=0.5,zh;q=0.6", "zh-CN"), ("*", "zh-CN"), ("fr,*;q=0.1", "zh-CN"),
     ("en;q=abc", "zh-CN"), ("en;q=0.5, en", "en"), ("zh-Hant-TW", "zh-CN")],
)  # fmt: skip
def test_negotiation(header: str | None, language: str) -> None:
    assert negotiate(header) == language


@pytest.mark.parametrize("content", ["[]", '{"a": {"b": "c"}}', "{", '{"a": 1}'])
def test_unusable_locale_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    folder = tmp_path / "fakepark" / "room" / "locales"
    folder.mkdir(parents=True)
    (tmp_path / "fakepark" / "__init__.py").touch()
    (folder / "en.json").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(CatalogError, match=r"room/locales/en\.json"):
        load("fakepark")
