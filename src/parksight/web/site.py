"""Serves the built site: files with lasting names for ever, compressed where the browser can read it, pages for the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from parksight.web import STATIC

#: Content coding -> ending of the file the build wrote beside the original, best first.
CODINGS = {"br": ".br", "gzip": ".gz"}


def accepted(header: str) -> Iterator[str]:
    """The codings we have that an ``Accept-Encoding`` header allows, best first; ``;q=0`` refuses one."""
    offers = {}
    for part in header.split(","):
        name, _, weight = part.partition(";")
        offers[name.strip().lower()] = weight.replace(" ", "").lower()
    for coding in CODINGS:
        if offers.get(coding, "q=0").removeprefix("q=") not in {"0", "0.0", "0.00", "0.000"}:
            yield coding


class Site(StaticFiles):
    """The built site; every path that is no file is a page of the application."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.startswith(("api/", "metrics")):
            return await super().get_response(path, scope)
        found, stat = self.lookup_path(path)
        if stat is None or not found.startswith(str(STATIC)):
            return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})
        response = self._compressed(path, scope) or await super().get_response(path, scope)
        # Built assets carry their hash in the name; the entry page must always be asked for again.
        lasting = path.startswith("assets/")
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response

    def _compressed(self, path: str, scope: Scope) -> Response | None:
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        for coding in accepted(Headers(scope=scope).get("accept-encoding", "")):
            found, stat = self.lookup_path(path + CODINGS[coding])
            if stat is None:
                continue
            response = self.file_response(os.fspath(found), stat, scope)
            response.headers["content-encoding"] = coding
            response.headers.add_vary_header("accept-encoding")
            return response
        return None
