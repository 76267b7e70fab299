"""Ackermann control: a steering angle, a speed and an acceleration turned into pedals and wheel by two PID loops.

Behaviour, gains and limits follow CARLA's `FAckermannController`: the speed loop moves an acceleration target, the
acceleration loop a pedal target; reverse is engaged only at a standstill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim.server.actors import VehicleControl
from sim.server.wire import items, number

MAX_ACCELERATION, MAX_DECELERATION = 3.0, 8.0  # m/s^2, where the command names none
STANDSTILL = 0.1  # m/s
OUTPUT_LIMIT = 1.0  # of each loop, per tick
FILTER = 5.0  # the acceleration is averaged over about this many ticks


@dataclass(frozen=True)
class AckermannControl:
    """A command: steer (rad, right positive), its rate (rad/s, 0 at once), speed (m/s), |acceleration|, |jerk|."""

    steer: float = 0.0
    steer_speed: float = 0.0
    speed: float = 0.0
    acceleration: float = 0.0
    jerk: float = 0.0


@dataclass(frozen=True)
class AckermannSettings:
    """Gains of the two loops; the order is the wire's, the values CARLA's defaults."""

    speed_kp: float = 0.15
    speed_ki: float = 0.0
    speed_kd: float = 0.25
    accel_kp: float = 0.01
    accel_ki: float = 0.0
    accel_kd: float = 0.01

    def packed(self) -> list[float]:
        """Wire form."""
        return [self.speed_kp, self.speed_ki, self.speed_kd, self.accel_kp, self.accel_ki, self.accel_kd]


def read_ackermann(value: object) -> AckermannControl:
    """A client's command. Raises BadArguments."""
    return AckermannControl(*(number(part) for part in items(value, 5)))


def read_ackermann_settings(value: object) -> AckermannSettings:
    """A client's gains. Raises BadArguments."""
    return AckermannSettings(*(number(part) for part in items(value, 6)))


def _limited(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))


@dataclass
class _Loop:
    """A PID loop with its derivative on the measurement."""

    integral: float = 0.0
    last: float = 0.0

    def run(self, gains: tuple[float, float, float], target: float, measured: float, dt: float) -> float:
        p, i, d = gains
        error = target - measured
        self.integral = _limited(self.integral + i * error * dt, -OUTPUT_LIMIT, OUTPUT_LIMIT)
        rate = (measured - self.last) / dt
        self.last = measured
        return _limited(p * error + self.integral - d * rate, -OUTPUT_LIMIT, OUTPUT_LIMIT)


@dataclass
class AckermannController:
    """The controller of one vehicle; `settings` outlive a command, everything else is reset by `stop`."""

    settings: AckermannSettings = field(default_factory=AckermannSettings)
    target: AckermannControl | None = None
    _speed_loop: _Loop = field(default_factory=_Loop)
    _accel_loop: _Loop = field(default_factory=_Loop)
    _accel_target: float = 0.0
    _pedal: float = 0.0
    _speed: float = 0.0
    _accel: float = 0.0
    _reverse: bool = False
    _steer: float = 0.0

    def stop(self) -> None:
        """An ordinary control takes over."""
        self.target = None
        self._speed_loop, self._accel_loop = _Loop(), _Loop()
        self._accel_target = self._pedal = self._speed = self._accel = self._steer = 0.0
        self._reverse = False

    def run(self, speed: float, max_steer: float, dt: float) -> VehicleControl:
        """Pedals and wheel for the coming tick of `dt` s, from the forward speed (m/s); `max_steer` in rad."""
        assert self.target is not None
        target = self.target
        accel = (speed - self._speed) / dt
        self._accel = ((FILTER - 1.0) * self._accel + accel) / FILTER
        self._speed = speed
        self._turn(target, max_steer, dt)
        steer = self._steer / max_steer if max_steer > 0.0 else 0.0
        if abs(speed) < STANDSTILL and abs(target.speed) < STANDSTILL:
            return VehicleControl(steer=steer, brake=1.0, reverse=self._reverse)
        wanted = target.speed
        if abs(speed) < STANDSTILL:
            self._reverse = target.speed < 0.0
        elif speed * target.speed < 0.0:
            wanted = 0.0  # first come to a halt
        limit = abs(target.acceleration)
        low, high = (-limit, limit) if limit >= 1e-4 else (-MAX_DECELERATION, MAX_ACCELERATION)
        s = self.settings
        step = self._speed_loop.run((s.speed_kp, s.speed_ki, s.speed_kd), wanted, speed, dt)
        self._accel_target = _limited(self._accel_target + step, low, high)
        step = self._accel_loop.run((s.accel_kp, s.accel_ki, s.accel_kd), self._accel_target, self._accel, dt)
        self._pedal = _limited(self._pedal + step, -1.0, 1.0)
        drive = -self._pedal if self._reverse else self._pedal
        return VehicleControl(throttle=max(0.0, drive), steer=steer, brake=max(0.0, -drive), reverse=self._reverse)

    def _turn(self, target: AckermannControl, max_steer: float, dt: float) -> None:
        wanted = _limited(target.steer, -max_steer, max_steer)
        rate = abs(target.steer_speed)
        change = wanted - self._steer
        if rate < 1e-3 or abs(change) <= rate * dt:
            self._steer = wanted
        else:
            self._steer += math.copysign(rate * dt, change)
