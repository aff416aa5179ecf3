"""What the watchdog sees: store, supervisord, probes, REST and this machine, as facts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from funding import errors
from funding.health import checks, verdict
from funding.model.feed import Feed, StoredQuote
from funding.runtime import process
from funding.runtime.clock import Clock
from funding.settings.service import Settings
from funding.store.reader import Reader
from funding.watchdog import probe
from funding.watchdog.supervisor import SupervisorClient


class FactsCollector:
    """Gathers the facts of a moment. For one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        reader: Reader,
        control: SupervisorClient,
        clock: Clock,
        comparing: Callable[[], checks.LastComparison | None],
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._control = control
        self._clock = clock
        self._comparing = comparing
        self._limits = verdict.Limits(settings.stale_after, settings.min_symbols)
        self._sockets = settings.supervisor.parent
        self._offset = clock.wall() - clock.uptime()

    def look(self) -> checks.Facts:
        """The facts of this moment. Never raises for what may be broken: that is a fact."""
        settings = self._settings
        processes, problem = self._processes()
        probes = self._probe(processes or ())
        api = probe.port(settings.api_host, settings.api_port)
        # After the probes, each of which may take seconds: so what is decided upon is young. And
        # the store first: a process that begins between the two is young, not silent.
        facts = self._look_at_store(checks.Facts(self._limits))
        if processes is not None:
            processes, problem = self._processes()
        wall, uptime = self._clock.wall(), self._clock.uptime()
        step, self._offset = wall - uptime - self._offset, wall - uptime
        comparing = self._comparing()
        return replace(
            facts,
            processes=processes,
            control_problem=problem,
            probes=probes,
            api=api,
            comparing=comparing,
            compared_ago=uptime - comparing.uptime if comparing is not None else 0.0,
            wal_bytes=process.file_bytes(Path(f"{settings.db}-wal")),
            disk_free_bytes=process.disk_free_bytes(settings.db.parent),
            clock_step=step,
        )

    def _look_at_store(self, facts: checks.Facts) -> checks.Facts:
        feed: Feed | None = None
        readings: list[StoredQuote] = []
        problem = ""
        # Before reading: were this process held up between the two, all would look older.
        wall, uptime, boot = self._clock.wall(), self._clock.uptime(), self._clock.boot
        try:
            # Anew each time: a connection with its pages in memory does not see what has become
            # of the file.
            self._reader.close()
            feed, readings = self._reader.feed(), self._reader.all()
        except errors.StoreMissing:
            pass
        except errors.StoreError as error:
            problem = str(error)
        last = None
        if feed is not None and feed.last_frame_at is not None:
            last = max(0.0, wall - feed.last_frame_at)
            if feed.boot_id == boot and feed.last_frame_uptime is not None:
                last = uptime - feed.last_frame_uptime
        return replace(
            facts,
            feed=feed,
            heartbeat=None if feed is None else verdict.heartbeat_age(feed, wall, uptime, boot),
            last_frame=last,
            ages={reading.symbol: reading.age_seconds for reading in readings},
            without_rate=[
                reading.symbol
                for reading in readings
                if reading.next_funding_time is not None and reading.funding_rate is None
            ],
            store_problem=problem,
        )

    def _processes(self) -> tuple[list[checks.Process] | None, str]:
        """All programs; None and the reason where supervisord does not answer."""
        uptime = self._clock.uptime()
        try:
            seen = self._control.processes()
        except errors.SupervisorError as error:
            return None, str(error)
        return [
            each._replace(
                age_seconds=process.age_seconds(each.pid, uptime) if each.pid else 0.0,
                memory_bytes=process.memory_bytes(each.pid) if each.pid else 0,
            )
            for each in seen
        ], ""

    def _probe(self, processes: Sequence[checks.Process]) -> dict[str, checks.Probe]:
        """Whether each API process answers: the shared port says nothing of one of two."""
        host, port, probes = self._settings.api_host, self._settings.api_port, {}
        for each in processes:
            path = self._sockets / f"{each.name.partition(':')[2]}.sock"
            if each.name.startswith(checks.API) and each.state == "RUNNING" and path.exists():
                probes[each.name] = probe.unix(path, host, port)
        return probes
