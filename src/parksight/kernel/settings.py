"""Settings from ``parksight.toml``, the environment (``PARKSIGHT_…``) and flags, in rising precedence.

Unknown keys are refused with the nearest known one as a hint; nothing is guessed.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from parksight.kernel.errors import ProblemError

ENVIRONMENT_PREFIX = "PARKSIGHT_"
#: Short names in the environment for what is changed most.
ALIASES = {"PARKSIGHT_PORT": "server.port", "PARKSIGHT_DATA_DIR": "data_dir"}
#: Names in the environment that are not settings: where the file is.
CONFIG_VARIABLE = "PARKSIGHT_CONFIG"
DEFAULT_FILE = "parksight.toml"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """Where the pages are served. Loopback unless an administrator says otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(8600, ge=1, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str | None = Field(None, description="address people type, when a proxy stands in front")
    allowed_hosts: tuple[str, ...] = Field((), description="further host names that requests may name")
    max_body_mb: int = Field(16, ge=1, le=1024)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS: cookies are then marked Secure and HSTS is sent."""
        return self.tls_certificate is not None or (self.public_url or "").startswith("https://")


class ZoneSettings(Section):
    """The zone this installation serves."""

    name: str = "青原经济开发区"
    name_en: str = "Qingyuan Economic Development Zone"
    timezone: str = "Asia/Shanghai"
    centre: tuple[float, float] = (120.77, 41.80)
    demo: bool = False


class SecuritySettings(Section):
    session_hours: int = Field(12, ge=1, le=168)
    idle_minutes: int = Field(120, ge=5)
    lockout_attempts: int = Field(5, ge=3, le=20)
    lockout_minutes: int = Field(15, ge=1)
    password_min_length: int = Field(10, ge=8)
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    oidc_link_by_username: bool = Field(
        False, description="tie a first sign-in to the account whose user name is the preferred_username"
    )
    sign_in_per_minute: int = Field(20, ge=1, le=1000, description="attempts per client address")
    sessions_per_user: int = Field(20, ge=1, le=1000, description="the oldest ends when one more starts")
    token_days: int = Field(365, ge=1, le=3650, description="longest life of an API token")


class FileSettings(Section):
    """What may be uploaded as evidence."""

    max_mb: int = Field(64, ge=1, le=4096)


class IngestSettings(Section):
    """Limits of the one door of telemetry; every one is enforced and counted."""

    tick_ms: int = Field(100, ge=10, le=1000)
    max_in_flight_rows: int = Field(2_000_000, ge=10_000)
    max_rows_per_tick: int = Field(500_000, ge=1_000)
    late_after_s: int = Field(300, ge=1)
    clock_skew_s: int = Field(120, ge=1)
    source_rate_limit: int = Field(200_000, ge=1, description="readings per second and source")
    max_in_flight_mb: int = Field(256, ge=16, description="memory of batches in flight, raw frames included")
    far_future_s: int = Field(86_400, ge=1, description="further ahead of arrival is rejected")
    dedupe_rows: int = Field(1_000_000, ge=1_000, description="newest stored rows checked for repetition")
    flap_per_minute: int = Field(12, ge=2, description="changes of state from which a point is flapping")
    link_flaps: int = Field(10, ge=2, le=64, description="connects and disconnects in 5 minutes, likewise")
    rejects_max_mb: int = Field(64, ge=8, description="rejects log on disk")
    rejects_per_second: int = Field(500, ge=1, description="rejects kept as specimens; all are counted")


class LiveSettings(Section):
    """Limits of the live WebSocket."""

    tick_ms: int = Field(200, ge=50, le=2000)
    max_clients: int = Field(500, ge=1)
    max_points_per_client: int = Field(5_000, ge=1)
    queue_messages: int = Field(8, ge=1, description="messages waiting per client before it is collapsed")


class ForensicsSettings(Section):
    """How often and how much the forensics look at."""

    enabled: bool = True
    interval_s: int = Field(300, ge=10)
    points_per_run: int = Field(500, ge=1)
    window_h: int = Field(24, ge=1, le=168)


class StoreSettings(Section):
    memory_limit_mb: int = Field(1024, ge=256)
    threads: int = Field(2, ge=1)
    raw_retention_days: int = Field(400, ge=1)
    compact_after_rows: int = Field(2_000_000, ge=10_000)


class QuerySettings(Section):
    """Limits of questions about observations; ingest never waits for them."""

    threads: int = Field(2, ge=1, le=32, description="questions answered at the same time")
    max_waiting: int = Field(64, ge=1, description="questions that may wait for their turn before 503")
    time_limit_s: float = Field(15.0, gt=0)
    max_points: int = Field(50, ge=1, le=1_000, description="points of one question about their course")
    max_last_points: int = Field(
        5_000, ge=1, le=100_000, description="points of one question for newest values"
    )
    max_buckets: int = Field(200_000, ge=1_000, description="points times buckets of one answer")
    max_raw_rows: int = Field(50_000, ge=100, description="rows of one page")
    export_max_rows: int = Field(20_000_000, ge=1_000, description="rows one export may be expected to have")
    max_exports: int = Field(2, ge=1, le=32, description="exports running at the same time")
    export_minutes: int = Field(30, ge=1, description="an export that takes longer is broken off")


class RegistrySettings(Section):
    """Limits of imports."""

    import_max_mb: int = Field(64, ge=1, le=1024)
    import_max_rows: int = Field(100_000, ge=1)


class AlarmSettings(Section):
    """Limits of the evaluation and its records."""

    queue_transitions: int = Field(200_000, ge=1_000, description="waiting to be written")
    history_s: int = Field(1_800, ge=60, description="older readings are history and raise no alarm")
    grace_s: int = Field(
        120, ge=0, description="patience with a newly watched point before its silence counts"
    )
    push_alarms: int = Field(50, ge=1, le=1_000, description="newest alarms named in one live message")
    export_max_rows: int = Field(200_000, ge=1)
    group_window_s: int = Field(600, ge=1, description="alarms of one place belong together within this span")
    wind_sector_deg: float = Field(
        45.0, gt=0, le=90, description="how far off the wind a gas alarm may lie to belong to another"
    )
    wind_reach_m: float = Field(2_000.0, gt=0, description="gas alarms farther apart are not one cloud")
    chatter_repeats: int = Field(
        3, ge=2, description="times an alarm comes within chatter_s to be chattering"
    )
    chatter_s: int = Field(60, ge=1)
    chatter_quiet_s: int = Field(300, ge=1, description="calm after which an alarm is no longer chattering")
    flood_span_s: int = Field(600, ge=60, description="span in which the alarms of a flood are counted")
    shelve_max_minutes: list[int] = Field(
        [30, 120, 480, 1440], min_length=4, max_length=4, description="longest shelf by priority, 1 first"
    )
    service_max_hours: int = Field(
        24 * 31, ge=1, description="longest time out of service before a new decision"
    )
    positions: int = Field(1, ge=1, description="operator positions that share the alarm load")
    escalate_s: list[int] = Field(
        [60, 180, 300, 600], min_length=4, max_length=4,
        description="seconds without acknowledgement: post, enterprise, officer, leader",
    )  # fmt: skip
    parallel_priority: int = Field(
        1, ge=0, le=4, description="alarms up to this priority tell all levels at once; 0: never"
    )
    webhook_hosts: list[str] = Field(
        default_factory=list, description="hosts (name or name:port) that linkage may call; none by default"
    )
    webhook_timeout_s: float = Field(5.0, gt=0, le=60)
    reaction_attempts: int = Field(3, ge=1, le=10, description="tries of a reaction that may be tried again")
    commissioning_days: int = Field(
        30, ge=0, description="days after its making in which a rule may be changed without a second person"
    )
    priority_matrix: dict[str, dict[str, int]] = Field(
        {
            "minor": {"immediate": 3, "prompt": 4, "soon": 4, "later": 4},
            "moderate": {"immediate": 2, "prompt": 3, "soon": 3, "later": 4},
            "major": {"immediate": 1, "prompt": 2, "soon": 2, "later": 3},
            "severe": {"immediate": 1, "prompt": 1, "soon": 2, "later": 2},
        },
        description="priority by consequence and time to respond (ISA-18.2 rationalisation)",
    )
    never_delay_kinds: list[str] = Field(
        ["gas"], description="kinds of points whose alarms take no on-delay (gas leaks)"
    )
    snapshot_s: int = Field(10, ge=1, description="seconds between snapshots of the evaluation")
    tuning_waiting: int = Field(4, ge=1, le=100, description="replays that may wait for their turn")
    tuning_kept: int = Field(50, ge=1, le=1_000, description="finished replays that can still be looked at")
    tuning_points: int = Field(2_000, ge=1, description="points of one replay")
    preview_rows: int = Field(5_000_000, ge=1_000, description="observations one preview may look at")


class CaseSettings(Section):
    """Cases and their escalation."""

    late_after_s: float = Field(
        60, ge=1, description="what happened longer ago when it is recorded is late, seconds"
    )
    escalation_every_s: float = Field(1, ge=0.1, le=60, description="seconds between looks at what is due")
    escalation_batch: int = Field(500, ge=1, le=10_000, description="rungs fired in one unit of work")


class DutySettings(Section):
    """Shifts, shift log and handover."""

    horizon_days: int = Field(
        35, ge=2, le=366, description="how far ahead shifts are made from the rotas, days"
    )
    rest_hours: int = Field(8, ge=0, le=48, description="least rest between two shifts of a person, hours")
    late_entry_minutes: int = Field(15, ge=1, description="a log entry written down later than this is late")
    handover_grace_minutes: int = Field(
        15, ge=0, description="time after the end of a shift until its handover is late"
    )
    draft_minutes: int = Field(30, ge=1, description="a handover draft older than this must be made anew")


class NotificationSettings(Section):
    """Sending to people; every limit is enforced, counted and shown."""

    hosts: tuple[str, ...] = Field(
        (), description="hosts channels may talk to: name, name:port or *.domain; none by default"
    )
    web_push: bool = Field(True, description="allow browser push, to the listed hosts of browser makers")
    senders: int = Field(4, ge=1, le=32, description="deliveries on their way at the same time")
    poll_s: float = Field(1.0, gt=0, le=60, description="looks for work that nobody announced, seconds")
    timeout_s: float = Field(10.0, gt=0, le=60, description="patience with a server outside, seconds")
    lease_s: int = Field(120, ge=30, description="a delivery whose sender is silent so long is tried again")
    attempts: int = Field(5, ge=1, le=20, description="tries of one delivery")
    backoff_s: int = Field(
        30, ge=1, description="wait after the first failed try, doubled after each, seconds"
    )
    dedupe_s: int = Field(
        600, ge=0, description="the same notice again within this time is counted, not sent"
    )
    rate_per_hour: int = Field(
        30, ge=1, description="messages per person and channel in an hour; three times as many of priority 1"
    )
    fallback_s: tuple[int, int, int, int] = Field(
        (120, 600, 0, 0), description="unread so long, the next channel is tried, by priority; 0: never"
    )
    max_queued: int = Field(
        10_000, ge=100, description="deliveries waiting; more are not taken but priority 1"
    )
    push_per_user: int = Field(
        10, ge=1, le=100, description="browsers of a person with push; the oldest goes"
    )
    keep_days: int = Field(180, ge=7, description="read notices are kept for so long")


class Hj212Settings(Section):
    """Limits of the HJ 212 gateway; every one is enforced, counted and shown on its page."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8612, ge=0, le=65535)
    max_connections: int = Field(12_000, ge=1)
    max_connections_per_address: int = Field(12_000, ge=1, description="many stations may share one NAT")
    max_frame_bytes: int = Field(9_999, ge=1024)
    idle_seconds: int = Field(600, ge=10)
    first_frame_seconds: float = Field(
        60.0, gt=0, description="a connection must have said something readable"
    )
    frame_seconds: float = Field(10.0, gt=0, description="a frame that was begun must be complete")
    flush_ms: int = Field(10, ge=1, le=200, description="arrivals gathered before they are decoded at once")
    max_inbox_mb: int = Field(64, ge=1, description="bytes waiting to be decoded")
    receive_buffer_kb: int = Field(
        128, ge=8, description="per connection in the system, so that senders wait"
    )
    bad_frames_limit: int = Field(20, ge=1, description="unreadable frames in a row before we hang up")
    unknown_mn: Literal["keep", "close"] = "keep"
    devices_per_connection: int = Field(256, ge=1)
    max_unread_kb: int = Field(64, ge=4, description="answers a device has not read before it is paused")
    write_stall_seconds: float = Field(30.0, gt=0, description="a paused device that still does not read")


class MqttSettings(Section):
    """Limits of the MQTT client gateway, per connection to a broker."""

    enabled: bool = True
    max_connections: int = Field(32, ge=1)
    max_payload_bytes: int = Field(262_144, ge=1_024)
    max_topics: int = Field(50_000, ge=100, description="distinct topics and Sparkplug nodes remembered")
    max_pending: int = Field(20_000, ge=100, description="messages waiting to be acknowledged")
    tick_ms: int = Field(50, ge=5, le=1000)


class ModbusSettings(Section):
    """Limits of the Modbus polling gateway."""

    enabled: bool = True
    max_lines: int = Field(512, ge=1, description="TCP connections, one per host and port")
    connect_timeout_s: float = Field(5.0, gt=0)
    max_units_per_line: int = Field(247, ge=1, le=255)


class PushSettings(Section):
    """Limits of the HTTP push gateway."""

    enabled: bool = True
    max_body_mb: int = Field(64, ge=1, le=1024)
    max_in_flight_mb: int = Field(256, ge=1, description="bodies of all requests held at the same time")
    max_rows: int = Field(2_000_000, ge=1_000, description="rows per request")
    max_json_rows: int = Field(100_000, ge=1_000, description="rows per JSON or CSV request")
    max_concurrent: int = Field(4, ge=1, description="requests decoded at the same time")
    wait_s: float = Field(5.0, ge=0, description="patience with a full pipeline before 429")
    row_errors: int = Field(20, ge=1, le=1000, description="row errors described in an answer")


class LookoutSettings(Section):
    """What the cloud eye keeps, and how much of the machine looking at pictures may cost."""

    pre_roll_s: float = Field(10.0, ge=0, le=120, description="kept before an event")
    post_roll_s: float = Field(20.0, ge=1, le=600, description="recorded after it")
    ring_mb: int = Field(16, ge=1, le=1024, description="memory per camera for the pre-roll")
    max_rings: int = Field(64, ge=1, description="cameras armed at the same time")
    max_clip_s: float = Field(300.0, ge=5, le=3600)
    max_clip_mb: int = Field(
        60, ge=1, le=4096, description="not above files.max_mb, under which it is stored"
    )
    max_recording: int = Field(16, ge=1, description="clips recorded at the same time")
    keep_days: float = Field(30.0, ge=0, description="clips that are nobody's evidence")
    keep_gb: float = Field(20.0, ge=0)
    look_cpu_percent: float = Field(8.0, gt=0, le=100, description="of one core, for looking at pictures")
    look_every_s: float = Field(10.0, ge=1, description="health of each camera, if the share above allows")
    yield_load: float = Field(0.9, gt=0, description="load per core above which only health is looked at")
    automatic_slews_per_minute: int = Field(6, ge=1, description="per camera")
    drift_limit_deg: float = Field(0.5, gt=0, description="summed correction that calls for calibration")


class CameraSettings(Section):
    """Limits of the cameras' video: RTSP in, WebSocket out."""

    enabled: bool = True
    max_relays: int = Field(128, ge=1, description="streams open at the same time")
    max_viewers: int = Field(256, ge=1, description="browsers' pictures at the same time")
    max_viewers_per_stream: int = Field(64, ge=1)
    queue_kb: int = Field(
        4096, ge=256, description="pictures waiting for one viewer before the jump to a key picture"
    )
    queue_pictures: int = Field(300, ge=10)
    group_mb: int = Field(8, ge=1, description="cached since the newest key picture, per stream")
    group_pictures: int = Field(300, ge=10)
    linger_s: float = Field(8.0, ge=0, le=600, description="a stream goes on after its last viewer left")
    connect_s: float = Field(5.0, gt=0, le=60, description="patience with a camera's answer")
    silence_s: float = Field(5.0, gt=0.5, le=60, description="without a packet the camera counts as gone")
    max_snapshots: int = Field(2, ge=1, le=16, description="snapshots decoded at the same time")
    snapshot_wait_s: float = Field(
        6.0, gt=0, le=60, description="for a picture of a stream that is not open yet"
    )


class Settings(Section):
    data_dir: Path = Path(".parksight")
    database_url: str | None = None
    log_level: str = "info"
    language: str = "zh-CN"
    server: ServerSettings = ServerSettings()
    zone: ZoneSettings = ZoneSettings()
    security: SecuritySettings = SecuritySettings()
    files: FileSettings = FileSettings()
    ingest: IngestSettings = IngestSettings()
    live: LiveSettings = LiveSettings()
    forensics: ForensicsSettings = ForensicsSettings()
    store: StoreSettings = StoreSettings()
    queries: QuerySettings = QuerySettings()
    registry: RegistrySettings = RegistrySettings()
    alarms: AlarmSettings = AlarmSettings()
    cases: CaseSettings = CaseSettings()
    duty: DutySettings = DutySettings()
    notifications: NotificationSettings = NotificationSettings()
    hj212: Hj212Settings = Hj212Settings()
    mqtt: MqttSettings = MqttSettings()
    modbus: ModbusSettings = ModbusSettings()
    push: PushSettings = PushSettings()
    cameras: CameraSettings = CameraSettings()
    lookout: LookoutSettings = LookoutSettings()

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    def source_of(self, key: str) -> str:
        """Where the value of a dotted key came from: a file, a variable, ``flag`` or ``default``."""
        return self._sources.get(key, "default")

    @property
    def records_url(self) -> str:
        """SQLAlchemy URL of the records database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'records.sqlite'}"


class SettingsError(Exception):
    """Settings that cannot be used: every problem with its place and, where there is one, a hint."""

    def __init__(self, problems: list[ProblemError]) -> None:
        super().__init__(*problems)
        self.problems = problems

    def text(self, language: str = "en") -> str:
        """The problems for a person, one a line."""
        from parksight.kernel.i18n import translate

        return "\n".join(translate(p.code, language, **p.params) for p in self.problems)

    def __str__(self) -> str:
        return self.text()


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """All dotted keys that can be set, e.g. ``server.port``."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def load_settings(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The effective settings: defaults, then the file, then the environment, then flags.

    Args:
        path: the file; without one ``PARKSIGHT_CONFIG``, else ``parksight.toml`` in the working folder if it is
            there. A file that is named must exist.
        overrides: flags, nested (``{"server": {"port": 1}}``) or dotted (``{"server.port": 1}``).
        environment: ``os.environ`` by default. ``PARKSIGHT_SERVER__PORT`` sets ``server.port``; lists are JSON.

    Raises:
        SettingsError: unreadable file, unknown key (with the nearest known one) or bad value.
    """
    env = os.environ if environment is None else environment
    known = set(keys())
    values: dict[str, tuple[object, str]] = {}
    problems: list[ProblemError] = []
    file = path or (Path(env[CONFIG_VARIABLE]) if env.get(CONFIG_VARIABLE) else None)
    named = file is not None
    file = file or Path(DEFAULT_FILE)
    if named or file.is_file():
        values.update(_checked(_flat(_read(file)), str(file), known, problems))
    values.update(_from_environment(env, known, problems))
    values.update(_checked(_flat(overrides or {}), "flag", known, problems))
    if problems:
        raise SettingsError(problems)
    try:
        settings = Settings.model_validate(_nested({key: value for key, (value, _) in values.items()}))
    except ValidationError as error:
        raise SettingsError([_bad_value(dict(item), values) for item in error.errors()]) from None
    settings._sources.update({key: source for key, (_, source) in values.items()})
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        params: dict[str, object] = {"file": file, "reason": error.strerror or error}
        raise SettingsError([ProblemError("kernel.settings.unreadable", 500, params)]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        params = {"file": file, "reason": error}
        raise SettingsError([ProblemError("kernel.settings.not_toml", 500, params)]) from error


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    out: dict[str, object] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            out.update(_flat(value, f"{prefix}{name}."))
        else:
            out[prefix + name] = value
    return out


def _checked(
    flat: Mapping[str, object], source: str, known: set[str], problems: list[ProblemError]
) -> dict[str, tuple[object, str]]:
    problems.extend(_unknown(key, source, key, known) for key in flat if key not in known)
    return {key: (value, source) for key, value in flat.items() if key in known}


def _from_environment(
    env: Mapping[str, str], known: set[str], problems: list[ProblemError]
) -> dict[str, tuple[object, str]]:
    out: dict[str, tuple[object, str]] = {}
    # Short names first: where both are given, the full name is the more deliberate one.
    for name in sorted((n for n in env if n.upper().startswith(ENVIRONMENT_PREFIX)), key=_alias_first):
        if name.upper() == CONFIG_VARIABLE:
            continue
        key = ALIASES.get(name.upper()) or name[len(ENVIRONMENT_PREFIX) :].lower().replace("__", ".")
        if key in known:
            out[key] = (_decoded(env[name]), name)
        else:
            problems.append(_unknown(key, "environment", name, known))
    return out


def _alias_first(name: str) -> tuple[bool, str]:
    return (name.upper() not in ALIASES, name)


def _decoded(text: str) -> object:
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _unknown(key: str, source: str, name: str, known: set[str]) -> ProblemError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or difflib.get_close_matches(
        key.rpartition(".")[2], {k.rpartition(".")[2] for k in known}, n=1, cutoff=0.6
    )
    hint = near[0] if near else ""
    if hint and hint not in known:
        hint = min(k for k in known if k.rpartition(".")[2] == hint)
    if hint and source == "environment":
        hint = ENVIRONMENT_PREFIX + hint.replace(".", "__").upper()
    code = "kernel.settings.unknown_key" if hint else "kernel.settings.unknown_key_no_hint"
    return ProblemError(code, 500, {"source": source, "key": name, "hint": hint}, key)


def _bad_value(item: dict[str, Any], values: Mapping[str, tuple[object, str]]) -> ProblemError:
    parts = [str(part) for part in item.get("loc", ())]
    key = next((".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in values), "")
    key = key or ".".join(parts)
    value, source = values.get(key, (None, "default"))
    shown = "***" if is_secret(key) else repr(value)[:200]
    params: dict[str, object] = {"source": source, "key": key, "value": shown, "reason": item.get("msg", "")}
    return ProblemError("kernel.settings.bad_value", 500, params, key)


def _nested(flat: Mapping[str, object]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, name = key.split(".")
        target = out
        for section in sections:
            target = target.setdefault(section, {})
        target[name] = value
    return out


def is_secret(key: str) -> bool:
    """Whether the value of a key must never be shown."""
    last = key.rpartition(".")[2]
    return any(word in last for word in ("secret", "password", "token")) and not last.endswith(
        ("_length", "_days")
    )
