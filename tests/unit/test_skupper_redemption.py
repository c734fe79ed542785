"""Both halves of the redemption protocol, against each other and against strangers, over real TLS."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from lab.stand_ins.skupper import pki
from lab.stand_ins.skupper.grant_server import GrantServer
from lab.stand_ins.skupper.grants import Answer
from lab.stand_ins.skupper.redemption import RedemptionError, post

AUTHORITY = pki.issue("an authority", [], ca=None)
SERVER = pki.issue("a server", ["127.0.0.1", "localhost"], AUTHORITY)
CA = AUTHORITY.crt.decode()


class Recorder:
    """Stands in for the grants: records what it is asked, answers what it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, str, str]] = []
        self.answer = Answer(200, "---\nkind: Secret\n")

    def __call__(self, uid: str, body: bytes, name: str, subject: str) -> Answer:
        self.asked.append((uid, body, name, subject))
        return self.answer


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def server(recorder: Recorder) -> Iterator[GrantServer]:
    server = GrantServer("127.0.0.1", 0, recorder)
    server.use(SERVER)
    server.start()
    yield server
    server.shutdown()
    server.server_close()


def url(server: GrantServer, path: str = "u-1") -> str:
    return f"https://127.0.0.1:{server.port}/{path}"


def connect(server: GrantServer) -> http.client.HTTPSConnection:
    trust = ssl.create_default_context(cadata=CA)
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=5)


def test_a_code_is_exchanged_for_what_was_granted(server: GrantServer, recorder: Recorder) -> None:
    body = post(url(server), "the code", CA, name="standby", subject="site-uid")
    assert body == b"---\nkind: Secret\n"
    assert recorder.asked == [("u-1", b"the code", "standby", "site-uid")]


@pytest.mark.parametrize("path", ["/u-1", "//u-1/", "/u/-1", "/u-1?x=y"])
def test_slashes_in_the_path_mean_nothing(server: GrantServer, recorder: Recorder, path: str) -> None:
    connection = connect(server)
    connection.request("POST", path, b"code")
    assert connection.getresponse().status == 200
    assert recorder.asked[0] == ("u-1", b"code", "", "")
    connection.close()


def test_a_chunked_body_is_put_together(server: GrantServer, recorder: Recorder) -> None:
    connection = connect(server)
    connection.request("POST", "/u-1", iter([b"the ", b"code"]), encode_chunked=True)
    assert connection.getresponse().status == 200
    assert recorder.asked[0][1] == b"the code"
    connection.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_only_post_is_supported(server: GrantServer, recorder: Recorder, method: str) -> None:
    connection = connect(server)
    connection.request(method, "/u-1")
    response = connection.getresponse()
    assert (response.status, response.read()) == (405, b"Only POST is supported\n")
    assert recorder.asked == []
    connection.close()


def test_an_error_looks_as_gos_do(server: GrantServer, recorder: Recorder) -> None:
    recorder.answer = Answer(403, "Redemption of access token refused")
    connection = connect(server)
    connection.request("POST", "/u-1", b"wrong")
    response = connection.getresponse()
    assert response.status == 403
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Server"] is None
    assert response.read() == b"Redemption of access token refused\n"
    connection.close()


@pytest.mark.parametrize("length", ["nonsense", "-1", "99999999999"])
def test_a_body_of_no_sensible_length_is_not_valid(server: GrantServer, recorder: Recorder, length: str) -> None:
    connection = connect(server)
    connection.request("POST", "/u-1", headers={"Content-Length": length})
    response = connection.getresponse()
    assert (response.status, response.read()) == (400, b"Request body not valid\n")
    connection.close()
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(404, "No such claim"), "404 (Not Found) No such claim"),
        (Answer(403, "Redemption of access token refused"), "403 (Forbidden) Redemption of access token refused"),
        (Answer(500, "Corrupted claim"), "500 (Internal Server Error) Corrupted claim"),
        (Answer(503, "Internal error"), "503 (Service Unavailable) Internal error"),
        (Answer(302, ""), "302 (Found) "),
    ],
)
def test_a_refusal_is_reported_with_status_and_text(
    server: GrantServer, recorder: Recorder, answer: Answer, message: str
) -> None:
    recorder.answer = answer
    with pytest.raises(RedemptionError) as raised:
        post(url(server), "code", CA, name="n", subject="s")
    assert str(raised.value) == f"Controller got failed response: {message}"


def test_older_tls_is_not_spoken(server: GrantServer) -> None:
    trust = ssl.create_default_context(cadata=CA)
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=5)
    with pytest.raises(ssl.SSLError):
        connection.request("POST", "/u-1", b"code")


def test_a_client_that_stalls_does_not_keep_others_out(server: GrantServer, recorder: Recorder) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5):
        post(url(server), "code", CA, name="n", subject="s")
    assert len(recorder.asked) == 1


def test_a_new_certificate_is_used_from_the_next_connection_on(server: GrantServer) -> None:
    authority = pki.issue("another authority", [], ca=None)
    server.use(pki.issue("a server", ["127.0.0.1"], authority))
    post(url(server), "code", authority.crt.decode(), name="n", subject="s")
    with pytest.raises(RedemptionError, match="unknown authority"):
        post(url(server), "code", CA, name="n", subject="s")


def refused(where: str, ca: str = CA) -> str:
    with pytest.raises(RedemptionError) as raised:
        post(where, "the code", ca, name="n", subject="s")
    assert "the code" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("http://h/u", "token url scheme must be https"),
        ("h/u", "token url scheme must be https"),
        (
            "https://h/u\n",
            'could not parse token url: parse "https://h/u\\n": net/url: invalid control character in URL',
        ),
        (
            "h:9090/u",
            "token url scheme must be https",
        ),
        (
            "127.0.0.1:9090/u",
            'could not parse token url: parse "127.0.0.1:9090/u": first path segment in URL cannot contain colon',
        ),
        (
            "https://h:abc/u",
            'could not parse token url: parse "https://h:abc/u": invalid port ":abc" after host',
        ),
        ("https:///u", 'Controller got error: Post "https:///u": http: no Host in request URL'),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_in_gos_words(where: str, message: str) -> None:
    assert refused(where) == message


@pytest.mark.parametrize("ca", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_ca_that_cannot_be_read_trusts_nobody(server: GrantServer, ca: str) -> None:
    text = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    assert refused(url(server), ca) == f'Controller got error: Post "{url(server)}": {text}'


def test_a_token_without_a_ca_is_not_posted(server: GrantServer, recorder: Recorder) -> None:
    assert refused(url(server), "") == "token does not have a CA"
    assert recorder.asked == []


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        where = f"https://127.0.0.1:{port}/u"
        text = f'Controller got error: Post "{where}": dial tcp 127.0.0.1:{port}: connect: connection refused'
        assert refused(where) == text


def test_a_server_without_tls_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]

        def answer() -> None:
            connection, _ = plain.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert refused(f"https://127.0.0.1:{port}/u").endswith("http: server gave HTTP response to HTTPS client")
        thread.join()
