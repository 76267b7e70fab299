"""What is known of each vehicle model: weights, measures, engine, gears, brakes and tyres.

Kerb weight, wheelbase, track, engine, drag coefficient and turning circle (kerb to kerb) are the makers', of the
variant named beside each model, as commonly quoted. Centres of mass, frontal areas, gear ratios and tyre grips are
typical of the class; grips and shift times are chosen so that `benchmarks/vehicles.py` meets road tests. Models without
a data sheet (CARLA's own trucks, ids that this module does not know) take their class's values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CAR, VAN, PICKUP, TRUCK, BUS, MOTORCYCLE, BICYCLE = "car", "van", "pickup", "truck", "bus", "motorcycle", "bicycle"
RIDER_KG = 75.0
TYRE_HALF_WIDTH = 0.1  # m; kerb to kerb is measured at the outer tyre's edge


@dataclass(frozen=True)
class Gearbox:
    """Forward ratios, and seconds without drive between them."""

    ratios: tuple[float, ...]
    switch_s: float


@dataclass(frozen=True)
class Engine:
    """A torque curve by its peak (N m), power (kW), highest speed and idle speed (1/min), and where the peak begins
    (share of the highest speed)."""

    torque_nm: float
    power_kw: float
    max_rpm: float
    idle_rpm: float
    peak_from: float

    def curve(self) -> tuple[tuple[float, float], ...]:
        """(1/min, N m): up to the peak torque, along it until the power is reached, then at constant power."""
        top, watts = self.max_rpm, 1000.0 * self.power_kw
        crossing = min(0.95 * top, watts / self.torque_nm * 30.0 / math.pi)
        points = [(0.0, self.torque_nm if self.idle_rpm == 0.0 else 0.55 * self.torque_nm)]
        begin = self.peak_from * top
        if 0.0 < begin < crossing:
            points.append((begin, self.torque_nm))
        points.append((crossing, self.torque_nm))
        for share in (0.25, 0.5, 0.75, 1.0):
            rpm = crossing + share * (top - crossing)
            fade = 1.0 if self.idle_rpm == 0.0 or share < 1.0 else 0.85
            points.append((round(rpm, 1), round(fade * self.torque_nm * crossing / rpm, 2)))
        return tuple(points)


@dataclass(frozen=True)
class VehicleData:
    """One model (SI units unless named).

    track           of both axles; 0 for two-wheelers
    front_weight    share of the weight on the front axle
    front_drive     share of the drive on the front axle
    turning_circle  kerb to kerb, diameter
    grip            friction of its tyres relative to a good road tyre's
    efficiency      of gearbox, axles and wheels
    """

    mass: float
    wheelbase: float
    track: float
    wheel_radius: float
    front_weight: float
    cog_height: float
    engine: Engine
    gearbox: Gearbox
    final_ratio: float
    front_drive: float
    drag: float
    frontal_area: float
    turning_circle: float
    grip: float
    efficiency: float = 0.90

    @property
    def max_steer_deg(self) -> float:
        """Largest angle of the inner front wheel, from the turning circle."""
        outer = math.asin(min(0.8, self.wheelbase / (0.5 * self.turning_circle - TYRE_HALF_WIDTH)))
        across = self.wheelbase / math.tan(outer) - self.track
        return round(math.degrees(math.atan2(self.wheelbase, max(across, 0.2))), 1)


FWD, RWD, AWD = 1.0, 0.0, 0.5
_MANUAL_5 = Gearbox((3.55, 1.95, 1.28, 0.95, 0.76), 0.5)
_MANUAL_6 = Gearbox((3.60, 2.00, 1.35, 1.00, 0.82, 0.68), 0.4)
_DUAL_CLUTCH = Gearbox((3.45, 2.15, 1.46, 1.08, 0.86, 0.72), 0.1)
_AUTO_6 = Gearbox((4.17, 2.34, 1.52, 1.14, 0.87, 0.69), 0.25)
_AUTO_8 = Gearbox((4.71, 3.14, 2.10, 1.67, 1.29, 1.00, 0.84, 0.67), 0.2)
_AUTO_5 = Gearbox((3.59, 2.19, 1.41, 1.00, 0.83), 0.3)
_TRUCK_BOX = Gearbox((6.7, 4.1, 2.6, 1.7, 1.2, 1.0, 0.78), 0.5)
_DIRECT = Gearbox((1.0,), 0.0)
_BIKE_BOX = Gearbox((2.6, 1.9, 1.52, 1.28, 1.12, 1.0), 0.12)
_BICYCLE_BOX = Gearbox((1.0,), 0.0)


def _petrol(torque: float, power: float, max_rpm: float = 6500.0, peak_from: float = 0.45) -> Engine:
    return Engine(torque, power, max_rpm, 800.0, peak_from)


def _turbo(torque: float, power: float, max_rpm: float = 6500.0) -> Engine:
    return Engine(torque, power, max_rpm, 800.0, 0.25)


def _diesel(torque: float, power: float, max_rpm: float = 4500.0) -> Engine:
    return Engine(torque, power, max_rpm, 750.0, 0.33)


def _electric(torque: float, power: float, max_rpm: float) -> Engine:
    return Engine(torque, power, max_rpm, 0.0, 0.0)


def _muscle(watts: float) -> Engine:
    """A rider's legs, at the pedals."""
    return Engine(watts / 6.0, watts / 1000.0, 120.0, 0.0, 0.0)


# mass, wheelbase, track, wheel radius, front weight, cog height, engine, gearbox, final ratio, front drive, drag,
# frontal area, turning circle, grip
_MODELS: dict[str, VehicleData] = {
    # Audi A2 1.6 FSI
    "vehicle.audi.a2": VehicleData(
        995, 2.405, 1.445, 0.301, 0.60, 0.55, _petrol(155, 81), _MANUAL_5, 3.88, FWD, 0.28, 2.20, 10.5, 0.95
    ),
    # Audi e-tron 55 quattro
    "vehicle.audi.etron": VehicleData(
        2490, 2.928, 1.653, 0.380, 0.50, 0.55, _electric(664, 300, 14000), _DIRECT, 9.2, AWD, 0.28, 2.65, 12.2, 1.02
    ),
    # Audi TT 2.0 TFSI (8S), S tronic
    "vehicle.audi.tt": VehicleData(
        1335, 2.505, 1.562, 0.325, 0.60, 0.48, _turbo(370, 169), _DUAL_CLUTCH, 4.1, FWD, 0.30, 2.09, 10.96, 1.08
    ),
    # BMW 220i Gran Tourer
    "vehicle.bmw.grandtourer": VehicleData(
        1570, 2.780, 1.561, 0.325, 0.58, 0.60, _turbo(280, 141, 6700), _AUTO_8, 3.2, FWD, 0.30, 2.43, 11.7, 1.0
    ),
    # Chevrolet Impala 3.6 V6
    "vehicle.chevrolet.impala": VehicleData(
        1740, 2.837, 1.580, 0.345, 0.60, 0.55, _petrol(358, 227, 6800), _AUTO_6, 2.77, FWD, 0.30, 2.35, 11.8, 0.95
    ),
    # Citroen C3 PureTech 110
    "vehicle.citroen.c3": VehicleData(
        1090, 2.540, 1.480, 0.305, 0.62, 0.56, _turbo(205, 81, 6000), _MANUAL_5, 4.0, FWD, 0.32, 2.20, 10.9, 1.0
    ),
    # Dodge Charger R/T 5.7
    "vehicle.dodge.charger_2020": VehicleData(
        1935, 3.052, 1.615, 0.355, 0.54, 0.54, _petrol(534, 276, 5800), _AUTO_8, 2.62, RWD, 0.335, 2.40, 11.7, 1.0
    ),
    # Dodge Charger Pursuit 5.7
    "vehicle.dodge.charger_police": VehicleData(
        1965, 3.052, 1.615, 0.355, 0.54, 0.54, _petrol(529, 276, 5800), _AUTO_5, 2.65, RWD, 0.335, 2.40, 11.7, 0.95
    ),
    "vehicle.dodge.charger_police_2020": VehicleData(
        1965, 3.052, 1.615, 0.355, 0.54, 0.54, _petrol(529, 276, 5800), _AUTO_8, 2.62, RWD, 0.335, 2.40, 11.7, 0.97
    ),
    # Ford Crown Victoria 4.6
    "vehicle.ford.crown": VehicleData(
        1880, 2.913, 1.625, 0.345, 0.56, 0.56, _petrol(373, 178, 5500), _AUTO_5, 3.27, RWD, 0.34, 2.45, 12.2, 0.85
    ),
    # Ford Mustang GT 5.0 (2016)
    "vehicle.ford.mustang": VehicleData(
        1720, 2.720, 1.615, 0.350, 0.53, 0.50, _petrol(542, 310, 7000), _AUTO_6, 3.15, RWD, 0.35, 2.25, 11.8, 1.08
    ),
    # Jeep Wrangler Rubicon 3.6 (JK, two doors)
    "vehicle.jeep.wrangler_rubicon": VehicleData(
        1900, 2.424, 1.572, 0.405, 0.52, 0.72, _petrol(347, 209, 6600), _AUTO_5, 4.10, AWD, 0.49, 2.75, 10.6, 0.75, 0.78
    ),
    # Lincoln MKZ 2.0 GTDI
    "vehicle.lincoln.mkz_2017": VehicleData(
        1740, 2.850, 1.580, 0.340, 0.58, 0.54, _turbo(373, 183, 6500), _AUTO_6, 3.07, FWD, 0.29, 2.30, 11.6, 0.95
    ),
    "vehicle.lincoln.mkz_2020": VehicleData(
        1740, 2.850, 1.580, 0.340, 0.58, 0.54, _turbo(373, 183, 6500), _AUTO_6, 3.07, FWD, 0.29, 2.30, 11.6, 0.95
    ),
    # Mercedes-Benz C 250 Coupe
    "vehicle.mercedes.coupe": VehicleData(
        1550, 2.760, 1.545, 0.320, 0.53, 0.50, _turbo(310, 150, 6300), _AUTO_8, 2.65, RWD, 0.28, 2.20, 10.84, 1.05
    ),
    # Mercedes-Benz C 300 Coupe
    "vehicle.mercedes.coupe_2020": VehicleData(
        1565, 2.840, 1.570, 0.325, 0.53, 0.50, _turbo(370, 190, 6300), _AUTO_8, 2.65, RWD, 0.28, 2.20, 11.2, 1.08
    ),
    # Microlino (an L7e quadricycle, 90 km/h)
    "vehicle.micro.microlino": VehicleData(
        530, 1.570, 1.150, 0.275, 0.50, 0.50, _electric(89, 19, 9600), _DIRECT, 10.5, RWD, 0.38, 1.90, 8.0, 0.90
    ),
    # MINI Cooper S (F56)
    "vehicle.mini.cooper_s": VehicleData(
        1235, 2.495, 1.485, 0.308, 0.62, 0.52, _turbo(280, 141, 6500), _MANUAL_6, 3.6, FWD, 0.32, 2.10, 10.8, 1.05
    ),
    "vehicle.mini.cooper_s_2021": VehicleData(
        1265, 2.495, 1.485, 0.308, 0.62, 0.52, _turbo(280, 131, 6500), _DUAL_CLUTCH, 3.9, FWD, 0.32, 2.10, 10.8, 1.05
    ),
    # Nissan Micra 1.2 (K13)
    "vehicle.nissan.micra": VehicleData(
        980, 2.450, 1.472, 0.290, 0.62, 0.57, _petrol(110, 59, 6300), _MANUAL_5, 4.07, FWD, 0.33, 2.15, 9.3, 0.98
    ),
    # Nissan Patrol 3.0 Di (Y61, short)
    "vehicle.nissan.patrol": VehicleData(
        2200,
        2.400,
        1.615,
        0.385,
        0.53,
        0.75,
        _diesel(380, 118, 4300),
        _MANUAL_5,
        4.38,
        RWD,
        0.44,
        2.90,
        10.8,
        0.85,
        0.74,
    ),
    # Nissan Patrol 5.6 V8 (Y62)
    "vehicle.nissan.patrol_2021": VehicleData(
        2750, 3.075, 1.705, 0.400, 0.51, 0.75, _petrol(560, 298, 6000), _AUTO_6, 3.36, RWD, 0.37, 3.20, 12.5, 0.88
    ),
    # SEAT Leon 1.4 TSI 150
    "vehicle.seat.leon": VehicleData(
        1236, 2.636, 1.535, 0.318, 0.60, 0.54, _turbo(250, 110, 6300), _MANUAL_6, 3.55, FWD, 0.30, 2.19, 10.9, 1.0
    ),
    # Tesla Cybertruck, all-wheel drive
    "vehicle.tesla.cybertruck": VehicleData(
        2995, 3.635, 1.740, 0.444, 0.50, 0.65, _electric(630, 447, 15500), _DIRECT, 11.0, AWD, 0.34, 3.30, 13.2, 0.95
    ),
    # Tesla Model 3 Long Range, all-wheel drive
    "vehicle.tesla.model3": VehicleData(
        1847, 2.875, 1.580, 0.335, 0.48, 0.46, _electric(510, 258, 16000), _DIRECT, 9.0, 0.4, 0.23, 2.22, 11.8, 1.02
    ),
    # Toyota Prius (XW50); its power split box is one long gear
    "vehicle.toyota.prius": VehicleData(
        1400, 2.700, 1.515, 0.316, 0.60, 0.54, _electric(163, 80, 17000), _DIRECT, 10.8, FWD, 0.24, 2.20, 10.2, 0.98
    ),
    # Ford Transit-sized ambulance, 2.2 TDCi
    "vehicle.ford.ambulance": VehicleData(
        3000, 3.750, 1.720, 0.350, 0.50, 0.90, _diesel(385, 114), _MANUAL_6, 4.2, RWD, 0.38, 4.80, 13.6, 0.85
    ),
    # Mercedes-Benz Sprinter 316 CDI
    "vehicle.mercedes.sprinter": VehicleData(
        2250, 3.665, 1.715, 0.345, 0.55, 0.80, _diesel(360, 120), _MANUAL_6, 3.9, RWD, 0.33, 4.30, 13.4, 0.88
    ),
    # Volkswagen T2 2.0
    "vehicle.volkswagen.t2": VehicleData(
        1350, 2.400, 1.410, 0.325, 0.45, 0.75, _petrol(140, 51, 4800), _MANUAL_5, 4.86, RWD, 0.45, 2.90, 11.1, 0.78
    ),
    "vehicle.volkswagen.t2_2021": VehicleData(
        1350, 2.400, 1.410, 0.325, 0.45, 0.75, _petrol(140, 51, 4800), _MANUAL_5, 4.86, RWD, 0.45, 2.90, 11.1, 0.78
    ),
    # CARLA's own trucks: a 7.5 t delivery truck, an 18 t fire engine and a 4x2 tractor without its trailer
    "vehicle.carlamotors.carlacola": VehicleData(
        5500, 3.300, 1.900, 0.400, 0.45, 1.10, _diesel(580, 130, 2900), _TRUCK_BOX, 4.1, RWD, 0.60, 6.00, 14.5, 0.72
    ),
    "vehicle.carlamotors.firetruck": VehicleData(
        13000, 4.800, 2.050, 0.500, 0.42, 1.30, _diesel(1200, 220, 2500), _TRUCK_BOX, 5.3, RWD, 0.70, 8.00, 18.5, 0.70
    ),
    "vehicle.carlamotors.european_hgv": VehicleData(
        8000, 3.800, 2.050, 0.500, 0.60, 1.10, _diesel(2300, 330, 2100), _TRUCK_BOX, 3.6, RWD, 0.60, 9.00, 15.0, 0.70
    ),
    # Mitsubishi Fuso Rosa, as long as CARLA's
    "vehicle.mitsubishi.fusorosa": VehicleData(
        6500, 5.200, 1.850, 0.390, 0.45, 1.10, _diesel(430, 110, 3500), _TRUCK_BOX, 3.9, RWD, 0.55, 6.20, 18.5, 0.75
    ),
    # Two-wheelers, with a rider
    "vehicle.harley-davidson.low_rider": VehicleData(
        302 + RIDER_KG,
        1.630,
        0.0,
        0.310,
        0.46,
        0.60,
        Engine(126, 60, 5600, 900, 0.4),
        _BIKE_BOX,
        4.6,
        RWD,
        0.6,
        0.8,
        6.0,
        0.92,
    ),
    "vehicle.kawasaki.ninja": VehicleData(
        196 + RIDER_KG,
        1.400,
        0.0,
        0.305,
        0.50,
        0.62,
        Engine(71, 96, 15000, 1300, 0.6),
        _BIKE_BOX,
        7.3,
        RWD,
        0.55,
        0.7,
        6.0,
        1.0,
    ),
    "vehicle.yamaha.yzf": VehicleData(
        190 + RIDER_KG,
        1.375,
        0.0,
        0.305,
        0.50,
        0.62,
        Engine(62, 87, 15500, 1300, 0.6),
        _BIKE_BOX,
        7.7,
        RWD,
        0.55,
        0.7,
        6.0,
        1.0,
    ),
    "vehicle.vespa.zx125": VehicleData(
        120 + RIDER_KG,
        1.290,
        0.0,
        0.225,
        0.42,
        0.60,
        Engine(9.6, 7.0, 9000, 1500, 0.6),
        Gearbox((1.0,), 0.0),
        10.5,
        RWD,
        0.7,
        0.8,
        4.4,
        0.85,
    ),
    "vehicle.bh.crossbike": VehicleData(
        15 + RIDER_KG, 1.060, 0.0, 0.340, 0.42, 1.0, _muscle(400), _BICYCLE_BOX, 0.45, RWD, 1.0, 0.5, 4.0, 0.75
    ),
    "vehicle.diamondback.century": VehicleData(
        10 + RIDER_KG, 0.990, 0.0, 0.340, 0.42, 1.0, _muscle(400), _BICYCLE_BOX, 0.42, RWD, 0.9, 0.45, 4.0, 0.75
    ),
    "vehicle.gazelle.omafiets": VehicleData(
        20 + RIDER_KG, 1.140, 0.0, 0.350, 0.38, 1.05, _muscle(300), _BICYCLE_BOX, 0.50, RWD, 1.1, 0.55, 4.4, 0.75
    ),
}
_CLASS_MODELS = {
    CAR: "vehicle.seat.leon",
    VAN: "vehicle.mercedes.sprinter",
    PICKUP: "vehicle.tesla.cybertruck",
    TRUCK: "vehicle.carlamotors.carlacola",
    BUS: "vehicle.mitsubishi.fusorosa",
    MOTORCYCLE: "vehicle.yamaha.yzf",
    BICYCLE: "vehicle.bh.crossbike",
}


def vehicle_data(identifier: str, kind: str) -> VehicleData:
    """Data of a blueprint; of its class when the model is unknown."""
    found = _MODELS.get(identifier)
    return found if found is not None else _MODELS[_CLASS_MODELS.get(kind, "vehicle.seat.leon")]
