"""Settings from ``parksight.toml``, the environment (``PARKSIGHT_…``) and flags, in rising precedence.

Unknown keys are refused with the nearest known one as a hint; nothing is guessed.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """Where the pages are served. Loopback unless an administrator says otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(8600, ge=1, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str | None = None


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


class Hj212Settings(Section):
    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8612, ge=0, le=65535)
    max_connections: int = Field(12_000, ge=1)
    max_frame_bytes: int = Field(9_999, ge=1024)
    idle_seconds: int = Field(600, ge=10)


class MqttSettings(Section):
    enabled: bool = True


class ModbusSettings(Section):
    enabled: bool = True
    max_lines: int = Field(512, ge=1)


class Settings(Section):
    data_dir: Path = Path(".parksight")
    database_url: str | None = None
    log_level: str = "info"
    language: str = "zh-CN"
    server: ServerSettings = ServerSettings()
    zone: ZoneSettings = ZoneSettings()
    security: SecuritySettings = SecuritySettings()
    ingest: IngestSettings = IngestSettings()
    live: LiveSettings = LiveSettings()
    forensics: ForensicsSettings = ForensicsSettings()
    store: StoreSettings = StoreSettings()
    hj212: Hj212Settings = Hj212Settings()
    mqtt: MqttSettings = MqttSettings()
    modbus: ModbusSettings = ModbusSettings()

    @property
    def records_url(self) -> str:
        """SQLAlchemy URL of the records database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'records.sqlite'}"
