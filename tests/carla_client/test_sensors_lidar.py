"""LiDAR and semantic LiDAR with the real client: how many points, where they lie, what they hit, what is lost."""

import itertools
import math

import carla
import numpy as np
import pytest
from sensing import attach, metres, points, semantic_points, xyz

SURE = {"dropoff_general_rate": 0.0, "dropoff_intensity_limit": 0.0, "noise_stddev": 0.0}


def beside(stage, up: float) -> carla.Transform:
    return stage.place(0.0, up=up)


def test_points_lie_on_the_road_below_at_every_pitch_and_roll(world, stage):
    for pitch, roll in ((0.0, 0.0), (8.0, 0.0), (0.0, -12.0), (-5.0, 7.0)):
        mount = beside(stage, 2.0)
        mount.rotation.pitch, mount.rotation.roll = pitch, roll
        lidar = attach(world, "lidar.ray_cast_semantic", at=mount, range=30.0, lower_fov=-60.0, rotation_frequency=20)
        world.tick()
        data = lidar.next()
        local = np.column_stack([xyz(data), np.ones(len(data))])
        placed = (np.array(data.transform.get_matrix()) @ local.T).T
        road = np.isin(semantic_points(data)["tag"], (1, 24))
        assert road.sum() > 100
        assert np.abs(placed[road, 2]).max() < 1e-3
        lidar.stop()
        lidar.actor.destroy()


def test_a_van_ahead_is_met_at_its_distance_with_its_id_tag_and_angle(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    van = stage.spawn("vehicle.mercedes.sprinter", ahead=20.0)
    lidar = attach(
        world, "lidar.ray_cast_semantic", ego, (0.0, 0.0, 1.2), range=50, rotation_frequency=20, channels=1,
        upper_fov=0.0, lower_fov=0.0, points_per_second=72000,
    )  # fmt: skip
    world.tick()
    seen = semantic_points(lidar.next())
    straight = seen[(np.abs(seen["y"]) < 0.3) & (seen["x"] > 0)]
    assert set(straight["actor"]) == {van.id}
    assert set(straight["tag"]) == {14}
    rear = 20.0 - van.bounding_box.extent.x
    assert straight["x"] == pytest.approx(rear, abs=0.1)  # bumper and plate
    ray = np.stack([straight["x"], straight["y"]], axis=1)
    assert straight["cos"] == pytest.approx(ray[:, 0] / np.linalg.norm(ray, axis=1), abs=1e-3)
    assert ego.id not in seen["actor"]
    lidar.stop()


def test_lidar_and_depth_camera_measure_the_same_scene(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    stage.spawn("vehicle.audi.tt", ahead=14.0, right=-2.0, yaw=30.0)
    stage.spawn("walker.pedestrian.0005", ahead=9.0, right=1.5, up=0.95)
    mount = (1.0, 0.0, 2.2, -8.0, 0.0, 0.0)
    width, height, fov = 640, 480, 90.0
    depth = attach(world, "camera.depth", ego, mount, image_size_x=width, image_size_y=height, fov=fov)
    lidar = attach(
        world, "lidar.ray_cast_semantic", ego, mount, range=80, rotation_frequency=20, channels=48, upper_fov=15,
        lower_fov=-25, points_per_second=400000, horizontal_fov=80,
    )  # fmt: skip
    frame = world.tick()
    cloud = lidar.of_frame(frame)
    seen, spots, actor = metres(depth.of_frame(frame)), xyz(cloud), semantic_points(cloud)["actor"] != 0
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    column = np.floor(width / 2 + focal * spots[:, 1] / spots[:, 0]).astype(int)
    row = np.floor(height / 2 - focal * spots[:, 2] / spots[:, 0]).astype(int)
    inside = (column >= 1) & (column < width - 1) & (row >= 1) & (row < height - 1)
    assert inside.sum() > 10000
    spots, column, row, actor = spots[inside], column[inside], row[inside], actor[inside]
    # A point lies between its pixel's neighbours, whatever the slope of the surface; edges are left out.
    around = np.stack([seen[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    low, high = around.min(axis=0), around.max(axis=0)
    smooth = high - low < 0.05 * low
    assert smooth.mean() > 0.7
    between = (spots[:, 0] > low - 0.01) & (spots[:, 0] < high + 0.01)
    assert between[smooth & ~actor].mean() > 0.999
    assert (smooth & actor).sum() > 300
    # Gaps in an actor that are narrower than a pixel are the rest.
    assert between[smooth & actor].mean() > 0.99
    depth.stop()
    lidar.stop()


def test_the_roof_is_seen_from_above_it_and_the_cabin_is_not_seen_from_inside(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    down = {"lower_fov": -80, "upper_fov": -20, "rotation_frequency": 20, "points_per_second": 200000, "range": 20}
    above = attach(world, "lidar.ray_cast_semantic", ego, (0.0, 0.0, 2.4), **down)
    inside = attach(world, "lidar.ray_cast_semantic", ego, (0.3, 0.0, 1.0), **down)
    frame = world.tick()
    assert ego.id in semantic_points(above.of_frame(frame))["actor"]
    assert ego.id not in semantic_points(inside.of_frame(frame))["actor"]
    above.stop()
    inside.stop()


@pytest.mark.parametrize(
    ("channels", "rate", "expected"), [(32, 56000, 88), (64, 100000, 78), (1, 30, 2), (7, 1000, 7)]
)
def test_each_channel_shoots_as_many_rays_as_carla_computes(world, stage, channels, rate, expected):
    """points_per_second * dt / channels, halves rounded up; every ray of a downward cone hits."""
    lidar = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), channels=channels, points_per_second=rate, upper_fov=-40.0,
        lower_fov=-80.0, **SURE,
    )  # fmt: skip
    world.tick()
    data = lidar.next()
    assert data.channels == channels
    assert [data.get_point_count(channel) for channel in range(channels)] == [expected] * channels
    assert len(points(data)) == len(list(data)) == expected * channels
    lidar.stop()


def test_channels_go_down_from_the_upper_fov_and_the_head_turns_on(world, stage):
    lidar = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), channels=4, points_per_second=8000, rotation_frequency=5.0,
        upper_fov=-30.0, lower_fov=-60.0, range=50.0, **SURE,
    )  # fmt: skip
    yaws = []
    for _ in range(5):
        world.tick()
        data = lidar.next()
        cloud = points(data).astype(float)
        flat = np.hypot(cloud[:, 0], cloud[:, 1])
        pitch = np.degrees(np.arctan2(cloud[:, 2], flat)).reshape(4, 100)
        assert pitch == pytest.approx(np.array([[-30.0], [-40.0], [-50.0], [-60.0]]) + np.zeros((1, 100)), abs=1e-3)
        yaws.append(np.degrees(np.arctan2(cloud[:, 1], cloud[:, 0])).reshape(4, 100)[0] % 360.0)
    # 5 Hz for 0.05 s: a quarter turn each tick, in 100 steps, from straight behind.
    expected = (180.0 + 90.0 * np.arange(5)[:, None] + 0.9 * np.arange(100)) % 360.0
    assert (np.array(yaws) - expected + 180.0) % 360.0 == pytest.approx(np.full((5, 100), 180.0), abs=1e-3)
    assert data.horizontal_angle == pytest.approx(math.radians(5 * 90 % 360), abs=1e-5)
    lidar.stop()


def test_horizontal_fov_bounds_the_sweep(world, stage):
    lidar = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), horizontal_fov=60.0, rotation_frequency=20.0, upper_fov=-30.0,
        lower_fov=-60.0, **SURE,
    )  # fmt: skip
    world.tick()
    cloud = points(lidar.next()).astype(float)
    yaw = np.degrees(np.arctan2(cloud[:, 1], cloud[:, 0]))
    assert -30.01 < yaw.min() < -29.0
    assert 29.0 < yaw.max() < 30.01
    lidar.stop()


def test_intensity_falls_with_distance_and_nothing_is_beyond_the_range(world, stage):
    lidar = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), range=40.0, atmosphere_attenuation_rate=0.05,
        rotation_frequency=20.0, lower_fov=-40.0, points_per_second=200000, **SURE,
    )  # fmt: skip
    world.tick()
    cloud = points(lidar.next()).astype(float)
    distance = np.linalg.norm(cloud[:, :3], axis=1)
    assert distance.max() < 40.0
    assert distance.max() > 20.0
    assert cloud[:, 3] == pytest.approx(np.exp(-0.05 * distance), rel=1e-4)
    lidar.stop()


def test_default_lidar_loses_at_least_a_quarter_and_drop_off_follows_its_parameters(world, stage):
    """CARLA's defaults drop 45 % of the rays unshot; the intensity model is tested where it alone acts."""
    down = {"upper_fov": -40.0, "lower_fov": -80.0, "points_per_second": 400000}
    default = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **down)
    dark = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), dropoff_general_rate=0.0, dropoff_intensity_limit=1.0,
        dropoff_zero_intensity=0.5, atmosphere_attenuation_rate=0.4, **down,
    )  # fmt: skip
    sure = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **down, **SURE, atmosphere_attenuation_rate=0.4)
    frame = world.tick()
    everything = points(sure.of_frame(frame))
    assert len(points(default.of_frame(frame))) / len(everything) == pytest.approx(0.55, abs=0.02)
    kept = len(points(dark.of_frame(frame))) / len(everything)
    assert kept == pytest.approx(float(np.mean(0.5 * everything[:, 3] + 0.5)), abs=0.02)
    for probe in (default, dark, sure):
        probe.stop()


def test_returns_brighter_than_the_limit_are_never_lost(world, stage):
    """Below it the loss grows linearly up to `dropoff_zero_intensity` at intensity zero."""
    down = {"upper_fov": -20.0, "lower_fov": -80.0, "points_per_second": 400000, "atmosphere_attenuation_rate": 0.3}
    lossy = {"dropoff_general_rate": 0.0, "dropoff_intensity_limit": 0.4, "dropoff_zero_intensity": 0.9}
    dim = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **down, **lossy)
    sure = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **down, **SURE)
    frame = world.tick()
    kept, everything = (points(probe.of_frame(frame))[:, 3] for probe in (dim, sure))
    bright = everything > 0.4
    assert 0.2 < bright.mean() < 0.9
    assert (kept > 0.4).sum() == bright.sum()
    share = (kept <= 0.4).sum() / (~bright).sum()
    assert share == pytest.approx(float(np.mean(0.9 / 0.4 * everything[~bright] + 0.1)), abs=0.02)
    dim.stop()
    sure.stop()


def test_a_steered_wheel_is_met_where_it_is_turned_to(world, stage):
    """As a camera sees it: points stand out of the flank where the wheel's front edge is turned to."""
    car = stage.spawn("vehicle.jeep.wrangler_rubicon")
    flank = car.bounding_box.extent.y
    lidar = attach(
        world, "lidar.ray_cast_semantic", at=stage.place(1.4, right=flank + 3.0, up=0.4, yaw=-90.0), range=5.0,
        channels=32, upper_fov=4.0, lower_fov=-6.0, horizontal_fov=50.0, rotation_frequency=20.0,
        points_per_second=600000,
    )  # fmt: skip

    def nearest() -> float:
        seen = lidar.of_frame(world.tick())
        return float(xyz(seen)[semantic_points(seen)["actor"] == car.id, 0].min())

    straight = nearest()
    car.set_wheel_steer_direction(carla.VehicleWheelLocation.FR_Wheel, 38.0)
    assert straight - nearest() == pytest.approx(0.18, abs=0.08)
    lidar.stop()


def test_noise_moves_points_along_their_rays_only(world, stage):
    same = {"upper_fov": -40.0, "lower_fov": -80.0, "points_per_second": 100000, **SURE}
    exact = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **same)
    noisy = attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **{**same, "noise_stddev": 0.2})
    frame = world.tick()
    true, seen = points(exact.of_frame(frame))[:, :3], points(noisy.of_frame(frame))[:, :3]
    assert len(true) == len(seen)
    long, short = np.linalg.norm(seen, axis=1), np.linalg.norm(true, axis=1)
    assert seen / long[:, None] == pytest.approx(true / short[:, None], abs=1e-5)
    assert np.std(long - short) == pytest.approx(0.2, rel=0.1)
    assert np.mean(long - short) == pytest.approx(0.0, abs=0.02)
    exact.stop()
    noisy.stop()


@pytest.mark.parametrize("kind", ["lidar.ray_cast", "lidar.ray_cast_semantic"])
def test_counts_data_and_iteration_agree_for_ten_ticks(world, stage, kind):
    lidar = attach(world, kind, at=beside(stage, 1.7), channels=64, range=200, points_per_second=500000)
    size = 16 if kind == "lidar.ray_cast" else 24
    for _ in range(10):
        world.tick()
        data = lidar.next()
        number = sum(data.get_point_count(channel) for channel in range(data.channels))
        assert number == len(data) == sum(1 for _ in data) == len(data.raw_data) // size
    lidar.stop()


@pytest.mark.parametrize(
    "attributes", [{"channels": 0}, {"range": -1.0}, {"upper_fov": 120.0}, {"points_per_second": -5}]
)
def test_impossible_lidars_are_refused_with_the_attribute_at_fault(world, stage, attributes):
    with pytest.raises(RuntimeError, match=f"lidar: {next(iter(attributes))}"):
        attach(world, "lidar.ray_cast", at=beside(stage, 2.0), **attributes)


def test_an_asynchronous_lidar_shoots_the_share_of_each_tick(world, stage):
    """Ticks follow the clock there; every ray hits, so the counts say how long a tick was."""
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = False, None
    world.apply_settings(settings)
    lidar = attach(
        world, "lidar.ray_cast", at=beside(stage, 2.0), channels=16, points_per_second=64000, upper_fov=-60.0,
        lower_fov=-80.0, **SURE,
    )  # fmt: skip
    frames = [lidar.next() for _ in range(5)]
    assert [frame.frame - frames[0].frame for frame in frames] == list(range(5))
    for before, after in itertools.pairwise(frames):
        expected = math.floor(64000 * (after.timestamp - before.timestamp) / 16 + 0.5)
        assert [after.get_point_count(channel) for channel in range(16)] == [
            pytest.approx(expected, abs=1) for _ in range(16)
        ]
    lidar.stop()
