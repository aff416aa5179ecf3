"""What to do about a criterion that is not met: one sentence for each, by its name."""

from collections.abc import Mapping

_SYMBOL = "Compare it by hand with scripts/compare_all.py, and look into"
ADVICE: Mapping[str, str] = {
    "equal at one event time": f"{_SYMBOL} the twenty worst below: the stream and REST name one"
    " instant and say different things.",
    "equal but for the time between": f"{_SYMBOL} the twenty worst below: the stream and REST"
    " differ by more, or more to one side, than the moment between them explains.",
    "more than lag can move": f"{_SYMBOL} the twenty worst below: our value was old, or wrong.",
    "on one side only": "Look up whether the symbol trades at the exchange, and whether the list"
    " of contracts (table contract) is younger than two hours.",
    "prices move": "Look whether the exchange is under maintenance; if it is not, both sides repeat"
    " old prices.",
    "prices can be true": "Look up the symbol at the exchange: a price in another unit, or one of a"
    " contract that was split, is on both sides.",
    "rates can be true": "Look up some rates at the exchange: they are in another unit, or stand"
    " still, on both sides.",
    "symbols of another exchange": "Set FUNDING_WS_URL and FUNDING_REST_URL to USDⓈ-M addresses.",
    "fresh data": "Read in var/log/{ingest}.log why the stream was lost.",
    "API answering": "Read in var/log/api_*.log and watchdog.log why it did not answer.",
    "watchdog there": "Keep the group running, and the machine awake: supervisorctl status must"
    " show funding:watchdog as RUNNING.",
    "programs that crashed": "Read in var/log what the program wrote before it crashed.",
    "programs that hung": "Read in var/log/watchdog.log what it found before each restart.",
    "programs that stopped": "Start what supervisorctl status shows as STOPPED.",
    "connection": "Look at the network, a proxy and the name server of this machine: the connection"
    " to the exchange is lost too often.",
    "lag": "Look at the load and the network of this machine: the stream's values come late.",
    "feed": "Look whether {ingest} runs and is connected: supervisorctl status, var/log.",
    "quotes fresh": "Look whether {ingest} runs and is connected: supervisorctl status, var/log.",
    "prices as compared last": f"{_SYMBOL} the symbols named: what is stored now is not what was"
    " compared.",
    "marks near their index": f"{_SYMBOL} the symbols named: mark and index do not fit.",
    "rates as compared last": f"{_SYMBOL} the symbols named: what is stored now is not what was"
    " compared.",
    "funding schedule impossible": "Look up the symbols named at the exchange, and whether the"
    " history program runs: it asks for intervals.",
    "shorter than a day": "Judge a whole day: --since 24h.",
    "span": "Let the service run until a whole day is compared.",
    "longest gap": "Look in the watchdog's log why it did not compare.",
    "funding settlements": "Let the service run over three settlements (00:00, 08:00, 16:00 UTC).",
    "symbol × hour compared": "Look in the watchdog's log why it did not compare all symbols;"
    " FUNDING_COMPARE_ALL_INTERVAL must be at most 3600.",
    "symbols compared": "Look up at the exchange whether the symbols named trade; the list of"
    " contracts (table contract) must be younger than two hours.",
    "all fields": "Update the program that compares: it leaves out a field.",
    "pairs of one event time": "Look at the clock and the load of this machine: the watchdog never"
    " reads the stream at REST's instant.",
    "pairs near in time": "Look at the clock and the load of this machine: REST's answers and the"
    " stream are read at different moments.",
    "rows": "Look who writes into the table comparison besides the service.",
    "stored outcomes that are wrong": "Look who changed the table comparison: it was edited, or an"
    " older version wrote it.",
    "controls": "Look whether the watchdog runs, and in its log for control-missed: the comparison"
    " itself is in doubt.",
    "clocks": "Set this machine's clock by NTP, and look who wrote into the table comparison.",
}
OTHERWISE = "Read what was found, and look into the events below."


def advice(name: str, ingest: str) -> str:
    """One sentence; `ingest` is the name of the program that receives the stream."""
    return ADVICE.get(name, OTHERWISE).replace("{ingest}", ingest)
