"""Settings: any text in the environment and in the file of secrets."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import strategies as st

from funding.errors import SettingError
from funding.runtime.logs import printable
from funding.settings import consumers, machines, service
from funding.settings.environment import read_file
from harness.fuzz.damaged_input import NUMBERS, TEXTS, cut

TABLE = (*service.TABLE, *consumers.TABLE, *machines.TABLE)
NAMES = [setting.name for setting in TABLE]
HIDDEN = {
    name for name in NAMES if name.startswith(("VOLSPIKE", "TELEGRAM", "CHAT", "FUNDING_NATS_URL"))
}
SECRET = "hunter2hunter2"
_URLS = (
    *("http://", "wss://a:b@c", "http://[::1", "http://a:99999", "http://a:x", "https://é.example"),
    *("ws://fstream.example/market/stream?streams=!markPrice@arr@1s", "http://%00", "http://a b"),
    *("http://a/\n", "//a", "HTTP://A", "http://a:0", f"http://{SECRET}@a", f"http:/{SECRET}@a"),
    *(f"nats://a:{SECRET}@b", f"tls://{SECRET}@a,nats://b:x", f"nats://u:{SECRET}@b,c"),
    *(
        "http://\u2100.example",
        "http://a\u202e",
        f"https://user:{SECRET}@a/",
        "http://" + "a" * 300,
    ),
)
_texts = st.one_of(
    st.sampled_from((*NUMBERS, *TEXTS, *_URLS, SECRET, "127.0.0.1", "127.1", "::1", "0", "1")),
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.sampled_from([setting.default for setting in TABLE]),
    st.sampled_from([s.default.encode() for s in TABLE])
    .flatmap(cut)
    .map(lambda data: data.decode("utf-8", "surrogateescape")),
)
_names = st.one_of(
    st.sampled_from(NAMES), st.sampled_from(("FUNDING_", "FUNDING_X", "funding_db", "FUNDING_DB "))
)
_good = [f"{s.name}={s.default}".encode() for s in TABLE]
_files = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(_good), max_size=5).map(b"\n".join).flatmap(cut),
    st.lists(st.tuples(_names, _texts), max_size=4).map(
        lambda rows: "\r\n".join(f"export {name} = '{text}'" for name, text in rows).encode(
            "utf-8", "surrogatepass"
        )
    ),
)
environments = st.tuples(st.dictionaries(_names, _texts, max_size=5), _files)
Case = tuple[dict[str, str], bytes]


@contextmanager
def world() -> Iterator[Callable[[Case], None]]:
    """A file that is ours alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "consumers.env"
        path.touch(0o600)

        def check(case: Case) -> None:
            environ, data = case
            _check_ours(environ)
            _check_theirs(environ)
            _check_machines(environ)
            path.write_bytes(data)
            try:
                found, _ = read_file(path)
            except SettingError as error:
                _check_file_error(error)
                return
            _check_theirs(found)

        yield check


def _check_file_error(error: SettingError) -> None:
    assert error.name == "FUNDING_ENV_FILE"
    assert SECRET not in str(error)


def _check_ours(environ: dict[str, str]) -> None:
    try:
        found, unknown = service.read(environ)
    except SettingError as error:
        _check_error(error, environ)
        return
    assert set(unknown) <= environ.keys() - set(NAMES)
    for address in (found.ws_url, found.rest_url):
        parts = urlsplit(address)
        assert parts.hostname
        assert SECRET not in address or SECRET not in parts.netloc
    assert 1 <= found.api_port <= 65_535
    assert found.rotate_after > found.stall_after > 0
    assert found.db.is_absolute()
    assert found.backoff_max <= 3_600


def _check_machines(environ: dict[str, str]) -> None:
    try:
        found = machines.read(environ)
    except SettingError as error:
        _check_error(error, environ)
        return
    assert SECRET not in repr(found)
    assert SECRET not in repr(found.servers)
    assert all(address.host for address in found.servers)
    assert found.nats_replicas in (1, 3, 5)


def _check_theirs(environ: dict[str, str]) -> None:
    try:
        found = consumers.read(environ)
    except SettingError as error:
        _check_error(error, environ)
        return
    assert SECRET not in repr(found)
    assert found.oi_min_interval_sec <= found.oi_max_interval_sec


def _check_error(error: SettingError, environ: dict[str, str]) -> None:
    """One line that can be printed, names the setting and its value, and tells no secret."""
    assert error.name in NAMES
    assert error.expected
    shown = printable(str(error))
    assert "\n" not in shown
    assert len(shown) < 2_000
    shown.encode()
    assert shown.startswith(f"{error.name}=")
    if SECRET in shown:  # only where nothing says that it is one
        assert error.name not in HIDDEN
        assert "@" not in environ[error.name] or not error.name.endswith("_URL")
