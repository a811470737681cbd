"""From a channel's kind to the code that sends."""

from __future__ import annotations

from collections.abc import Callable

from parksight.notifications.channels import apprise_relay, robots, sms, webpush
from parksight.notifications.channels.base import Message, Outcome, Setup

_SENDERS: dict[str, Callable[[Setup, Message], Outcome]] = {
    "email": apprise_relay.email, "relay": apprise_relay.relay, "sms": sms.send, "web_push": webpush.send,
    "wecom": robots.send, "dingtalk": robots.send, "feishu": robots.send,
}  # fmt: skip


def send(setup: Setup, message: Message) -> Outcome:
    """Try once; an unexpected error is an outcome too, so that one channel never stops the others."""
    try:
        return _SENDERS[setup.kind](setup, message)
    except Exception as error:
        return Outcome(False, "error", type(error).__name__)
