"""The sensors of CARLA 0.9.16 with their attributes and defaults.

Source: ActorBlueprintFunctionLibrary.cpp of CARLA's sources about 0.9.16, and Docs/ref_sensors.md.
"""

from __future__ import annotations

from sim.server.blueprints.definition import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    Attribute,
    Blueprint,
    base_attributes,
    choice,
    tags_of,
)

# Not in the catalogue: why a client that asks by name does not get it.
WITHHELD = {
    "sensor.other.rss": "it works in clients that are built with the ad-rss library, which the carla wheel is not",
}

_PLACES = ("front", "back", "left", "right", "front_left", "front_right", "back_left", "back_right")
_ANYWHERE = ("default",)


def _floats(**defaults: str) -> tuple[Attribute, ...]:
    return tuple(choice(name, FLOAT, value) for name, value in defaults.items())


def _noise(*names: str) -> tuple[Attribute, ...]:
    return tuple(choice(name, FLOAT, "0.0") for name in names)


_TICK = choice("sensor_tick", FLOAT, "0.0")
_SEED = choice("noise_seed", INT, "0")
_LENS = (
    choice("image_size_x", INT, "800"),
    choice("image_size_y", INT, "600"),
    *_floats(
        fov="90.0",
        lens_circle_falloff="5.0",
        lens_circle_multiplier="0.0",
        lens_k="-1.0",
        lens_kcube="0.0",
        lens_x_size="0.08",
        lens_y_size="0.08",
    ),
)
# Exposure and gamma change the picture (`sim.sensors.exposure`); the others are accepted and returned.
_FILM = (
    choice("enable_postprocess_effects", BOOL, "true"),
    choice("exposure_mode", STRING, "histogram", "manual", restricted=True),
    choice("blade_count", INT, "5"),
    *_floats(
        exposure_compensation="0.0",
        shutter_speed="200.0",
        iso="100.0",
        fstop="1.4",
        gamma="2.2",
        motion_blur_intensity="0.45",
        motion_blur_max_distortion="0.35",
        motion_blur_min_object_screen_size="0.1",
        lens_flare_intensity="0.1",
        bloom_intensity="0.675",
        exposure_min_bright="10.0",
        exposure_max_bright="12.0",
        exposure_speed_up="3.0",
        exposure_speed_down="1.0",
        calibration_constant="16.0",
        focal_distance="1000.0",
        min_fstop="1.2",
        blur_amount="1.0",
        blur_radius="0.0",
        slope="0.88",
        toe="0.55",
        shoulder="0.26",
        black_clip="0.0",
        white_clip="0.04",
        temp="6500.0",
        tint="0.0",
        chromatic_aberration_intensity="0.0",
        chromatic_aberration_offset="0.0",
    ),
)
_DVS = (
    *_floats(
        positive_threshold="0.3",
        negative_threshold="0.3",
        sigma_positive_threshold="0.0",
        sigma_negative_threshold="0.0",
        log_eps="0.001",
    ),
    choice("refractory_period_ns", INT, "0"),
    choice("use_log", BOOL, "true"),
)
_SWEEP = (
    choice("channels", INT, "32"),
    choice("points_per_second", INT, "56000"),
    *_floats(range="10.0", rotation_frequency="10.0", upper_fov="10.0", lower_fov="-30.0", horizontal_fov="360.0"),
)
_LIDAR = (
    _SEED,
    *_floats(
        atmosphere_attenuation_rate="0.004",
        dropoff_general_rate="0.45",
        dropoff_intensity_limit="0.8",
        dropoff_zero_intensity="0.4",
        noise_stddev="0.0",
    ),
)
_RADAR = (
    _SEED,
    choice("points_per_second", INT, "1500"),
    *_floats(horizontal_fov="30", vertical_fov="30", range="100"),
)
_OBSTACLE = (
    *_floats(distance="5.0", hit_radius="0.5"),
    choice("only_dynamics", BOOL, "false"),
    choice("debug_linetrace", BOOL, "false"),
)
_POSITION_NOISE = _noise(*(f"noise_{axis}_{kind}" for axis in ("lat", "lon", "alt") for kind in ("stddev", "bias")))
_ACCELERATION_NOISE = _noise(*(f"noise_accel_stddev_{axis}" for axis in "xyz"))
_IMU = (
    _SEED,
    *_ACCELERATION_NOISE,
    *_noise(*(f"noise_gyro_{kind}_{axis}" for kind in ("stddev", "bias") for axis in "xyz")),
)
_RADIO = (
    _SEED,
    *_floats(
        transmit_power="21.5",
        receiver_sensitivity="-99.0",
        frequency_ghz="5.9",
        combined_antenna_gain="10.0",
        path_loss_exponent="2.7",
        d_ref="1.0",
        filter_distance="500.0",
        custom_fading_stddev="0.0",
    ),
    choice("scenario", STRING, "highway", "rural", "urban", restricted=True),
    choice("path_loss_model", STRING, "winner", "geometric", restricted=True),
    choice("use_etsi_fading", BOOL, "true"),
)
_AWARENESS = (
    *_floats(gen_cam_min="0.1", gen_cam_max="1.0"),
    choice("fixed_rate", BOOL, "false"),
    *_POSITION_NOISE,
    *_ACCELERATION_NOISE,
    *_noise("noise_head_stddev", "noise_head_bias", "noise_yawrate_stddev", "noise_yawrate_bias", "noise_vel_stddev_x"),
)

_ROWS: tuple[tuple[str, tuple[str, ...], tuple[Attribute, ...]], ...] = (
    ("sensor.camera.rgb", _PLACES, (_TICK, *_LENS, *_FILM)),
    ("sensor.camera.depth", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.semantic_segmentation", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.instance_segmentation", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.normals", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.optical_flow", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.cosmos_visualization", _PLACES, (_TICK, *_LENS)),
    ("sensor.camera.dvs", _PLACES, (_TICK, *_LENS, *_FILM, *_DVS)),
    ("sensor.lidar.ray_cast", _PLACES, (_TICK, *_SWEEP, *_LIDAR)),
    ("sensor.lidar.ray_cast_semantic", _PLACES, (_TICK, *_SWEEP)),
    ("sensor.other.radar", _ANYWHERE, (_TICK, *_RADAR)),
    ("sensor.other.collision", _PLACES, ()),
    ("sensor.other.lane_invasion", _PLACES, ()),
    ("sensor.other.obstacle", _PLACES, (_TICK, *_OBSTACLE)),
    ("sensor.other.imu", _ANYWHERE, (_TICK, *_IMU)),
    ("sensor.other.gnss", _ANYWHERE, (_TICK, _SEED, *_POSITION_NOISE)),
    ("sensor.other.v2x", _ANYWHERE, (_TICK, *_RADIO, *_AWARENESS)),
    ("sensor.other.v2x_custom", _ANYWHERE, (_TICK, *_RADIO)),
)


def sensors(first_uid: int) -> list[Blueprint]:
    """The blueprints of all sensors, numbered from `first_uid`."""
    return [
        Blueprint(first_uid + k, identifier, tags_of(identifier), (*base_attributes(identifier, roles), *attributes))
        for k, (identifier, roles, attributes) in enumerate(_ROWS)
    ]
