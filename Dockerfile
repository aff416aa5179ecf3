# The same layout as on a server: the project in /opt/funding, its packages in .venv, its data in var/.
# docs/operations.md, "In a container".
FROM python:3.11-slim-bookworm

RUN useradd --system --user-group --home-dir /opt/funding/var --shell /usr/sbin/nologin funding
WORKDIR /opt/funding
COPY requirements.txt scripts/setup.sh ./
RUN bash -euc 'source ./setup.sh; setup requirements.txt' && rm setup.sh
COPY . .
RUN install -d -m 0700 -o funding -g funding var var/log

USER funding
VOLUME /opt/funding/var
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD [".venv/bin/python", "watchdog.py", "--once"]
CMD ["scripts/run"]
