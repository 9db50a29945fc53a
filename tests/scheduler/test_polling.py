"""The pauses between questions, on a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lrdash.scheduler.polling import PollInterval


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_something_that_changes_is_looked_at_often() -> None:
    clock = Clock()
    interval = PollInterval(clock=clock)
    for _ in range(100):
        clock.now += interval.seconds
        interval.succeeded(0.02, changed=True)

    assert interval.seconds == 5


def test_an_idle_hour_takes_few_questions() -> None:
    clock = Clock()
    interval = PollInterval(clock=clock)
    calls = 0
    while clock.now < 3600:
        interval.succeeded(0.02, changed=False)
        calls += 1
        clock.now += interval.seconds

    print(f"{calls} calls in an idle hour")
    assert calls < 100
    assert interval.seconds == 60


def test_a_slow_scheduler_is_asked_for_a_tenth_of_the_time() -> None:
    interval = PollInterval(clock=Clock())

    interval.succeeded(7.0, changed=True)

    assert interval.seconds == 70


def test_failures_double_the_pause_and_one_answer_ends_it() -> None:
    interval = PollInterval(clock=Clock())
    pauses = []
    for _ in range(6):
        interval.failed()
        pauses.append(interval.seconds)

    assert pauses == [10, 20, 40, 60, 60, 60]
    interval.succeeded(0.02, changed=False)
    assert interval.seconds == 5


def test_an_action_of_the_user_wakes() -> None:
    clock = Clock()
    interval = PollInterval(clock=clock)
    clock.now = 3600.0
    assert interval.seconds == 60

    interval.wake()

    assert interval.seconds == 5


@given(st.lists(st.one_of(st.none(), st.tuples(st.floats(0, 100), st.booleans())), max_size=50))
def test_the_pause_is_never_shorter_than_the_base(polls: list[tuple[float, bool] | None]) -> None:
    clock = Clock()
    interval = PollInterval(clock=clock)
    for poll in polls:
        if poll is None:
            interval.failed()
        else:
            interval.succeeded(poll[0], changed=poll[1])
        assert 5 <= interval.seconds <= max(60, 10 * (poll[0] if poll else 0))
        clock.now += interval.seconds
