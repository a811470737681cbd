"""``/health``, ``/meta``, ``/settings`` and ``/metrics``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy import text

from parksight import __version__
from parksight.kernel.errors import ProblemError, forbidden
from parksight.kernel.i18n import LANGUAGES, has, language_of, translate
from parksight.kernel.identity.origins import is_loopback
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Section, Settings, is_secret, keys
from parksight.kernel.web import public, requires

log = structlog.get_logger(__name__)
router = APIRouter(tags=["system"])


class IngestCounters(BaseModel):
    """received = stored + all rejected + in_flight, at any moment."""

    received: int = 0
    stored: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    in_flight: int = 0


class HealthView(BaseModel):
    """``ok``; ``starting`` before telemetry runs; ``degraded`` when something needed does not answer."""

    status: str
    version: str
    ingest: IngestCounters
    problems: list[str] = Field(default_factory=list)


class ZoneView(BaseModel):
    name: str
    name_en: str
    timezone: str
    centre: tuple[float, float]


class DemoAccountView(BaseModel):
    username: str
    password: str
    role: str


class MetaView(BaseModel):
    """What a page must know before anybody signs in."""

    version: str
    zone: ZoneView
    demo: bool
    demo_accounts: list[DemoAccountView] | None
    languages: list[str]
    language: str
    oidc: bool
    server_ms: int


class SettingView(BaseModel):
    """One effective setting; a secret shows only whether it is set."""

    key: str
    value: Any
    secret: bool
    source: str
    default: Any
    description: str


def on_this_machine_or(permission: str) -> Any:
    """Open to this machine itself; from elsewhere it needs ``permission``."""

    def check(request: Request) -> None:
        if is_loopback(request):
            return
        caller: Caller | None = request.state.caller
        if caller is None:
            raise ProblemError("kernel.not_signed_in", HTTPStatus.UNAUTHORIZED)
        if not caller.may(permission):
            raise forbidden(permission)

    check.permission = f"loopback or {permission}"  # type: ignore[attr-defined]  # read by the route sweep
    return Depends(check)


@router.get("/api/v1/health", dependencies=[on_this_machine_or("kernel.health.read")], operation_id="health")
def health(request: Request, response: Response) -> HealthView:
    """Whether the installation works; 503 when it does not."""
    state = request.app.state
    problems: list[str] = []
    try:
        with state.db.read() as session:
            session.execute(text("SELECT 1"))
    except Exception:
        log.exception("health_records_failed")
        problems.append("records")
    counters = getattr(state, "ingest_counters", None)
    ingest = IngestCounters()
    if counters is not None:
        try:
            ingest = IngestCounters.model_validate(counters())
        except Exception:
            log.exception("health_ingest_failed")
            problems.append("ingest")
    # Other modules may add checks: name to a callable that says whether all is well.
    for name, well in getattr(state, "health_checks", {}).items():
        if not well():
            problems.append(name)
    status = "degraded" if problems else ("ok" if counters is not None else "starting")
    if problems:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return HealthView(status=status, version=__version__, ingest=ingest, problems=problems)


@router.get(
    "/api/v1/meta",
    dependencies=[public("the sign-in page needs name, language and time of the zone")],
    operation_id="meta",
)
def meta(request: Request) -> MetaView:
    """Name, languages and time of this installation."""
    state = request.app.state
    settings: Settings = state.settings
    accounts = None
    # The demo's passwords are shown on the sign-in page, but to this machine only.
    if settings.zone.demo and is_loopback(request):
        accounts = [
            DemoAccountView(username=a.username, password=a.password, role=a.role)
            for a in getattr(state, "demo_accounts", ())
        ]
    zone = settings.zone
    return MetaView(
        version=__version__,
        zone=ZoneView(name=zone.name, name_en=zone.name_en, timezone=zone.timezone, centre=zone.centre),
        demo=zone.demo,
        demo_accounts=accounts,
        languages=list(LANGUAGES),
        language=settings.language,
        oidc=state.identity.oidc.enabled,
        server_ms=state.clock.now_ms(),
    )


@router.get("/api/v1/settings", operation_id="list_settings")
def list_settings(
    request: Request, _caller: Annotated[Caller, requires("kernel.settings.read")]
) -> list[SettingView]:
    """The effective settings with the source of each value; read only."""
    settings: Settings = request.app.state.settings
    fresh = Settings()
    return [
        SettingView(
            key=key,
            value=masked(key, _at(settings, key)),
            secret=is_secret(key),
            source=settings.source_of(key),
            default=masked(key, _at(fresh, key)),
            description=_description(key, language_of(request)),
        )
        for key in keys()
    ]


@router.get(
    "/metrics",
    dependencies=[on_this_machine_or("kernel.metrics.read")],
    operation_id="metrics",
    response_class=Response,
)
def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


def _at(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _description(key: str, language: str) -> str:
    """What a setting is for, in the reader's language; its own words where nobody has translated them."""
    if has(f"kernel.setting.{key}", language):
        return translate(f"kernel.setting.{key}", language)
    model: type[Section] = Settings
    *sections, name = key.split(".")
    for section in sections:
        kind = model.model_fields[section].annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            model = kind
    return model.model_fields[name].description or ""


def masked(key: str, value: Any) -> Any:
    """A value for showing: secrets as ``***``, passwords within addresses cut out."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if is_secret(key):
        return "***" if value else value
    if isinstance(value, tuple | list):
        return [masked(key, item) for item in value]
    shown = str(value)
    if "://" in shown:
        parts = urlsplit(shown)
        if parts.password is not None:
            where = parts.netloc.rpartition("@")[2]
            return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{where}"))
    return shown
