"""The radio model and the triggers of awareness messages."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.sensors.awareness import CAM, CUSTOM, Trigger, VehicleState, awareness_message, custom_message, with_power
from sim.sensors.errors import ImpossibleSensor
from sim.sensors.radio import Path, Radio, free_space_loss, path_loss, received_power


def radio(**changes: object) -> Radio:
    values: dict[str, object] = {
        "transmit_power": 21.5, "sensitivity": -99.0, "frequency_ghz": 5.9, "antenna_gain": 10.0,
        "path_loss_exponent": 2.7, "reference_distance": 1.0, "filter_distance": 500.0, "etsi_fading": False,
        "fading_stddev": 0.0, "scenario": "highway", "winner": True,
    }  # fmt: skip
    return Radio(**{**values, **changes})  # type: ignore[arg-type]


def test_losses_at_100_m_are_those_of_the_published_formulas():
    """WINNER+ B1 as ETSI TR 103 257-1 prints it, and Friis: 20 log10(4 pi d / lambda)."""
    path = Path(100.0, (1.5, 1.5))
    assert path_loss(radio(), path) == pytest.approx(32.4 + 40.0 + 20.0 * math.log10(5.9))
    assert path_loss(radio(scenario="urban"), path) == pytest.approx(38.77 + 33.4 + 18.2 * math.log10(5.9))
    behind = Path(100.0, (1.5, 1.5), behind_building=True)
    assert path_loss(radio(), behind) == pytest.approx(36.85 + 60.0 + 18.9 * math.log10(5.9))
    assert free_space_loss(100.0, 299792458.0 / 5.9e9) == pytest.approx(87.86, abs=0.01)
    log_distance = path_loss(radio(winner=False), behind)
    assert log_distance == pytest.approx(free_space_loss(1.0, radio().wavelength) + 54.0)


@given(st.floats(5.0, 400.0), st.floats(1.0, 4.0), st.floats(1.0, 4.0))
def test_two_rays_swing_about_free_space(distance, first, second):
    path = Path(math.hypot(distance, first - second), (first, second))
    loss = path_loss(radio(winner=False), path)
    # Two rays of at most equal strength: at best 6 dB better than one.
    assert loss >= free_space_loss(distance, radio().wavelength) - 6.1


@given(st.floats(10.0, 400.0), st.booleans())
def test_a_vehicle_in_between_costs_power_and_a_taller_one_more(distance, winner):
    clear, low, tall = (
        path_loss(radio(winner=winner, scenario="highway"), Path(distance, (1.6, 1.6), False, obstacles))
        for obstacles in ((), ((distance / 2, distance / 2, 1.0),), ((distance / 2, distance / 2, 3.5),))
    )
    assert low < tall
    if winner:
        assert clear < tall


def test_what_arrives_too_weak_is_not_heard_and_fading_follows_the_generator():
    path, random = Path(300.0, (1.6, 1.6)), np.random.default_rng(0)
    exact = received_power(radio(), 21.5, path, random)
    assert exact == pytest.approx(31.5 - path_loss(radio(), path))
    assert received_power(radio(sensitivity=exact + 0.1), 21.5, path, random) is None
    faded = [received_power(radio(etsi_fading=True, sensitivity=-500.0), 21.5, path, random) for _ in range(2000)]
    assert np.std(faded) == pytest.approx(3.3, rel=0.1)
    assert np.mean(faded) == pytest.approx(exact, abs=0.3)


def test_impossible_radios_name_the_attribute():
    for changes, name in (({"frequency_ghz": 0.0}, "frequency_ghz"), ({"scenario": "moon"}, "scenario"),
                          ({"reference_distance": -1.0}, "d_ref")):  # fmt: skip
        with pytest.raises(ImpossibleSensor, match=name):
            radio(**changes)


def test_a_resting_vehicle_sends_every_longest_interval_and_a_moving_one_sooner():
    still = Trigger(0.1, 1.0, False)
    sent = [tick for tick in range(100) if still.due(0.05 * tick, (0.0, 0.0, 0.0), 0.0, 0.0)]
    assert sent == [0, 20, 40, 60, 80]
    driving = Trigger(0.1, 1.0, False)
    sent = [tick for tick in range(40) if driving.due(0.05 * tick, (20.0 * 0.05 * tick, 0.0, 0.0), 0.0, 20.0)]
    assert np.diff(sent).max() == 5  # more than 4 m at 1 m a tick
    turning = Trigger(0.1, 1.0, False)
    sent = [tick for tick in range(40) if turning.due(0.05 * tick, (0.0, 0.0, 0.0), 178.0 + 3.0 * tick, 0.0)]
    assert np.diff(sent).max() == 2
    fixed = Trigger(0.2, 1.0, True)
    sent = [tick for tick in range(40) if fixed.due(0.05 * tick, (0.0, 0.0, 0.0), 0.0, 0.0)]
    assert set(np.diff(sent)) == {4}


state = VehicleState(
    station_id=77, station_type=5, role=0, latitude=42.1234567, longitude=-2.5, altitude=12.34, heading=271.26,
    speed=13.888, length=4.79, width=2.16, acceleration=(1.26, -0.5, 9.81), yaw_rate=math.radians(12.5),
    lights=0x2 | 0x20,
)  # fmt: skip


def test_messages_have_the_clients_size_and_the_standards_units():
    data = awareness_message(state, 70.0, True)
    assert (len(data), CAM.itemsize, CUSTOM.itemsize) == (464, 464, 136)
    assert not any(data[376:408] + data[432:])  # the vectors
    record = np.frombuffer(data, CAM)[0]
    assert record["latitude"] == 421234570
    assert record["longitude"] == -25000000
    assert (record["altitude"], record["heading"], record["speed"]) == (1234, 2713, 1389)
    assert (record["length"], record["width"], record["yaw_rate"]) == (48, 22, 1250)
    assert (record["acceleration_x"], record["acceleration_y"], record["acceleration_z"]) == (13, -5, 98)
    assert record["generation_delta_time"] == 70000 - 65536
    assert record["exterior_lights"] == 0b1010_0000
    seldom = np.frombuffer(with_power(awareness_message(state, 70.0, False), -61.5), CAM)[0]
    assert (seldom["low_present"], seldom["power"]) == (0, -61.5)


@given(st.text(max_size=200))
def test_custom_messages_are_cut_to_what_the_client_can_read(text):
    data = custom_message(3, text)
    assert len(data) == 136
    assert data[32:] == text.encode()[:99].ljust(104, b"\0")


@given(*[st.floats()] * 6)
def test_any_number_makes_a_message(latitude, altitude, heading, speed, felt, rate):
    wild = replace(
        state, latitude=latitude, longitude=-latitude, altitude=altitude, heading=heading, speed=speed,
        acceleration=(felt, -felt, felt), yaw_rate=rate,
    )  # fmt: skip
    record = np.frombuffer(awareness_message(wild, 1.0, True), CAM)[0]
    assert record["latitude"] == (900000001 if not abs(latitude) <= 90.0 else round(latitude * 1e6) * 10)
    assert -32766 <= record["yaw_rate"] <= 32767
    assert 0 <= record["speed"] <= 16383
