"""Poses in CARLA's frame."""

from __future__ import annotations

import carla
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.geometry import Pose, compose, pose_matrix

ANGLES = st.floats(-180.0, 180.0)
POSES = st.builds(Pose, *[st.floats(-100.0, 100.0)] * 3, st.floats(-89.0, 89.0), ANGLES, ANGLES)


@given(POSES, POSES)
def test_composing_poses_is_multiplying_their_matrices(parent: Pose, child: Pose) -> None:
    np.testing.assert_allclose(pose_matrix(compose(parent, child)), pose_matrix(parent) @ pose_matrix(child), atol=1e-9)


@given(POSES)
def test_a_pose_without_rotation_or_offset_changes_nothing(pose: Pose) -> None:
    here = Pose(0.0, 0.0, 0.0)
    for same in (compose(pose, here), compose(here, pose)):
        np.testing.assert_allclose(pose_matrix(same), pose_matrix(pose), atol=1e-9)


@given(POSES)
def test_the_matrix_is_carlas(pose: Pose) -> None:
    transform = carla.Transform(carla.Location(*pose[:3]), carla.Rotation(*pose[3:]))
    np.testing.assert_allclose(pose_matrix(pose), transform.get_matrix(), atol=2e-4)


def test_a_nose_straight_up_keeps_its_direction() -> None:
    up = compose(Pose(0.0, 0.0, 0.0, 45.0), Pose(1.0, 0.0, 0.0, 45.0))
    assert up.pitch == pytest.approx(90.0)
    assert up.z == pytest.approx(0.5**0.5)
