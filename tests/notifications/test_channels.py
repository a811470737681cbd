"""Every channel against a real peer on loopback, and what keeps them in bounds."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.notifications.kit import Bell

from parksight.notifications.channels.base import host_allowed, url_allowed
from parksight.notifications.channels.sms import fill
from parksight.notifications.channels.webpush import decode, encode
from parksight.notifications.models import Channel
from parksight.notifications.notice import Text, person, post


def test_an_email_arrives_in_the_readers_language_with_the_reason(bell: Bell) -> None:
    bell.channel("email")
    bell.prefer(1, "email", language="en")
    bell.tell(person(1), title=Text("notifications.absence.requested", {"name": "李工"}))
    assert bell.run() == 1
    [(to, content)] = bell.mail.mails
    assert to == ["u1@zone.test"]
    assert "X-ParkSight-Key: " in content
    assert "It is meant for you personally" in content
    assert bell.deliveries() == [("email", "sent", None)]
    [item] = bell.inbox(1)
    assert item["title"] == "李工 asks you to act for them"
    assert item["deliveries"][0]["state"] == "sent"


def test_a_refused_address_is_not_tried_again_and_the_next_channel_is(bell: Bell) -> None:
    bell.channel("email")
    bell.channel("sms", {"secret": "s3"})
    bell.prefer(1, "email", "sms")
    bell.mail.refuse["u1@zone.test"] = "550 no such user"
    bell.tell(person(1))
    bell.run()
    assert bell.deliveries() == [("email", "failed", "refused"), ("sms", "sent", None)]
    [sent] = bell.sent_json()
    assert sent == {"to": "13800000001", "text": "园视测试消息", "id": sent["id"], "s": "s3"}


def test_a_busy_server_is_tried_again_later_and_later(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    bell.web.answer = lambda path: (503, b"")
    bell.tell(person(1))
    tried = []
    for wait in (0, 29, 1, 59, 1, 119, 1, 239, 1):
        bell.clock.advance(wait)
        tried.append(bell.run())
    assert tried == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert bell.deliveries() == [("sms", "failed", "refused")]
    keys = {headers["idempotency-key"] for _path, headers, _body in bell.web.asked}
    assert len(keys) == 1
    with bell.db.read() as session:
        assert len(bell.call("GET", "deliveries/1/attempts")) == 5
        assert session is not None


@pytest.mark.parametrize(
    ("kind", "secrets", "path"),
    [("wecom", {"token": "tk"}, "/cgi-bin/webhook/send?key=tk"), ("dingtalk", {"token": "tk", "sign": "SEC"}, "/robot/send?access_token=tk"),
     ("feishu", {"token": "tk", "sign": "SEC"}, "/open-apis/bot/v2/hook/tk")],
)  # fmt: skip
def test_group_robots_get_one_message_for_their_post(
    bell: Bell, kind: str, secrets: dict[str, str], path: str
) -> None:
    bell.channel(kind, secrets, posts=["WATCH"], language="en")
    bell.tell(post("WATCH"))
    bell.tell(post("CHIEF"))
    assert bell.run() == 1
    [(asked, _headers, body)] = bell.web.asked
    assert asked.startswith(path)
    assert "ParkSight test message" in body.decode()
    if kind == "dingtalk":
        assert "sign=" in asked
    if kind == "feishu":
        assert len(base64.b64decode(json.loads(body)["sign"])) == 32


@pytest.mark.parametrize("answer", [b'{"errcode": 93000, "errmsg": "invalid webhook url"}', b"<html>"])
def test_a_robot_that_refuses_politely_has_not_delivered(bell: Bell, answer: bytes) -> None:
    """WeCom and DingTalk say no with HTTP 200."""
    channel = bell.channel("wecom", {"token": "tk"})
    bell.web.answer = lambda path: (200, answer)
    bell.tell(post("WATCH"))
    bell.run()
    assert bell.deliveries()[0][1] != "sent"
    tested = bell.call("POST", f"channels/{channel}/test")
    assert not tested["ok"]
    assert "tk" not in tested["detail"]


def test_any_other_service_goes_through_apprise(bell: Bell) -> None:
    bell.channel("relay", {"url": f"json://127.0.0.1:{bell.web.port}/hook"}, language="en")
    bell.tell(post("WATCH"))
    bell.run()
    assert bell.sent_json()[0]["title"] == "ParkSight test message"


def browser(
    bell: Bell, who: int = 1, path: str = "/push/1"
) -> tuple[ec.EllipticCurvePrivateKey, bytes, dict]:
    key, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    from cryptography.hazmat.primitives import serialization

    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    body = {"endpoint": bell.web.url + path, "keys": {"p256dh": encode(point), "auth": encode(auth)}}
    return key, auth, body


def test_browser_push_is_encrypted_for_the_browser_and_signed(bell: Bell) -> None:
    assert bell.call("GET", "push/key", 1)["key"] is None
    bell.channel("web_push")
    public = bell.call("GET", "push/key", 1)["key"]
    key, auth, body = browser(bell)
    bell.call("POST", "push/subscriptions", 1, 201, json=body)
    bell.web.answer = lambda path: (201, b"")
    bell.tell(person(1), page="/alarms/7")
    assert bell.run() == 1
    [(path, headers, sealed)] = bell.web.asked
    assert path == "/push/1"
    plain = json.loads(http_ece.decrypt(sealed, private_key=key, auth_secret=auth, version="aes128gcm"))
    assert (plain["page"], plain["priority"]) == ("/alarms/7", 2), "what sw.js reads"
    scheme, _, rest = headers["authorization"].partition(" ")
    token, shown = (part.strip().partition("=")[2] for part in rest.split(",", 1))
    assert (scheme, shown) == ("vapid", public)
    point = decode(public)
    jwk = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])})
    claims = jwt.decode(token, jwk).claims
    assert claims["aud"] == bell.web.url
    assert 0 < claims["exp"] - bell.clock.now_ms() // 1000 <= 24 * 3600


def test_a_browser_that_is_gone_is_forgotten(bell: Bell) -> None:
    bell.channel("web_push")
    bell.call("POST", "push/subscriptions", 1, 201, json=browser(bell)[2])
    bell.web.answer = lambda path: (410, b"")
    bell.tell(person(1))
    bell.run()
    assert bell.call("GET", "push/subscriptions", 1) == []
    assert bell.deliveries()[0] == ("web_push", "failed", "gone")


def test_subscriptions_of_strange_hosts_and_shapes_are_refused(bell: Bell) -> None:
    bell.channel("web_push")
    body = browser(bell)[2]
    other = {**body, "endpoint": "https://push.elsewhere.test/x"}
    assert (
        bell.call("POST", "push/subscriptions", 1, 422, json=other)["code"]
        == "notifications.host_not_allowed"
    )
    wrong = {**body, "keys": {**body["keys"], "p256dh": "A" * 87}}
    assert (
        bell.call("POST", "push/subscriptions", 1, 422, json=wrong)["code"] == "notifications.push.unusable"
    )


def test_without_a_list_nothing_leaves_the_house(tmp_path: Path) -> None:
    bell = Bell(tmp_path, hosts=())
    try:
        for kind, secrets in (("email", None), ("sms", None), ("wecom", {"token": "t"})):
            bell.channel(kind, secrets)
        bell.prefer(1, "email", "sms")
        bell.tell(person(1), post("WATCH"))
        bell.run()
        assert [d for d in bell.deliveries() if d[1] == "sent"] == []
        assert {d[2] for d in bell.deliveries()} == {"host_not_allowed"}
        assert bell.web.asked == []
        assert bell.mail.mails == []
        assert {c["host_allowed"] for c in bell.call("GET", "channels")} == {False}
        assert len(bell.inbox(1)) == 1
    finally:
        bell.close()


def test_redirects_are_not_followed(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    bell.web.answer = lambda path: (302, b"")
    bell.tell(person(1))
    bell.run()
    assert [path for path, _h, _b in bell.web.asked] == ["/sms"]
    assert bell.deliveries()[0][1:] == ("failed", "refused")


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [("sms.zone.test", 443, True), ("SMS.zone.test.", 443, True), ("evil.test", 443, False), ("a.push.test", 443, True),
     ("push.test", 443, False), ("xpush.test", 443, False), ("one.test", 8443, True), ("one.test", 443, False)],
)  # fmt: skip
def test_hosts(host: str, port: int, allowed: bool) -> None:
    assert host_allowed(("sms.zone.test", "*.push.test", "one.test:8443"), host, port) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ok.test/",
        "https://ok.test@evil.test/",
        "https://ok.test:x/",
        "https:///x",
        "https://evil.test/ok.test",
    ],
)
def test_addresses_that_pretend(url: str) -> None:
    assert not url_allowed(("ok.test",), url)


def test_placeholders_cannot_break_out() -> None:
    values = {"phone": "1", "text": '","to":"x {secret}', "key": "k", "secret": "hidden"}
    filled = fill('{"text": "{text}"}', values, lambda v: json.dumps(v)[1:-1])
    assert json.loads(filled) == {"text": values["text"]}


def test_secrets_are_sealed_and_never_shown(bell: Bell) -> None:
    channel = bell.channel("sms", {"secret": "very-secret-9"})
    with bell.db.read() as session:
        row = session.get(Channel, channel)
        assert row is not None
        assert "very-secret-9" not in str(row.secret)
    shown = json.dumps(bell.call("GET", "channels"))
    assert "very-secret-9" not in shown
    assert '"secret"' in shown


def test_a_secret_does_not_follow_to_another_server(bell: Bell) -> None:
    channel = bell.channel("sms", {"secret": "very-secret-9"})
    row = bell.call("GET", "channels")[0]
    config = {**row["config"], "url": "https://evil.test/"}
    refused = bell.call("PATCH", f"channels/{channel}", status=422, json={"version": 1, "config": config})
    assert refused["code"] == "notifications.channel.secret_again"
    bell.call("PATCH", f"channels/{channel}", json={"version": 1, "rank": 5})
    bell.call("PATCH", f"channels/{channel}", status=409, json={"version": 1, "rank": 6})


def test_the_test_button_says_what_is_wrong(bell: Bell) -> None:
    channel = bell.channel("email")
    assert bell.call("POST", f"channels/{channel}/test")["ok"]
    assert bell.mail.mails[0][0] == ["u8@zone.test"]
    bell.mail.close()
    found = bell.call("POST", f"channels/{channel}/test")
    assert (found["ok"], found["reason"]) == (False, "unreachable")
    assert found["text"] == "the server cannot be reached"


def test_only_administrators_have_channels(bell: Bell) -> None:
    for who in (1, 9):
        bell.call("GET", "channels", who, 403)
        bell.call("GET", "deliveries", who, 403)
        bell.call("GET", "status", who, 403)
