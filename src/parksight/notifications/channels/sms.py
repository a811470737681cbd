"""SMS through a gateway of whatever make, by an HTTP template.

Placeholders ``{phone}``, ``{text}``, ``{key}`` and ``{secret}`` are filled in so that they cannot break out: escaped
as JSON text in JSON bodies, percent-encoded in addresses and forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, urlsplit

from parksight.notifications.channels.base import Message, Outcome, Setup, call

_PLACE = re.compile(r"\{(phone|text|key|secret)\}")
#: Three parts of a long message (GSM 03.38 UCS-2: 67 characters each).
MAX_TEXT = 201
_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def fill(template: str, values: dict[str, str], escape: Callable[[str], str]) -> str:
    """The template with its placeholders replaced, each once."""
    return _PLACE.sub(lambda found: escape(values[found[1]]), template)


def send(setup: Setup, message: Message) -> Outcome:
    """``config``: method, url, content_type, body, headers, success (text a good answer holds); ``secrets``: secret."""
    config = setup.config
    values = {
        "phone": message.to[0], "key": message.key, "secret": setup.secrets.get("secret", ""),
        "text": message.title[:MAX_TEXT],
    }  # fmt: skip
    url = fill(config["url"], values, lambda v: quote(v, safe=""))
    if urlsplit(url).netloc != urlsplit(config["url"]).netloc:  # a placeholder may not choose the host
        return Outcome(False, "bad_address", again=False)
    kind = config["content_type"]
    escapes: Mapping[str, Callable[[str], str]] = {"json": _json, "form": quote_plus, "text": str}
    headers = {k: fill(v, values, lambda s: re.sub(r"[\r\n]", "", s)) for k, v in config["headers"].items()}
    more = {}
    if config["method"] == "POST":
        headers["Content-Type"] = _TYPES[kind]
        more = {"content": fill(config["body"], values, escapes[kind]).encode()}
    answer = call(setup, config["method"], url, headers={**headers, "Idempotency-Key": message.key}, **more)
    if isinstance(answer, Outcome):
        return answer
    wanted = config.get("success") or ""
    if wanted and wanted not in answer.text:
        return Outcome(False, "refused", answer.text[:200], again=False)
    return Outcome(True)
