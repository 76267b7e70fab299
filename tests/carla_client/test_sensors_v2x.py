"""V2X sensors with the real client: who hears whom, with which power, and what is said."""

import carla
import pytest
from sensing import attach

LOUD = {"use_etsi_fading": "false"}


def heard(probe, frame: int):
    """The messages of a frame, oldest events dropped."""
    event = probe.of_frame(frame)
    return [(message.get()["Message"], message.power) for message in event]


def test_vehicles_hear_each_others_awareness_messages_one_tick_later(world, stage):
    first = stage.spawn("vehicle.tesla.model3")
    second = stage.spawn("vehicle.mitsubishi.fusorosa", ahead=40.0)
    probes = [attach(world, "other.v2x", car, gen_cam_min=0.05, fixed_rate="true", **LOUD) for car in (first, second)]
    second.set_target_velocity(stage.forward * 10.0)
    world.tick()
    frame = world.tick()
    ((message, power),) = heard(probes[0], frame)
    header, cam = message["Header"], message["Message"]
    assert (header["Station ID"], header["Message ID"]) == (second.id, "CAM")
    basic = cam["CAM Parameters"]["Basic Container"]
    assert basic["Station Type"] == "Bus"
    body = cam["CAM Parameters"]["High Frequency Container"]["Basic Vehicle Container High Frequency"]
    assert body["Vehicle Length"]["Value"] == pytest.approx(20.0 * second.bounding_box.extent.x, abs=1.0)
    assert body["Speed"]["Value"] == pytest.approx(1000, abs=30)  # what it was a tick ago
    assert body["Heading"]["Value"] == pytest.approx(
        10.0 * ((second.get_transform().rotation.yaw + 90.0) % 360.0), abs=2
    )
    fix = world.get_map().transform_to_geolocation(second.get_location())
    position = basic["Reference Position"]
    assert position["Latitude"] == pytest.approx(fix.latitude * 1e7, abs=200)
    assert position["Longitude"] == pytest.approx(fix.longitude * 1e7, abs=200)
    ((_, back),) = heard(probes[1], frame)
    # WINNER+ highway at about 38 m with 21.5 dBm and 10 dB of gain.
    assert power == pytest.approx(31.5 - 32.4 - 31.6 - 15.4, abs=1.0)
    assert back == pytest.approx(power, abs=0.5)
    for probe in probes:
        probe.stop()


def test_distance_and_buildings_weaken_messages_until_nobody_hears_them(world, stage):
    here = stage.spawn("vehicle.tesla.model3")
    near = stage.spawn("vehicle.audi.tt", ahead=20.0)
    far = stage.spawn("vehicle.audi.tt", ahead=80.0)
    listener = attach(world, "other.v2x", here, gen_cam_min=0.05, fixed_rate="true", filter_distance=70.0, **LOUD)
    senders = [attach(world, "other.v2x", car, gen_cam_min=0.05, fixed_rate="true", **LOUD) for car in (near, far)]
    world.tick()
    messages = heard(listener, world.tick())
    assert [message["Header"]["Station ID"] for message, _ in messages] == [near.id]
    listener.stop()
    everything = attach(world, "other.v2x", here, gen_cam_min=0.05, fixed_rate="true", **LOUD)
    world.tick()
    powers = {message["Header"]["Station ID"]: power for message, power in heard(everything, world.tick())}
    assert powers[near.id] > powers[far.id] + 10.0
    for probe in (everything, *senders):
        probe.stop()


def test_clients_messages_reach_the_other_custom_sensors(world, stage):
    first, second = stage.spawn("vehicle.tesla.model3"), stage.spawn("vehicle.audi.tt", ahead=30.0)
    talker, listener = (attach(world, "other.v2x_custom", car, **LOUD) for car in (first, second))
    world.tick()
    talker.actor.send("road works ahead")
    frame = world.tick()
    ((message, power),) = heard(listener, frame)
    assert message["Message"] == "road works ahead"
    assert message["Header"]["Station ID"] == first.id
    assert -90.0 < power < 0.0
    world.tick()
    assert listener.data.empty()
    assert talker.data.empty()
    talker.stop()
    listener.stop()


def test_impossible_radios_are_refused(world, stage):
    car = stage.spawn("vehicle.tesla.model3")
    with pytest.raises(RuntimeError, match="v2x: frequency_ghz"):
        attach(world, "other.v2x", car, frequency_ghz=0.0)


def test_only_custom_sensors_can_send(world, stage):
    camera = attach(world, "camera.rgb", at=stage.place(0.0, up=2.0), image_size_x=16, image_size_y=16)
    assert isinstance(camera.actor, carla.ServerSideSensor)
    camera.actor.send("hello")  # nothing happens, as with CARLA's own server
    assert world.tick() > 0
    camera.stop()
