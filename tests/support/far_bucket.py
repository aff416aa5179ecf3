"""The far end of claims: a bucket that answers as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from funding.errors import NatsError
from funding.nats.connection import Put
from funding.nats.places import Bucket, Entry, Stream


@dataclass
class FarBucket:
    """The far end: what it answers, and what it was asked."""

    answers: list[int | NatsError] | NatsError = field(default_factory=list)
    there: Entry | NatsError | None = None
    ensures: NatsError | None = None
    connected: bool = True
    connections: int = 1
    puts: list[Put] = field(default_factory=list)
    ensured: int = 0

    def ensure(self, place: Bucket | Stream, seconds: float) -> None:
        self.ensured += 1
        if self.ensures:
            raise self.ensures

    def get(self, bucket: Bucket, key: str, seconds: float) -> Entry | None:
        if isinstance(self.there, NatsError):
            raise self.there
        return self.there

    def put_many(
        self, bucket: Bucket, puts: Sequence[Put], seconds: float
    ) -> list[int | NatsError]:
        self.puts += puts
        if isinstance(self.answers, NatsError):
            raise self.answers
        return self.answers
