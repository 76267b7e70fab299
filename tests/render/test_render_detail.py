"""Near actors show their parts, far ones their mesh; only what shows is put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sim.geometry import Pose
from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.renderer import DETAIL_PX, OUTPUTS, Frame, Movable, Part, Renderer

CAMERA = Pose(0.0, 0.0, 1.6)
WIDTH, HEIGHT, FOV = 176, 96, 60.0
FOCAL = WIDTH / (2.0 * np.tan(np.radians(FOV / 2.0)))


def block(half: tuple[float, float, float], tag: int) -> Mesh:
    """A box that stands on z = 0."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (0, 2)]) * half
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [(a, b, c) for a, b, c, d in faces] + [(a, c, d) for a, b, c, d in faces]
    return Mesh.build(corners, triangles, (200, 40, 40), tag)


WHOLE = block((2.0, 0.9, 0.7), Label.CAR)
LEFT, RIGHT = block((2.0, 0.3, 0.7), Label.TRUCK), block((2.0, 0.3, 0.7), Label.BUS)
RADIUS = float(np.linalg.norm((2.0, 0.9, 0.7)))


class Watched(Sequence[Part]):
    """Two halves with a gap between them, and how often somebody asked for them."""

    def __init__(self) -> None:
        self.asked = 0
        self._parts = (Part(LEFT, Pose(0.0, -0.6, 0.0)), Part(RIGHT, Pose(0.0, 0.6, 0.0)))

    def __len__(self) -> int:
        self.asked += 1
        return len(self._parts)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        self.asked += 1
        return self._parts[index]


def view(renderer: Renderer, at: Pose, detail: Sequence[Part] = ()) -> Frame:
    return renderer.render(CAMERA, WIDTH, HEIGHT, FOV, [Movable(7, WHOLE, at, detail=detail)], outputs=OUTPUTS)


def test_parts_show_in_all_pictures_of_a_near_actor_under_its_number(renderer: Renderer) -> None:
    near = Pose(9.0, 0.0, 0.0)
    parts, whole, empty = view(renderer, near, Watched()), view(renderer, near), view(renderer, Pose(-50.0, 0.0, 0.0))
    assert parts.semantic is not None
    assert parts.instance is not None
    assert parts.depth is not None
    assert parts.normals is not None
    assert parts.bgra is not None
    assert whole.semantic is not None
    assert whole.depth is not None
    assert empty.depth is not None
    assert empty.bgra is not None
    assert set(np.unique(whole.semantic)) & {Label.CAR, Label.TRUCK, Label.BUS} == {Label.CAR}
    assert set(np.unique(parts.semantic)) & {Label.CAR, Label.TRUCK, Label.BUS} == {Label.TRUCK, Label.BUS}
    halves = np.isin(parts.semantic, (Label.TRUCK, Label.BUS))
    assert (parts.instance == np.where(halves, 7, 0)).all()
    assert np.nonzero(parts.semantic == Label.TRUCK)[1].mean() < WIDTH / 2 - 5
    assert np.nonzero(parts.semantic == Label.BUS)[1].mean() > WIDTH / 2 + 5
    gap = parts.depth[HEIGHT // 2 + 4, WIDTH // 2]
    assert gap == empty.depth[HEIGHT // 2 + 4, WIDTH // 2] > whole.depth[HEIGHT // 2 + 4, WIDTH // 2]
    assert np.linalg.norm(parts.normals[halves], axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(parts.bgra.astype(int) - empty.bgra)[halves].max(axis=1).mean() > 20.0


def test_the_shadow_of_an_actor_is_that_of_its_box_near_and_far(renderer: Renderer) -> None:
    """On the ground that both pictures see at full pixels, parts or not make no difference."""
    near = Pose(9.0, 0.0, 0.0)
    parts, whole = view(renderer, near, Watched()), view(renderer, near)
    empty = view(renderer, Pose(-50.0, 0.0, 0.0))
    assert parts.bgra is not None
    assert whole.bgra is not None
    assert empty.bgra is not None
    assert parts.instance is not None
    assert whole.instance is not None
    actor = (parts.instance > 0) | (whole.instance > 0)
    grown = actor.copy()
    for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        grown |= np.roll(actor, (down, right), (0, 1))
    ground = ~grown
    assert (parts.bgra[ground] == whole.bgra[ground]).all()
    assert (whole.bgra[ground] != empty.bgra[ground]).any(axis=1).sum() > 30, "there is a shadow"


@pytest.mark.parametrize(
    "at",
    [
        Pose(2.0 * RADIUS * FOCAL / DETAIL_PX, 0.0, 0.0),
        Pose(-12.0, 0.0, 0.0),
        Pose(3.0, 14.0, 0.0),
        Pose(6.0, -16.0, 0.0),
    ],
    ids=["far", "behind", "right of the picture", "left of the picture"],
)
def test_detail_that_does_not_show_is_not_asked_for(renderer: Renderer, at: Pose) -> None:
    detail = Watched()
    with_detail, without = view(renderer, at, detail), view(renderer, at)
    assert detail.asked == 0
    for name in OUTPUTS - {"rgb"}:
        assert (getattr(with_detail, name) == getattr(without, name)).all()
    assert with_detail.bgra is not None
    assert (with_detail.bgra == without.bgra).all()


def test_an_actor_at_the_edge_of_the_picture_shows_parts(renderer: Renderer) -> None:
    detail = Watched()
    frame = view(renderer, Pose(8.0, 5.0, 0.0), detail)
    assert detail.asked > 0
    assert frame.semantic is not None
    assert (frame.semantic[:, -1] == Label.TRUCK).any()
