"""Recordings: any bytes in the file."""

import gzip
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from harness.fuzz.damaged_input import cut
from harness.sim.recording import RecordingError, read
from harness.sim.replay import Replay

MESSAGES = (b"{}", b"", b"\xff\n\x00", b"x" * 9_000)
GOOD = b"recording 1 ws://test.invalid\n" + b"".join(
    b"%d %d\n%b\n" % (1_790_000_000 * 10**9 + number, len(data), data)
    for number, data in enumerate(MESSAGES)
)
_lines = st.sampled_from(
    (
        *(
            b"1 1\nx\n",
            b"1 67108865\n",
            b"1 -1\n",
            b"9" * 5_000 + b" 1\n",
            b"1 1 1\n",
            b"\n",
            b"1 ",
        ),
        *("١ ١\nx\n".encode(), b"1 67108864\nx\n", b"0 0\n\n", "² 1\n".encode()),
    )
)
_text = st.one_of(
    cut(GOOD),
    st.lists(_lines, max_size=4).map(lambda lines: GOOD + b"".join(lines)),
    st.binary(max_size=100),
)
recordings = st.one_of(
    _text.map(lambda text: gzip.compress(text, 1)),
    _text.map(lambda text: gzip.compress(text, 1)).flatmap(cut),
    _text,
    _text.map(lambda text: gzip.compress(GOOD, 1) + gzip.compress(text, 1)),
)


@contextmanager
def world() -> Iterator[Callable[[bytes], None]]:
    """A file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.recording.gz"

        def check(data: bytes) -> None:
            path.write_bytes(data)
            try:
                found = list(read(path))
                assert found == list(Replay([path], speed=1).records())
            except RecordingError as error:
                str(error).encode()
                return
            whole = [record for record in found if record.payload in MESSAGES]
            assert len(whole) == len(found) or data != gzip.compress(GOOD, 1)

        yield check
