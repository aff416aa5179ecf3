# The same layout as on a server: the project in /opt/funding, its packages in .venv, its data in var/.
# docs/operations.md, "In a container".
FROM python:3.11-slim-bookworm

RUN useradd --system --user-group --home-dir /opt/funding/var --shell /usr/sbin/nologin funding
WORKDIR /opt/funding
COPY requirements.txt scripts/setup.sh ./
RUN bash -euc 'source ./setup.sh; setup requirements.txt' && rm setup.sh
COPY . .
# The file system is read-only later.
RUN .venv/bin/python -m compileall -q .
RUN install -d -m 0700 -o funding -g funding var var/log

USER funding
VOLUME /opt/funding/var
STOPSIGNAL SIGTERM
# It asks this machine alone. watchdog.py --once would ask the exchange too, every time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["scripts/status"]
CMD ["scripts/run"]
