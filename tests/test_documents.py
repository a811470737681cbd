"""Documents hold to the product: links, commands, routes, settings, pictures, and the same headings in both languages."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import typer.main
from tools.settings_reference import PAGES, page, rows

from parksight.app import openapi_document
from parksight.cli import app as command_line
from parksight.demo.accounts import PASSWORD, listed
from parksight.kernel.i18n import LANGUAGES, has
from parksight.kernel.permissions import ROLES
from parksight.kernel.settings import keys, load_settings
from parkzone.cli import app as zone_command_line

ROOT = Path(__file__).resolve().parent.parent
CHINESE = ROOT / "docs" / "zh-CN"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
USER_PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / part / "README.md" for part in ("operator", "integrator", "administrator", "developer", "decisions", "science")),
    ROOT / "docs" / "administrator" / "settings.md",
    ROOT / "docs" / "science" / "standards.md",
    ROOT / "docs" / "architecture.md",
]  # fmt: skip

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) +(.*?) *$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(
    r"(?:^|[\s/`(])((?:parksight|parkzone) [a-z][a-z-]*(?: [^\s`|>#，。；：、]+)*)", re.MULTILINE
)
_ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/(?:api|metrics)[\w/{}.-]*)")
_CURL_PATH = re.compile(r"\$B(/[\w/.-]+)")
_MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)


def prose(path: Path) -> str:
    """The text without code blocks: what is a heading or a link there is none in code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def mirror(path: Path) -> Path:
    """Where the Chinese form of a page is."""
    if path == ROOT / "README.md":
        return ROOT / "README.zh-CN.md"
    return CHINESE / path.relative_to(ROOT / "docs")


def anchors(path: Path) -> set[str]:
    """Anchors of the headings as code hosts make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for _, heading in _HEADING.findall(prose(path))
    }


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    missing = []
    for target in _LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            missing.append(target)
    assert not missing


def test_no_link_leaves_the_machine() -> None:
    """The documents are read on an intranet; only this machine and places reserved for examples are addressed."""
    strange = {
        f"{name(path)}: {host}"
        for path in USER_PAGES
        for form in (path, mirror(path))
        for host in re.findall(r"https?://([\w.-]+)", form.read_text(encoding="utf-8"))
        if host not in ("127.0.0.1", "localhost") and not host.endswith(".example")
    }
    assert not strange


@pytest.mark.parametrize("path", USER_PAGES, ids=name)
def test_chinese_mirror_has_the_same_headings(path: Path) -> None:
    english, chinese = ([len(marks) for marks, _ in _HEADING.findall(prose(p))] for p in (path, mirror(path)))
    assert chinese == english


@pytest.mark.parametrize("path", USER_PAGES, ids=name)
def test_both_languages_show_the_same_code(path: Path) -> None:
    """Blocks differ in comments and placeholders at most: what is run must be the same."""

    def blocks(file: Path) -> list[list[str]]:
        found = _FENCE.findall(file.read_text(encoding="utf-8"))
        return [[re.sub(r"(^|\s)#\s.*", "", line).rstrip() for line in b.splitlines()] for b in found]

    assert blocks(mirror(path)) == blocks(path)


def test_no_chinese_page_is_alone() -> None:
    expected = {mirror(path) for path in USER_PAGES}
    assert set(CHINESE.rglob("*.md")) <= expected


def commands() -> Iterator[tuple[str, list[str]]]:
    for path in DOCUMENTS:
        for text in _COMMAND.findall(path.read_text(encoding="utf-8")):
            yield f"{name(path)}: {text}", shlex.split(text)


def test_every_command_named_exists_with_its_options() -> None:
    roots = {"parksight": command_line, "parkzone": zone_command_line}
    seen, wrong = 0, []
    for where, words in commands():
        found: Any = typer.main.get_command(roots[words[0]])
        rest = words[1:]
        while hasattr(found, "commands") and rest and rest[0] in found.commands:
            found, rest = found.commands[rest[0]], rest[1:]
        if hasattr(found, "commands"):  # still a group: what follows is no command of it
            wrong.append(where)
            continue
        known = {
            option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        if not {word for word in rest if word.startswith("--")} <= known | {"--help"}:
            wrong.append(where)
        seen += 1
    assert not wrong
    assert seen > 10


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {t for path in DOCUMENTS for t in _MAKE.findall(path.read_text(encoding="utf-8"))}
    assert {"run", "test"} <= named <= targets


@cache
def routes() -> set[tuple[str, str]]:
    paths = openapi_document()["paths"]
    return {(method.upper(), blank(path)) for path, methods in paths.items() for method in methods}


def blank(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.mark.parametrize("path", [p for page in USER_PAGES for p in (page, mirror(page))], ids=name)
def test_every_route_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    missing = [f"{m} {p}" for m, p in _ROUTE.findall(text) if (m, blank(p.rstrip("."))) not in routes()]
    # Examples address records by number.
    known = {p for _, p in routes()}
    missing += [
        p
        for p in _CURL_PATH.findall(text)
        if blank(re.sub(r"/\d+(?=/|$)", "/{}", f"/api/v1{p}")) not in known
    ]
    assert not missing


@pytest.mark.parametrize("path", [p for page in USER_PAGES for p in (page, mirror(page))], ids=name)
def test_every_setting_named_exists(path: Path) -> None:
    known = set(keys())
    sections = {key.split(".")[0] for key in known if "." in key}
    named = {
        code.split(" ")[0]
        for code in _CODE.findall(prose(path))
        if re.match(r"[a-z0-9]+\.[a-z_0-9]+( =.*)?$", code) and code.split(".")[0] in sections
    }
    files = {n for n in named if n.endswith((".py", ".md", ".vue"))}
    assert named - files <= known


def examples(kind: str) -> list[tuple[str, str]]:
    """Code blocks of one language in the pages for users: where, text."""
    return [
        (name(path), block)
        for path in USER_PAGES
        for block in re.findall(
            rf"^```{kind}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    ]


def test_examples_of_settings_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "parksight.toml"
    for _, text in examples("toml"):
        file.write_text(text, encoding="utf-8")
        assert load_settings(file, environment={}).source_of("data_dir") in ("default", str(file))
    assert len(examples("toml")) >= 2


def test_examples_in_python_and_json_can_be_read() -> None:
    for where, text in examples("python"):
        compile(text, where, "exec")
    bodies = [text for _, text in examples("json")]
    bodies += [b for _, text in examples("sh") for b in re.findall(r"-d '([\[{].*?[\]}])'", text, re.DOTALL)]
    for body in bodies:
        json.loads(body)
    assert len(bodies) > 8


@pytest.mark.parametrize("language", sorted(PAGES))
def test_the_list_of_settings_is_current(language: str) -> None:
    assert PAGES[language].read_text(encoding="utf-8") == page(language), (
        "run python tools/settings_reference.py"
    )


def test_the_list_of_settings_is_complete() -> None:
    text = PAGES["en"].read_text(encoding="utf-8")
    assert not [key for key in keys() if f"| `{key}` |" not in text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_and_section_is_explained_in_every_language(language: str) -> None:
    """On the settings page and in the list alike: both read these texts."""
    sections = {key.split(".")[0] for key in keys() if "." in key}
    assert not [key for key in (*keys(), *sorted(sections)) if not has(f"kernel.setting.{key}", language)]


def test_bounds_and_types_are_read_from_the_settings() -> None:
    from parksight.kernel.settings import ServerSettings

    found = {row.key: row for row in rows(ServerSettings, "server.")}
    assert (found["server.port"].kind, found["server.port"].default) == ("integer", "`8600`")
    assert found["server.port"].bounds == "≥ 1, ≤ 65535"
    assert found["server.tls_key"].default == "—"


@pytest.mark.parametrize("file", ["README.md", "README.zh-CN.md"])
def test_readme_lists_all_demo_accounts(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert f"`{PASSWORD}`" in text
    assert not [a.username for a in listed() if f"| `{a.username}` |" not in text]


@pytest.mark.parametrize("file", ["docs/administrator/README.md", "docs/zh-CN/administrator/README.md"])
def test_administrators_read_of_every_role(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not [role for role in ROLES if f"| `{role}`" not in text]


@pytest.mark.parametrize("file", ["docs/administrator/README.md", "docs/zh-CN/administrator/README.md"])
def test_every_metric_named_exists(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src" / "parksight").rglob("metrics.py"))
    named = {m.removesuffix("_total") for m in re.findall(r"\bparksight_[a-z_]+", text)}
    assert named
    assert not [metric for metric in named if f'"{metric}"' not in code]


def test_every_decision_is_in_both_lists() -> None:
    for path in (ROOT / "docs" / "decisions" / "README.md", CHINESE / "decisions" / "README.md"):
        text = path.read_text(encoding="utf-8")
        records = sorted(p.name for p in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
        assert not [record for record in records if record not in text]


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "pictures").glob("*.svg")), ids=name)
def test_drawings_are_well_formed_and_speak(picture: Path) -> None:
    """They load nothing from elsewhere and have a title and a description for those who do not see them."""
    root = ElementTree.parse(picture).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title")
    assert root.findtext(f"{space}desc")
    assert not [e for e in root.iter() if e.tag in (f"{space}script", f"{space}image")]
