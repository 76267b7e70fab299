"""What vehicles do, measured through the real CARLA client on a real server, beside published figures.

    python benchmarks/vehicles.py                 # the cars with published figures
    python benchmarks/vehicles.py vehicle.audi.tt vehicle.yamaha.yzf

Four manoeuvres on a level plain: 0 to 100 km/h at full throttle, 100 to 0 km/h with the brake pedal down, a circle at
walking pace with the wheel at its stop (kerb to kerb: twice the radius of the outer front tyre's outer edge), and a
slowly closing curve at 60 km/h, whose largest lateral acceleration is the limit. The command fails when a figure is
more than 15 % from a published one.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import dataclass

import carla

DELTA_S = 0.02
TOLERANCE = 0.15
TYRE_HALF_WIDTH = 0.1
TOP = 100.0 / 3.6

# Where figures are from. Those of data sheets are the makers' for the variant named, as commonly quoted; those with an
# address were looked up there. Braking from another speed is scaled by its square.
SHEET = "maker's data sheet"
ADAC = "ADAC, mean of 500 cars 2012-16 (autogazette.de/porsche/bremsen/sicherheit/porsche-911-cabrio-bremst-am-besten)"
ADAC_2006 = "ADAC, mean ten years earlier (same page)"
ADAC_ELECTRIC = "ADAC, mean of electric cars (verivox.de/kfz-versicherung/nachrichten/adac-bremstest, 2021-12)"
CAR_AND_DRIVER = "Car and Driver's test"

PLAIN = """<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="plain" version="1" north="500"
south="-500" east="1500" west="0"/><road name="plain" length="1500" id="1" junction="-1"><link/><planView>
<geometry s="0" x="0" y="0" hdg="0" length="1500"><line/></geometry></planView><elevationProfile/><lateralProfile/>
<lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center><right>
<lane id="-1" type="driving" level="false"><link/><width sOffset="0" a="500" b="0" c="0" d="0"/></lane>
</right></laneSection></lanes></road></OpenDRIVE>"""


@dataclass(frozen=True)
class Figure:
    """A published figure and where it is from."""

    value: float
    source: str


@dataclass(frozen=True)
class Published:
    """Of one variant: sprint (s), braking (m), circle (m, kerb to kerb), lateral limit (g)."""

    variant: str
    sprint: Figure | None = None
    braking: Figure | None = None
    circle: Figure | None = None
    lateral: Figure | None = None


def _sheet(sprint: float, circle: float) -> tuple[Figure, Figure]:
    return Figure(sprint, SHEET), Figure(circle, SHEET)


def _car(
    variant: str, sprint: float, circle: float, braking: Figure | None, lateral: Figure | None = None
) -> Published:
    first, second = _sheet(sprint, circle)
    return Published(variant, first, braking, second, lateral)


def _from_70_mph(feet: float, source: str) -> Figure:
    return Figure(round(feet * 0.3048 * (100.0 / 112.65) ** 2, 1), source)


PUBLISHED: dict[str, Published] = {
    "vehicle.audi.a2": _car("A2 1.6 FSI", 9.8, 10.5, Figure(40.0, ADAC_2006)),
    "vehicle.audi.etron": _car("e-tron 55 quattro", 5.7, 12.2, Figure(36.0, ADAC_ELECTRIC)),
    "vehicle.audi.tt": _car("TT 2.0 TFSI (8S), front drive", 6.0, 10.96, Figure(36.4, ADAC)),
    "vehicle.bmw.grandtourer": _car("220i Gran Tourer", 7.7, 11.7, Figure(36.4, ADAC)),
    "vehicle.citroen.c3": _car("C3 PureTech 110", 9.3, 10.9, Figure(36.4, ADAC)),
    "vehicle.ford.mustang": _car(
        "Mustang GT 5.0", 4.8, 12.2,
        _from_70_mph(152.0, f"{CAR_AND_DRIVER} of the V6 (forums.anandtech.com/threads/2100401)"),
        Figure(0.95, f"{CAR_AND_DRIVER} of the V6 (same page)"),
    ),
    "vehicle.jeep.wrangler_rubicon": _car(
        "Wrangler 3.6 (JK), mud tyres", 8.1, 10.6,
        _from_70_mph(204.0, f"{CAR_AND_DRIVER} (speedyauto.cc/buyingguide/review/201603/254515.html)"),
        Figure(0.61, f"{CAR_AND_DRIVER} (same page)"),
    ),
    "vehicle.lincoln.mkz_2017": _car(
        "MKZ 2.0 GTDI", 7.5, 11.6, Figure(36.4, ADAC),
        Figure(0.85, f"{CAR_AND_DRIVER} of the 3.7 (justgreatcars.blogspot.com/2013/04/2013-lincoln-mkz-review.html)"),
    ),
    "vehicle.mini.cooper_s": _car("Cooper S (F56)", 6.8, 10.8, Figure(36.4, ADAC)),
    "vehicle.nissan.micra": _car("Micra 1.2 (K13)", 13.7, 9.3, Figure(40.0, ADAC_2006)),
    "vehicle.seat.leon": _car("Leon 1.4 TSI 150", 8.2, 10.9, Figure(36.4, ADAC)),
    "vehicle.tesla.model3": _car("Model 3 Long Range AWD", 4.6, 11.8, Figure(36.0, ADAC_ELECTRIC)),
    "vehicle.toyota.prius": _car("Prius (XW50)", 10.6, 10.2, Figure(36.4, ADAC)),
    "vehicle.mercedes.sprinter": _car("Sprinter 316 CDI", 11.7, 13.4, None),
    "vehicle.volkswagen.t2": _car("T2 2.0", 20.0, 11.1, None),
}  # fmt: skip


class Plain:
    """A server of its own with a level plain, and a client that drives on it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent"]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        ready = json.loads(self._server.stdout.readline())
        self.client = carla.Client("127.0.0.1", ready["port"])
        self.client.set_timeout(30.0)
        parameters = carla.OpendriveGenerationParameters(2.0, 5000.0, 0.0, 0.6, True, True, False)
        self.world = self.client.generate_opendrive_world(PLAIN, parameters)
        settings = self.world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, DELTA_S
        self.world.apply_settings(settings)

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10)

    def spawn(self, identifier: str) -> carla.Vehicle:
        where = carla.Transform(carla.Location(50.0, 250.0, 0.1))
        vehicle = self.world.spawn_actor(self.world.get_blueprint_library().find(identifier), where)
        for _ in range(25):
            self.world.tick()
        return vehicle

    def remove(self, vehicle: carla.Vehicle) -> None:
        vehicle.destroy()
        self.world.tick()

    def sprint(self, identifier: str) -> float | None:
        """Seconds from standstill to 100 km/h; None after a minute."""
        vehicle = self.spawn(identifier)
        vehicle.apply_control(carla.VehicleControl(throttle=1.0))
        time_s, before = 0.0, 0.0
        found = None
        while found is None and time_s < 60.0:
            self.world.tick()
            time_s += DELTA_S
            now = vehicle.get_velocity().length()
            if now >= TOP:
                found = time_s - DELTA_S * (now - TOP) / max(now - before, 1e-6)
            before = now
        self.remove(vehicle)
        return found

    def braking(self, identifier: str) -> float:
        """Metres from 100 km/h to standstill."""
        vehicle = self.spawn(identifier)
        vehicle.set_target_velocity(carla.Vector3D(TOP, 0.0, 0.0))
        self.world.tick()
        begin = vehicle.get_location()
        vehicle.apply_control(carla.VehicleControl(brake=1.0))
        while vehicle.get_velocity().length() > 0.0:
            self.world.tick()
        way = float(vehicle.get_location().distance(begin))
        self.remove(vehicle)
        return way

    def circle(self, identifier: str) -> float:
        """Diameter (m) of the outer front tyre's outer edge at full lock."""
        vehicle = self.spawn(identifier)
        points = []
        turned, before = 0.0, vehicle.get_transform().rotation.yaw
        while turned < 420.0:
            slow = vehicle.get_velocity().length() < 1.5
            vehicle.apply_control(carla.VehicleControl(steer=1.0, throttle=0.4 if slow else 0.0))
            self.world.tick()
            yaw = vehicle.get_transform().rotation.yaw
            turned += (yaw - before + 180.0) % 360.0 - 180.0
            before = yaw
            if turned > 60.0:
                points.append(vehicle.get_physics_control().wheels[0].position / 100.0)
        across = max(point.x for point in points) - min(point.x for point in points)
        self.remove(vehicle)
        return float(across) + 2.0 * TYRE_HALF_WIDTH

    def lateral(self, identifier: str) -> float:
        """Largest lateral acceleration (g) at 60 km/h while the steering slowly closes."""
        vehicle = self.spawn(identifier)
        speed = 60.0 / 3.6
        vehicle.set_target_velocity(carla.Vector3D(speed, 0.0, 0.0))
        felt, peak = 0.0, 0.0
        for step in range(700):
            velocity, acceleration = vehicle.get_velocity(), vehicle.get_acceleration()
            throttle = min(1.0, max(0.0, 0.3 + 0.5 * (speed - velocity.length())))
            vehicle.apply_control(carla.VehicleControl(steer=step / 700.0 * 0.6, throttle=throttle))
            self.world.tick()
            sideways = (velocity.x * acceleration.y - velocity.y * acceleration.x) / max(velocity.length(), 1.0)
            felt += (sideways - felt) * DELTA_S / 0.2
            peak = max(peak, felt if step > 25 else 0.0)
        self.remove(vehicle)
        return peak / 9.81


def _cell(measured: float | None, published: Figure | None, digits: int) -> tuple[str, bool]:
    text = "-" if measured is None else f"{measured:.{digits}f}"
    if published is None or measured is None:
        return f"{text:>6} {'':<14}", True
    off = measured / published.value - 1.0
    return f"{text:>6} ({published.value:.{digits}f}, {100.0 * off:+3.0f} %)".ljust(21), abs(off) <= TOLERANCE


def main() -> int:
    chosen = sys.argv[1:] or list(PUBLISHED)
    plain = Plain()
    good, sources = True, []
    print(f"{platform.machine()} {platform.system()}; measured (published, difference)")
    print(f"{'vehicle':<30} {'0-100 km/h, s':<21} {'100-0 km/h, m':<21} {'circle, m':<21} {'lateral limit, g':<21}")
    try:
        for identifier in chosen:
            known = PUBLISHED.get(identifier, Published(""))
            cells = (
                _cell(plain.sprint(identifier), known.sprint, 1),
                _cell(plain.braking(identifier), known.braking, 1),
                _cell(plain.circle(identifier), known.circle, 1),
                _cell(plain.lateral(identifier), known.lateral, 2),
            )
            good &= all(within for _, within in cells)
            print(f"{identifier.removeprefix('vehicle.'):<30} " + " ".join(text for text, _ in cells), flush=True)
            for name in ("sprint", "braking", "circle", "lateral"):
                figure = getattr(known, name)
                if figure is not None:
                    sources.append((identifier, known.variant, name, figure))
    finally:
        plain.close()
    print("\nPublished figures:")
    for identifier in chosen:
        mine = [(name, figure) for vehicle, _, name, figure in sources if vehicle == identifier]
        if mine:
            listed = "; ".join(f"{name} {figure.value:g}: {figure.source}" for name, figure in mine)
            print(f"  {PUBLISHED[identifier].variant}: {listed}")
    print("all within" if good else "NOT all within", f"{100.0 * TOLERANCE:.0f} %")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
