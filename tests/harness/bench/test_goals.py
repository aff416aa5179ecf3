"""The goals of the bench."""

from harness.bench.figures import Figures
from harness.bench.goals import GOALS, Goal, against, figure, judge, worst
from harness.tables import Verdict, failed


def test_a_goal_is_met_missed_or_not_measured(figures: Figures) -> None:
    by_floor = against(3, "one", "floor <x>")

    def verdict(goal: Goal) -> Verdict:
        return goal.judge(figures).verdict

    assert verdict(Goal("", by_floor, 2.0)) is Verdict.PASS
    assert verdict(Goal("", by_floor, 1.9)) is Verdict.FAIL
    assert verdict(Goal("", by_floor, 2.1, least=True)) is Verdict.FAIL
    assert verdict(Goal("", against(3, "one", "nobody"), 1)) is Verdict.OPEN
    assert verdict(Goal("", worst(by_floor, figure(3, "one", "p99")), 2.9)) is Verdict.FAIL
    assert verdict(Goal("", worst(figure(9, "none")), 1)) is Verdict.OPEN


def test_no_goal_is_met_by_measuring_nothing() -> None:
    assert {each.figures for each in judge(Figures())} == {"not measured"}
    assert {each.verdict for each in judge(Figures())} == {Verdict.OPEN}
    assert not failed(judge(Figures()))
    assert len({goal.text for goal in GOALS}) == len(GOALS)
