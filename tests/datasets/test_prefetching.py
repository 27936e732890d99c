"""Items made ahead: in order, with their errors, and without threads left behind."""

import threading
import time

import numpy as np
import pytest

from osciprop.datasets import Batches, prefetched


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def wait_for(condition) -> None:
    while not condition():
        time.sleep(0.002)


@pytest.mark.parametrize("ahead", [1, 2, 50])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_order_is_kept(ahead, count):
    with prefetched(range(count), ahead=ahead) as items:
        assert list(items) == list(range(count))
        assert list(items) == []


def test_batches_are_the_same():
    batches = Batches(np.arange(20.0)[:, None], np.arange(20), 3, seed=0)
    with prefetched(batches.epoch(1, start_step=2)) as samples:
        for (x, y), (x_expected, y_expected) in zip(samples, batches.epoch(1, 2), strict=True):
            np.testing.assert_array_equal(x, x_expected)
            np.testing.assert_array_equal(y, y_expected)


def test_items_are_made_ahead_in_another_thread_but_not_too_many():
    made, threads = [], set()

    def items():
        for number in range(100):
            made.append(number)
            threads.add(threading.current_thread())
            yield number

    with prefetched(items(), ahead=2) as numbers:
        assert next(numbers) == 0
        # Two wait in the queue, and one before it.
        wait_for(lambda: len(made) >= 4)
        time.sleep(0.02)
        assert len(made) == 4
        assert next(numbers) == 1
        wait_for(lambda: len(made) >= 5)
    assert threading.current_thread() not in threads
    assert len(made) == 5


class Refusal(Exception):
    pass


@pytest.mark.parametrize("error", [Refusal, KeyboardInterrupt, StopIteration])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_an_error_comes_where_the_item_would_have_come(error, after):
    class Failing:
        count = 0

        def __iter__(self):
            return self

        def __next__(self):
            if self.count == after:
                raise error("no more")
            self.count += 1
            return self.count

    seen = []
    expected = pytest.raises(error, match="no more") if error is not StopIteration else None
    with prefetched(Failing()) as items:
        if expected is None:
            seen.extend(items)
        else:
            with expected:
                seen.extend(items)
    assert seen == list(range(1, after + 1))


def test_the_error_shows_where_it_was_raised():
    def items():
        yield 1
        raise Refusal

    with pytest.raises(Refusal) as caught, prefetched(items()) as numbers:
        list(numbers)
    assert caught.traceback[-1].name == "items"


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_the_thread_ends_when_the_consumer_stops(taken):
    def forever():
        while True:
            yield 0

    with prefetched(forever()) as items:
        for _ in range(taken):
            next(items)


def test_the_thread_ends_when_the_consumer_fails():
    with pytest.raises(Refusal), prefetched(range(100)) as items:
        next(items)
        raise Refusal


@pytest.mark.parametrize("ahead", [0, -1, 1.5])
def test_a_senseless_number_is_refused(ahead):
    message = f"ahead={ahead} must be an integer at least 1"
    with pytest.raises(ValueError, match=message), prefetched([1], ahead=ahead):
        pass
