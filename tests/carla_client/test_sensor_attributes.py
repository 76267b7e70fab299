"""The sensors' attributes, and what seeds do: as CARLA's ActorBlueprintFunctionLibrary.cpp makes them."""

from __future__ import annotations

import carla
import pytest
from sensing import attach, content

SWEEP = {
    "channels": 32, "range": 10, "points_per_second": 56000, "rotation_frequency": 10, "upper_fov": 10,
    "lower_fov": -30, "horizontal_fov": 360,
}  # fmt: skip
POSITION = {f"noise_{axis}_{kind}": 0 for axis in ("lat", "lon", "alt") for kind in ("stddev", "bias")}
ACCELERATION = {f"noise_accel_stddev_{axis}": 0 for axis in "xyz"}
RADIO = {
    "noise_seed": 0, "transmit_power": 21.5, "receiver_sensitivity": -99, "frequency_ghz": 5.9,
    "combined_antenna_gain": 10, "scenario": "highway", "path_loss_model": "winner", "path_loss_exponent": 2.7,
    "d_ref": 1, "filter_distance": 500, "use_etsi_fading": True, "custom_fading_stddev": 0,
}  # fmt: skip
DEFAULTS: dict[str, dict[str, float | str | bool]] = {
    "lidar.ray_cast": {
        **SWEEP, "atmosphere_attenuation_rate": 0.004, "noise_seed": 0, "dropoff_general_rate": 0.45,
        "dropoff_intensity_limit": 0.8, "dropoff_zero_intensity": 0.4, "noise_stddev": 0,
    },
    "lidar.ray_cast_semantic": SWEEP,
    "other.radar": {
        "horizontal_fov": 30, "vertical_fov": 30, "range": 100, "points_per_second": 1500, "noise_seed": 0,
    },
    "other.obstacle": {"distance": 5, "hit_radius": 0.5, "only_dynamics": False, "debug_linetrace": False},
    "other.gnss": {"noise_seed": 0, **POSITION},
    "other.imu": {
        "noise_seed": 0, **ACCELERATION,
        **{f"noise_gyro_{kind}_{axis}": 0 for kind in ("stddev", "bias") for axis in "xyz"},
    },
    "other.v2x": {
        **RADIO, **POSITION, **ACCELERATION, "gen_cam_min": 0.1, "gen_cam_max": 1, "fixed_rate": False,
        "noise_head_stddev": 0, "noise_head_bias": 0, "noise_yawrate_stddev": 0, "noise_yawrate_bias": 0,
        "noise_vel_stddev_x": 0,
    },
    "other.v2x_custom": RADIO,
}  # fmt: skip


def value(attribute: carla.ActorAttribute) -> float | str | bool:
    read = {
        carla.ActorAttributeType.Bool: attribute.as_bool,
        carla.ActorAttributeType.Int: attribute.as_int,
        carla.ActorAttributeType.Float: attribute.as_float,
    }
    return read.get(attribute.type, attribute.as_str)()


@pytest.mark.parametrize("kind", DEFAULTS)
def test_a_sensor_has_carlas_attributes_with_carlas_defaults(world, kind):
    blueprint = world.get_blueprint_library().find(f"sensor.{kind}")
    found = {attribute.id: value(attribute) for attribute in blueprint}
    assert found.pop("sensor_tick") == 0.0
    common = {attribute.id for attribute in world.get_blueprint_library().find("sensor.other.lane_invasion")}
    own = {name: default for name, default in found.items() if name not in common}
    assert own.keys() == DEFAULTS[kind].keys()
    for name, default in DEFAULTS[kind].items():
        assert own[name] == (pytest.approx(default) if isinstance(own[name], float) else default), name


NOISY = {
    "lidar.ray_cast": {"noise_stddev": 0.2, "lower_fov": -60.0},
    "other.radar": {},
    "other.imu": {"noise_accel_stddev_x": 1.0, "noise_gyro_stddev_z": 1.0},
    "other.gnss": {"noise_alt_stddev": 1.0},
}


@pytest.mark.parametrize("kind", NOISY)
def test_a_noise_seed_repeats_its_noise_and_without_one_sensors_differ(world, stage, kind):
    """CARLA seeds a sensor's random numbers with this attribute alone; its default is 0."""
    at = stage.place(0.0, up=2.0)
    seeds = (7, 7, 8, 0, 0)
    probes = [attach(world, kind, at=at, noise_seed=seed, **NOISY[kind]) for seed in seeds]
    ticks = [world.tick() for _ in range(2)]
    seen = [[content(probe.of_frame(frame)) for frame in ticks] for probe in probes]
    assert seen[0] == seen[1]
    assert len({repr(noise) for noise in seen}) == 4
    assert seen[0][0] != seen[0][1]
    again = attach(world, kind, at=at, noise_seed=7, **NOISY[kind])
    assert content(again.of_frame(world.tick())) == seen[0][0]
    for probe in (*probes, again):
        probe.stop()
