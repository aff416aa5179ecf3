"""What deploy/install.sh asks about an installation. It gives this text to the Python of a release,
in that release's folder, as the service's user: the modules and the settings are that release's.

python - database            the path of the database
python - migrates            whether this release would bring the database to another version
python - healthy             the exchanges that are healthy now, in one line
python - health SINCE [EXCHANGE …]
                             what the API says of these exchanges, or of all that are followed; exit
                             0 if each is healthy, by a connection made since then
"""

import http.client
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from funding.settings import service
from funding.store import upgrades


def migrates(database: Path) -> str:
    """ "yes" where this release would bring the database to a newer version, "back" where that has
    one already that this release does not know, else "no"."""
    if not database.exists():
        return "no"
    with closing(sqlite3.connect(database)) as connection:
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError:  # ingest will set it aside
            return "no"
    if version in (0, upgrades.VERSION):
        return "no"
    return "yes" if version < upgrades.VERSION else "back"


def health(host: str, port: int, exchange: str, since: float = 0) -> tuple[bool, str]:
    """Whether `exchange` is healthy by a connection made at `since` Unix seconds or later, since an
    API may answer with what another ingest left; and what the API says."""
    url = f"http://{host}:{port}/funding/health?exchange={exchange}"
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            connection.request("GET", f"/funding/health?exchange={exchange}")
            text = connection.getresponse().read().decode()
        found = json.loads(text)
        good = found["status"] == "healthy" and (found["lastConnectedTime"] or 0) >= since
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        good, text = False, f"{type(error).__name__}: {error}"
    return good, f"{url}: {text}"


def main(what: str, *arguments: str) -> int:
    """Answer on stdout; exit 0 for yes."""
    settings = service.load()[0]
    address, followed = (settings.api_host, settings.api_port), settings.exchanges
    if what == "database":
        print(settings.db)
    elif what == "migrates":
        print(migrates(settings.db))
    elif what == "healthy":
        print(*(exchange for exchange in followed if health(*address, exchange)[0]))
    else:
        since = float(arguments[0])
        wanted = [name for name in arguments[1:] if name in followed] or followed
        answers = [health(*address, exchange, since) for exchange in wanted]
        bad = [text for good, text in answers if not good]
        print("\n".join(bad or [text for _, text in answers]))
        return 1 if bad else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
