"""Where a client takes its values from."""

from enum import StrEnum


class Mode(StrEnum):
    """FUNDING_MODE."""

    REST = "rest"
    PARALLEL = "parallel"
    WEBSOCKET = "websocket"
    WEBSOCKET_ONLY = "websocket-only"
