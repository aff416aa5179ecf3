"""The tables of a soak."""

import json

from harness.soak.observations import Observations
from harness.soak.report import data, fault_rows, markdown
from harness.soak.slopes import MEASURES, slope
from harness.soak.verdict import verdicts
from tests.harness.soak.test_verdict import fault, good
from tests.harness.soak.worlds import SPEED


def test_a_fault_has_one_row() -> None:
    seen = Observations(SPEED, faults=[fault(1.0), fault(3.0), fault(8.0), fault(-100.0)])
    (row,) = fault_rows(seen)
    assert (row.name, row.times, row.median, row.most, row.late) == ("a fault", 4, 3.0, 8.0, 2)


def test_what_is_too_short_has_no_figure() -> None:
    seen = good()
    seen.slopes = {"funding:ingest": dict.fromkeys(MEASURES, slope([1.0], [1.0]))}
    assert "too short" in markdown("heading", verdicts(seen), seen)
    found = json.loads(data("heading", verdicts(seen), seen))
    assert found["growth"]["funding:ingest"]["threads"]["high"] is None


def test_every_fault_and_anomaly_is_in_the_data() -> None:
    found = json.loads(data("heading", verdicts(good()), good()))
    assert found["events"] == [{"fault": "a fault", "began": 100.0, "seconds": 1.0}]
    assert found["anomalies"] == [{"began": 100.5, "ended": 100.6, "kind": "lost", "detail": ""}]
    assert found["answers"] == {"200": 5, "lost": 1}
