"""What deploy/install.sh asks about an installation. It gives this text to the Python of a release,
in that release's folder, as the service's user: the modules and the settings are that release's.

python - database            the path of the database
python - migrates            "yes" where this release would bring the database to another version
python - health SINCE        what the API says; exit 0 if healthy, by a connection made since then
"""

import http.client
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from funding.settings import service
from funding.store import upgrades


def migrates(database: Path) -> bool:
    """Whether there is a database of another version than this release's."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version not in (0, upgrades.VERSION)


def health(host: str, port: int, exchange: str, since: float) -> str:
    """What the API says; ends the process with that where it is not healthy, or was not
    connected at `since` Unix seconds or later: an API may answer with what another ingest left."""
    url = f"http://{host}:{port}/funding/health?exchange={exchange}"
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            connection.request("GET", f"/funding/health?exchange={exchange}")
            text = connection.getresponse().read().decode()
        found = json.loads(text)
        if found["status"] == "healthy" and (found["lastConnectedTime"] or 0) >= since:
            return f"{url}: {text}"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        text = f"{type(error).__name__}: {error}"
    raise SystemExit(f"{url}: {text}")


if __name__ == "__main__":
    settings, what = service.load()[0], sys.argv[1]
    if what == "database":
        print(settings.db)
    elif what == "migrates":
        print("yes" if migrates(settings.db) else "no")
    elif what == "health":
        arguments = settings.api_host, settings.api_port, settings.first
        print(health(*arguments, since=float(sys.argv[2])))
