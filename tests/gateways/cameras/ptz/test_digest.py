"""Digest against the vectors of RFC 7616, section 3.9.1 (and RFC 2069 style, without qop)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras.ptz.digest import authorization, choose, response

_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def _answer(algorithm: str) -> str:
    return response(
        algorithm, "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html", _NONCE,
        qop="auth", cnonce=_CNONCE, count="00000001",
    )  # fmt: skip


def test_vectors() -> None:
    assert _answer("MD5") == "8ca523f5e9506fed4657c9700eebdbec"
    assert _answer("SHA-256") == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    old = response(
        "MD5", "Mufasa", "testrealm@host.com", "CircleOfLife", "GET", "/dir/index.html",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=None,
    )  # fmt: skip
    assert old == "1949323746fe6a43ef61f9606e7febea"


def test_the_strongest_challenge_is_taken() -> None:
    found = choose(
        [
            'Basic realm="c"',
            'Digest realm="c", nonce="n1", qop="auth,auth-int", algorithm=MD5, Digest nonce="n2", algorithm=SHA-256',
        ]
    )
    assert found is not None
    assert (found.scheme, found.params["nonce"]) == ("digest", "n2")
    assert choose(['Digest realm="c", nonce="n", qop="auth-int"']) is None
    assert choose(["Negotiate"]) is None


def test_the_nonce_is_counted() -> None:
    found = choose(['Digest realm="a \\"b\\"", nonce="n", qop="auth", opaque="o"'])
    assert found is not None
    first, second = (authorization(found, "u", "p", "GET", "/") for _ in range(2))
    assert "nc=00000001" in first
    assert "nc=00000002" in second
    assert 'realm="a \\"b\\""' in first


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_header(headers: list[str]) -> None:
    found = choose(headers)
    if found is not None:
        line = authorization(found, "u\r\nX: y", "p", "GET", "/")
        assert found.scheme == "basic" or "\r" not in line
