"""Group robots of WeCom, DingTalk and Feishu.

Not through Apprise: these services answer HTTP 200 with an error code when they refuse, which Apprise 2.3 counts as
delivered for WeCom and DingTalk, and it does not sign for Feishu. A notice that was refused must be seen as refused.

Sources: WeCom group robot (developer.work.weixin.qq.com/document/path/91770), DingTalk custom robot
(open.dingtalk.com/document/robots/custom-robot-access), Feishu custom bot
(open.feishu.cn/document/client-docs/bot-v3/add-custom-bot).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from parksight.notifications.channels.base import Message, Outcome, Setup, call

SERVERS = {
    "wecom": "https://qyapi.weixin.qq.com",
    "dingtalk": "https://oapi.dingtalk.com",
    "feishu": "https://open.feishu.cn",
}
#: Longest text of each service, bytes of UTF-8 (WeCom 2,048; DingTalk and Feishu 20,000).
_LONGEST = {"wecom": 2_048, "dingtalk": 20_000, "feishu": 20_000}
#: Codes that say "too fast": WeCom 45009, DingTalk 130101 and 410100, Feishu 9499 and 11232.
_TOO_FAST = {45009, 130101, 410100, 9499, 11232}


def send(setup: Setup, message: Message) -> Outcome:
    """``config``: server (for private deployments); ``secrets``: token, and sign where the robot demands it."""
    server = str(setup.config.get("server") or SERVERS[setup.kind]).rstrip("/")
    token, sign = setup.secrets.get("token", ""), setup.secrets.get("sign", "")
    text = message.whole.encode()[: _LONGEST[setup.kind]].decode(errors="ignore")
    params: dict[str, str] = {}
    body: dict[str, Any]
    if setup.kind == "feishu":
        path = f"/open-apis/bot/v2/hook/{token}"
        body = {"msg_type": "text", "content": {"text": text}}
        if sign:
            body |= {"timestamp": str(setup.now_s), "sign": _digest(f"{setup.now_s}\n{sign}", "")}
    else:
        body = {"msgtype": "text", "text": {"content": text}}
        if setup.kind == "wecom":
            path, params = "/cgi-bin/webhook/send", {"key": token}
        else:
            path, params = "/robot/send", {"access_token": token}
            if sign:
                stamp = str(setup.now_s * 1000)
                params |= {"timestamp": stamp, "sign": _digest(sign, f"{stamp}\n{sign}")}
    answer = call(
        setup, "POST", server + path, params=params, json=body, headers={"Idempotency-Key": message.key}
    )
    if isinstance(answer, Outcome):
        return answer
    try:
        found = answer.json()
        code = int(found.get("errcode", found.get("code", found.get("StatusCode", -1))))
    except (ValueError, TypeError, AttributeError):
        return Outcome(False, "unreadable_answer")
    if code == 0:
        return Outcome(True)
    detail = f"{code} {found.get('errmsg') or found.get('msg') or ''}"[:300]
    return Outcome(False, "refused", detail, again=code in _TOO_FAST)


def _digest(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
