"""Messages about settings: no password shows in them, whatever shape it was put in, and what is none stays readable."""

import json
from typing import Any

import pytest

from components.settings.mistakes import quoted
from tests.unit.test_settings import mistakes_in, standby_with

WORD = "hunter2"
URL = f"http://me:{WORD}@proxy.example.com:3128"
SHAPES: dict[str, dict[str, Any]] = {
    "the name of the variable": {"pods": {"proxy": {"HTTP_PROXY": URL}}},
    "another spelling": {"pods": {"proxy": {"http_proxy": URL}}},
    "a section too high": {"pods": {"httpProxy": URL}},
    "at the top": {"httpProxy": URL},
    "a list": {"pods": {"proxy": {"httpProxy": [URL]}}},
    "a map": {"pods": {"proxy": {"httpsProxy": {"url": URL, "port": 3128}}}},
    "a list in a map": {"pods": {"proxy": {"httpsProxy": {"urls": ["http://other.example.com", URL]}}}},
    "a key": {"pods": {"proxy": {URL: ""}}},
    "a key below a value": {"pods": {"proxy": {"httpProxy": {URL: "x"}}}},
    "a key of a map of one's own": {"labels": {URL: "x"}},
    "the list of exceptions": {"pods": {"proxy": {"noProxy": URL}}},
    "another list": {"pods": {"imagePullSecrets": [URL]}},
    "a user and a password of their own": {"pods": {"proxy": {"user": "me", "password": WORD}}},
    "a map with them": {"pods": {"proxy": {"httpProxy": {"user": "me", "passwd": WORD}}}},
    "a token of one's own": {"vault": {"address": "https://vault.example.com", "token": WORD}},
    "the address of Vault": {"vault": {"address": f"https://me:{WORD}@vault.example.com"}},
    "the address of the API server": {"cluster": {"context": "b", "apiServer": f"https://{WORD}@api.example.com"}},
    "an object store": {"postgres": {"backup": {"destinationPath": "s3://b", "endpointUrl": f"https://a:{WORD}@s3"}}},
    "a host": {"services": {"exports": {"orders": {"host": f"me:{WORD}@orders.example.com", "port": 80}}}},
    "a mirror": {"images": {"registry": f"https://me:{WORD}@mirror.example.com"}},
    "an image": {"images": {"claim": f"https://me:{WORD}@mirror.example.com/cli:1"}},
}
TEXTS = [
    URL,
    f"http://{WORD}@proxy",
    f"http://:{WORD}@proxy",
    f"me:{WORD}@proxy:3128",
    f"//me:{WORD}@proxy",
    f"http:/me:{WORD}@proxy",
    f"HTTP://me:{WORD}@proxy",
    f"http://me:a/{WORD}@proxy",
    f"http://me:a@{WORD}@proxy",
    f"me:a@{WORD}@proxy",
    f"me@example.com:{WORD}@proxy",
    f"http://me:a {WORD}@proxy",
    f"http://me:a#{WORD}?@proxy",
    f"httpProxy=http://me:{WORD}@proxy",
    f"use http://me:{WORD}@proxy or socks5://me:{WORD}@proxy",
    f'{{"httpProxy": "http://me:{WORD}@proxy"',
    f"http://me:{WORD}@proxy" + "/x" * 300,
    "http://me:" + "x" * 300 + f"{WORD}@proxy",
]


@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES)
def test_no_shape_of_a_password_shows(settings: dict[str, Any]) -> None:
    text = mistakes_in(standby_with(**settings))
    assert WORD not in text
    assert "[secret]" in text


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("around", [lambda text: text, lambda text: [text], lambda text: {text: {"a": [text]}}])
def test_no_url_shows_what_stands_before_its_host(text: str, around: Any) -> None:
    assert WORD not in quoted(around(text))
    assert "[secret]@proxy" in quoted(around(text))


@pytest.mark.parametrize(
    "value",
    [
        "https://proxy.example.com:3128/path?a=b",
        "payments@example.com",
        "registry.example.com:5000/team/cli@sha256:" + "0" * 64,
        "registry.example.com:5000/team/cli:1.2@sha256:" + "0" * 64,
        "docker://registry.example.com/team/cli@sha256:" + "0" * 64,
        "admin/api-site-b-example-com:6443/kube:admin",
        "user@cluster",
        "host all all 10.0.0.0/24 scram-sha-256",
        "SELECT 'a:b' -- nobody's @ sign",
        ["a", 1, None, True, 2.5, {"host": "orders", "port": 8080}],
        {"manageToken": False, "secretName": "s3", "tokens": 3},
    ],
)
def test_what_is_no_password_stays_readable(value: Any) -> None:
    assert quoted(value) == json.dumps(value)


def test_a_misspelt_key_is_still_told_its_value_and_its_right_name() -> None:
    text = mistakes_in(standby_with(pods={"proxy": {"htpProxy": "http://proxy.example.com:3128"}}))
    shown = 'rhsi:pods.proxy.htpProxy is "http://proxy.example.com:3128": there is no such key; rename it to httpProxy'
    assert shown in text


def test_of_a_url_everything_but_the_user_shows() -> None:
    text = mistakes_in(standby_with(pods={"proxy": {"HTTP_PROXY": URL}}))
    assert 'rhsi:pods.proxy.HTTP_PROXY is "http://[secret]@proxy.example.com:3128"' in text
