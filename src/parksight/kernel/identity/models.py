"""Tables of identity. Enterprise ids are plain integers: the registry is the floor above.

Of every secret that lets somebody in only a hash is kept; what must be read again (TOTP) is sealed with the
installation's key (:mod:`parksight.kernel.sealing`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class Organisation(Base):
    """A body people belong to.

    Attributes:
        kind: ``zone`` (the administration), ``city`` (departments working as one with it), ``group`` (the
            zone's own companies) or ``enterprise``.
        enterprise_id: the registry's enterprise for kind ``enterprise``.
    """

    __tablename__ = "kernel_organisation"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    kind: Mapped[str] = mapped_column(String(20), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)


class Department(Base):
    """Part of an organisation; ``kind``: ``bureau``, ``city_department``, ``subsidiary``, ``other``."""

    __tablename__ = "kernel_department"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    kind: Mapped[str] = mapped_column(String(20), default="other")
    phone: Mapped[str] = mapped_column(String(40), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class Post(Base):
    """A post in a department: duties belong to posts, people come and go."""

    __tablename__ = "kernel_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("kernel_department.id"), index=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    duties: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class User(Base):
    """A person who signs in.

    Attributes:
        username: as typed; ``username_key`` is its folded form and unique.
        password_hash: argon2id; None for people who come through the identity provider only.
        totp_secret: sealed; in force once ``totp_confirmed_at`` is set.
        totp_last_step: last 30-second step used, so that a code works once.
        oidc_subject: ``sub`` of the identity provider.
        demo: made by the demo; its password is public.
    """

    __tablename__ = "kernel_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80))
    username_key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(200), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    language: Mapped[str | None] = mapped_column(String(16), default=None)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_organisation.id"), default=None)
    department_id: Mapped[int | None] = mapped_column(
        ForeignKey("kernel_department.id"), index=True, default=None
    )
    post_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_post.id"), default=None)
    password_hash: Mapped[str | None] = mapped_column(String(200), default=None)
    password_changed_at: Mapped[datetime | None] = mapped_column(default=None)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    totp_secret: Mapped[str | None] = mapped_column(String(400), default=None)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    totp_last_step: Mapped[int] = mapped_column(default=0)
    oidc_subject: Mapped[str | None] = mapped_column(String(255), unique=True, default=None)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    demo: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)


class Assignment(Base):
    """A role with its scope: ``zone``, ``departments`` or ``enterprises`` with the ids it is limited to."""

    __tablename__ = "kernel_assignment"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    scope: Mapped[str] = mapped_column(String(16))
    scope_ids: Mapped[list[Any]] = mapped_column(default=list)


class UserSession(Base):
    """A signed-in browser. ``token_hash`` is SHA-256 of the cookie; ``ended_at`` is set on signing out."""

    __tablename__ = "kernel_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    method: Mapped[str] = mapped_column(String(16), default="password")


class ApiToken(Base):
    """A person's token for programs; its grants narrow the owner's, they never widen them."""

    __tablename__ = "kernel_api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    grants: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class DeviceCredential(Base):
    """What a device shows when it pushes over HTTP; ``device_id`` is the gateways' row."""

    __tablename__ = "kernel_device_credential"

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(120))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class RecoveryCode(Base):
    """One of ten single-use codes for a lost second factor."""

    __tablename__ = "kernel_recovery_code"
    __table_args__ = (Index("ix_kernel_recovery_code_user", "user_id", "code_hash", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class SignInFailure(Base):
    """Failed attempts per typed name, known or not, so that a lock-out tells nothing about who exists."""

    __tablename__ = "kernel_sign_in_failure"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime] = mapped_column(index=True)


class OidcLogin(Base):
    """A sign-in that is on its way through the identity provider; lives ten minutes and is used once."""

    __tablename__ = "kernel_oidc_login"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(400))
    next_path: Mapped[str] = mapped_column(String(400), default="/")
    expires_at: Mapped[datetime] = mapped_column(index=True)
