"""Posts sent without the outbox, for what must be told while the database cannot be written."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from funding import errors
from funding.model.alert import Post
from funding.notify.backend import BackendClient
from funding.notify.targets import Target
from funding.store.outbox import Due

log = logging.getLogger("alerts")

ATTEMPTS = 5
PAUSE_SECONDS = 20.0


class DirectSender:
    """Sends to `targets`, each call in a thread of its own: a target that hangs is in no one's
    way. What it does not take in ATTEMPTS attempts is lost."""

    def __init__(
        self,
        targets: Sequence[Target],
        backend: Callable[[], BackendClient],
        *,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._targets = {target.name.value: target for target in targets}
        self._backend = backend
        self._pause = pause

    def send(self, posts: Sequence[Post]) -> None:
        """Begin to send `posts`."""
        threading.Thread(target=self.attempt, args=(posts,), name="direct", daemon=True).start()

    def attempt(self, posts: Sequence[Post]) -> None:
        """Send `posts`, with pauses between the attempts."""
        with closing(self._backend()) as backend:
            for number in range(ATTEMPTS):
                if number:
                    self._pause(PAUSE_SECONDS)
                posts = [post for post in posts if not self._accepted(backend, post)]
                if not posts:
                    return
        log.error("%d alerts are lost: no target took them", len(posts))

    def _accepted(self, backend: BackendClient, post: Post) -> bool:
        due = Due(0, post.path, post.idempotency_key, post.body, 1, 0.0)
        try:
            status = backend.post(*self._targets[post.target].request(due)).status
        except errors.PostError as error:
            log.warning("%s: %s; retrying", post.target, error)
            return False
        if not 200 <= status < 300:
            log.warning("%s: status %d; retrying", post.target, status)
        return 200 <= status < 300
