import math

import pytest

from osciprop.studies import Axis, linspace
from osciprop.studies.grid import make_grid


def grid_of(shape: dict[str, tuple[int, bool]], count: int):
    axes = {name: Axis(list(range(n)), vectorised=v) for name, (n, v) in shape.items()}
    return make_grid(axes, count)


@pytest.mark.parametrize("count", [1, 3, 7, 100, 10_000])
@pytest.mark.parametrize("vectorised", [(False, False, False), (True, False, True)])
def test_blocks_cover_every_point_once(count, vectorised):
    shape = dict(zip("abc", zip((7, 3, 10), vectorised, strict=True), strict=True))
    grid = grid_of(shape, count)
    points = [point for block in grid.blocks() for point in block.points()]
    assert len(points) == len(set(points)) == grid.size == 210
    assert all(block.size <= count for block in grid.blocks())


def test_blocks_extend_along_vectorised_axes_alone():
    grid = grid_of({"a": (20, True), "b": (5, False), "c": (30, True)}, 100)
    # Three in `a`: blocks of equal size, seven of them, rather than six and a remainder.
    assert grid.block == (3, 1, 30)
    assert math.prod(grid_of({"a": (100, True)}, 64).block) == 50


def test_blocks_of_one_program_follow_each_other():
    grid = grid_of({"a": (6, True), "b": (3, False)}, 2)
    fixed = [block.start[1] for block in grid.blocks()]
    assert fixed == sorted(fixed)
    assert len(fixed) == 9


def test_a_point_in_words():
    axes = {"amplitude": linspace(0, 1, 4), "method": Axis(["EP", "AEP"])}
    grid = make_grid(axes, 1)
    assert grid.label((1, 1)) == "amplitude=0.333333, method=AEP"
    assert grid.arguments((3, 0)) == {"amplitude": 1.0, "method": "EP"}
