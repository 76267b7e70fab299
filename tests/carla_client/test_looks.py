"""What cameras see of what moves: lamps, wheels, legs, and every vehicle of the catalogue inside its box."""

import carla
import numpy as np
import pytest
from sensing import attach, matrix, metres, pixels

SIZE = {"image_size_x": 256, "image_size_y": 192, "fov": 60.0}
Lamp = carla.VehicleLightState


class Eye:
    """An RGB and an instance camera at one place, and what they saw last of one actor."""

    def __init__(self, world, actor, at, parent=None, **more) -> None:
        self.world, self.actor = world, actor
        self.kinds = {"rgb": attach(world, "camera.rgb", parent, at, **SIZE)}
        for kind in ("instance_segmentation", *more.get("also", ())):
            self.kinds[kind] = attach(world, f"camera.{kind}", parent, at, **SIZE)

    def look(self):
        """RGB (H, W, 3) as int, and where the actor is (H, W)."""
        frame = self.world.tick()
        images = {kind: probe.of_frame(frame) for kind, probe in self.kinds.items()}
        self.images = images
        ids = pixels(images["instance_segmentation"]).astype(int)
        mine = ids[..., 1] + 256 * ids[..., 0] == self.actor.id & 0xFFFF
        return pixels(images["rgb"])[..., 2::-1].astype(int), mine

    def stop(self) -> None:
        for probe in self.kinds.values():
            probe.stop()
            probe.actor.destroy()


def changed(before, after, mine, by=40):
    return (np.abs(after - before).max(axis=2) > by) & mine


@pytest.mark.parametrize(
    ("lights", "rear", "half"),
    [
        (Lamp.Brake, True, None),
        (Lamp.Position, True, None),
        (Lamp.Reverse, True, None),
        (Lamp.LeftBlinker, True, "left"),
        (Lamp.RightBlinker, True, "right"),
        (Lamp.LeftBlinker, False, "right"),
        (Lamp.LowBeam, False, None),
        (Lamp.Fog, False, None),
    ],
)
def test_a_lamp_that_is_switched_on_is_seen_where_it_sits(world, stage, lights, rear, half):
    car = stage.spawn("vehicle.tesla.model3", ahead=10.0, yaw=0.0 if rear else 180.0)
    car.set_simulate_physics(False)
    eye = Eye(world, car, stage.place(3.0, up=1.2))
    eye.look()
    dark, mine = eye.look()
    car.set_light_state(carla.VehicleLightState(lights))
    lit = np.zeros_like(mine)
    for _ in range(12):
        shown, mine = eye.look()
        lit |= changed(dark, shown, mine, 25)
    eye.stop()
    rows, columns = np.nonzero(lit)
    assert len(rows) >= 6
    middle = np.nonzero(mine)[1].mean()
    if half == "left":
        assert columns.max() < middle
    elif half == "right":
        assert columns.min() > middle
    else:
        assert columns.min() < middle < columns.max()
        assert abs((columns < middle).mean() - 0.5) < 0.2
    # Lamps are small: the body looks as before.
    assert lit.sum() < 0.2 * mine.sum()


def test_the_brake_pedal_and_the_reverse_gear_light_their_lamps(world, stage):
    car = stage.spawn("vehicle.audi.tt", ahead=10.0)
    eye = Eye(world, car, stage.place(3.0, up=1.2))
    stage.ticks(4)
    dark, _ = eye.look()
    car.apply_control(carla.VehicleControl(brake=1.0))
    world.tick()
    braking, mine = eye.look()
    red = changed(dark, braking, mine)
    assert red.sum() >= 8
    assert np.median(braking[red][:, 0]) > 200
    assert (braking[red][:, 0] > braking[red][:, 1] + 40).all()
    car.apply_control(carla.VehicleControl(brake=1.0, reverse=True))
    world.tick()
    reversing, mine = eye.look()
    eye.stop()
    white = changed(braking, reversing, mine)
    assert white.sum() >= 4
    assert (reversing[white].min(axis=1) > 150).all()


def test_blinkers_flash_in_simulated_time(world, stage):
    car = stage.spawn("vehicle.seat.leon", ahead=10.0)
    car.set_simulate_physics(False)
    eye = Eye(world, car, stage.place(3.0, up=1.2))
    eye.look()
    car.set_light_state(carla.VehicleLightState(Lamp.LeftBlinker | Lamp.RightBlinker))
    world.tick()
    amber = []
    for _ in range(40):
        shown, mine = eye.look()
        amber.append(int((mine & (shown[..., 0] > 230) & (shown[..., 1] > 120) & (shown[..., 2] < 90)).sum()))
    eye.stop()
    on = np.array(amber) > max(amber) / 2
    assert max(amber) >= 6
    assert 0.35 < on.mean() < 0.65
    assert 4 <= np.abs(np.diff(on.astype(int))).sum() <= 7  # 1.5 flashes a second for two seconds


def test_wheels_turn_with_the_road_and_steer_while_the_body_looks_the_same(world, stage):
    car = stage.spawn("vehicle.audi.tt")
    eye = Eye(world, car, carla.Transform(carla.Location(0.3, 4.5, 0.7), carla.Rotation(yaw=-90.0)), car)
    still = [eye.look() for _ in range(3)]
    assert changed(still[1][0], still[2][0], still[2][1], 0).sum() == 0
    car.enable_constant_velocity(carla.Vector3D(3.0, 0.0, 0.0))
    stage.ticks(3)
    before, _ = eye.look()
    after, mine = eye.look()
    rolled = changed(before, after, mine, 30)
    rows, _ = np.nonzero(mine)
    rolled_rows = np.nonzero(rolled)[0]
    assert len(rolled_rows) >= 30
    # Wheels are in the lower half; at the outline a pixel of the background may shine through.
    assert (rolled_rows > np.quantile(rows, 0.4)).mean() > 0.9
    car.disable_constant_velocity()
    car.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(10)
    before, _ = eye.look()
    car.set_wheel_steer_direction(carla.VehicleWheelLocation.FR_Wheel, 30.0)
    world.tick()
    after, mine = eye.look()
    eye.stop()
    steered = np.nonzero(changed(before, after, mine, 30))[1]
    assert len(steered) >= 20
    # The front is on the right of a camera that looks to the left.
    assert steered.min() > np.nonzero(mine)[1].mean()


@pytest.mark.parametrize(("speed", "moves"), [(0.0, False), (1.4, True), (3.5, True)])
def test_walkers_step_as_they_move_and_again_in_the_same_way(world, stage, speed, moves):
    seen = []
    for _ in range(2):
        walker = stage.spawn("walker.pedestrian.0015", right=-20.0, up=1.0)
        eye = Eye(world, walker, carla.Transform(carla.Location(0.0, 3.0, 0.0), carla.Rotation(yaw=-90.0)), walker)
        walker.apply_control(carla.WalkerControl(direction=stage.forward, speed=speed))
        stage.ticks(10)
        views = [eye.look() for _ in range(9)]
        eye.stop()
        walker.destroy()
        seen.append([mine for _, mine in views])
    steps = [int((a ^ b).sum()) for a, b in zip(seen[0], seen[0][1:], strict=False)]
    assert (max(steps) > 60) == moves
    assert all((a == b).all() for a, b in zip(*seen, strict=True))


def test_every_vehicle_is_drawn_inside_its_box_with_its_tag(world, stage):
    library = sorted(blueprint.id for blueprint in world.get_blueprint_library().filter("vehicle.*"))
    depth = attach(world, "camera.depth", None, stage.place(0.0, up=3.0), **SIZE)
    tags = attach(world, "camera.instance_segmentation", None, stage.place(0.0, up=3.0), **SIZE)
    focal = SIZE["image_size_x"] / (2.0 * np.tan(np.radians(30.0)))
    v, u = np.mgrid[0 : SIZE["image_size_y"], 0 : SIZE["image_size_x"]] + 0.5
    u, v = (u - SIZE["image_size_x"] / 2) / focal, (v - SIZE["image_size_y"] / 2) / focal
    for identifier in library:
        car = stage.spawn(identifier, ahead=11.0, yaw=35.0)
        car.set_simulate_physics(False)
        frame = world.tick()
        image, metre = tags.of_frame(frame), metres(depth.of_frame(frame))
        code = pixels(image).astype(int)
        mine = code[..., 1] + 256 * code[..., 0] == car.id & 0xFFFF
        assert mine.sum() > 120, identifier
        blueprint = world.get_blueprint_library().find(identifier)
        expected = set(car.semantic_tags)
        assert set(code[mine][:, 2].tolist()) == expected, identifier
        two_wheels = int(blueprint.get_attribute("number_of_wheels")) == 2
        assert two_wheels == (13 in expected), identifier
        local = np.stack([metre, metre * u, -metre * v, np.ones_like(metre)])[:, mine]
        inside = np.linalg.inv(matrix(car.get_transform())) @ matrix(image.transform) @ local
        box = car.bounding_box
        off = inside[:3].T - (box.location.x, box.location.y, box.location.z)
        margin = np.array([0.13, 0.13, 0.13])  # light bars, and wheels that reach out of the boxes of two-wheelers
        assert (np.abs(off) <= np.array([box.extent.x, box.extent.y, box.extent.z]) + margin).all(), identifier
        assert np.abs(off[:, 2]).max() > 0.8 * box.extent.z, identifier
        car.destroy()
    depth.stop()
    tags.stop()
