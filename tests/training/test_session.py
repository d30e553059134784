import math

import pytest

from audiodiff.training import session
from audiodiff.training.session import Course


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    return now


def test_a_run_of_steps_knows_no_time(clock):
    course = Course(1000, None, 0.0)
    clock[0] += 1e6
    assert (course.seconds, course.n_steps(7), course.left) == (0, 1000, math.inf)
    assert not course.over()


def test_a_run_of_minutes_is_as_long_as_its_pace_says(clock):
    course = Course(100_000, 2.0, 0.0)
    clock[0] += 30
    assert course.n_steps(50) == 200
    assert course.left == 90
    assert not course.over()
    clock[0] += 90
    assert course.n_steps(150) == 150
    assert course.over()


def test_a_resumed_run_goes_on_in_its_time(clock):
    course = Course(100_000, 2.0, 90.0)
    assert course.n_steps(300) == 400
    clock[0] += 30
    assert course.over()


def test_steps_end_a_run_of_minutes_too(clock):
    course = Course(60, 2.0, 0.0)
    clock[0] += 1
    assert course.n_steps(50) == 60
