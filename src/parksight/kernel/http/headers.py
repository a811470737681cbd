"""Security headers of every response.

The content policy allows nothing from elsewhere. ``style-src-attr 'unsafe-inline'`` stands because ECharts
tooltips write ``style`` attributes through ``innerHTML``; style sheets and ``<style>`` elements must be ours.
``blob:`` is for the map's worker and for pictures made in the page; WebSockets are covered by ``'self'``.
"""

from __future__ import annotations

from parksight.kernel.settings import Settings

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
    )
)
_FEATURES = (
    "accelerometer", "ambient-light-sensor", "bluetooth", "display-capture", "gyroscope", "magnetometer",
    "midi", "payment", "serial", "usb", "browsing-topics",
)  # fmt: skip


def security_headers(settings: Settings) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI pairs; HSTS only where TLS is in use."""
    own = "camera=(self), microphone=(self), geolocation=(self), fullscreen=(self)"
    none = ", ".join(f"{name}=()" for name in _FEATURES)
    headers = {
        "content-security-policy": CONTENT_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": f"{own}, {none}",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    if settings.server.secure:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(k.encode(), v.encode()) for k, v in headers.items()]
