"""Logs: one JSON object a line, with the request's id, without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from parksight.kernel.audit.chain import MASK, is_secret_key

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_MAX_DEPTH = 6


def redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks values whose key names a secret, at any depth."""
    for key in list(event):
        event[key] = _clean(key, event[key], 0)
    return event


def _clean(key: str, value: Any, depth: int) -> Any:
    if is_secret_key(key) and value not in (None, "", True, False):
        return MASK
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return {k: _clean(str(k), v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [_clean("", v, depth + 1) for v in value]
    return value


def configure(level: str = "info", *, json: bool = True, stream: TextIO | None = None) -> None:
    """Send everything, ours and the libraries', to one stream.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        json: one JSON object a line; a coloured line for people otherwise.
        stream: standard error without.

    Raises:
        ValueError: an unknown level.
    """
    if level.lower() not in _LEVELS:
        raise ValueError(f"log level {level!r} is not one of {', '.join(_LEVELS)}")
    number = _LEVELS[level.lower()]
    out = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    ending: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        quiet = logging.getLogger(name)
        quiet.handlers.clear()
        quiet.propagate = True
    # Our own line per request says more and never holds a query string.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
