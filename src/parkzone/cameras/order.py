"""What the studio asks of its film crew, and what it gets; travels as MessagePack between the two processes."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec

from parksight.physics.camera import Camera, Pose
from parkzone.cameras.cast import HEIGHT, SUB_HEIGHT, SUB_WIDTH, WIDTH
from parkzone.cameras.stage import Fire, Shot

SIZES = {"main": (WIDTH, HEIGHT), "sub": (SUB_WIDTH, SUB_HEIGHT)}
#: Pictures per second of a stream, and how many a still's loop has.
FPS = 12
LOOP = 2 * FPS


class Order(msgspec.Struct, frozen=True):
    """One picture to take.

    Attributes:
        what: ``frame`` goes on with the live stream; ``still`` is a loop of one picture; ``jpeg`` is a photograph.
        streams: main, sub; ``key``: begin anew. ``pan`` … ``zoom``: true attitude of the head, degrees.
        mount_x, mount_y, heading: how far the mount has given way since it was built, degrees.
    """

    code: str
    what: str
    streams: tuple[str, ...]
    key: tuple[str, ...]
    pan: float
    tilt: float
    zoom: float
    mount_x: float
    mount_y: float
    heading: float
    wall_s: float
    light_s: float
    fires: tuple[Fire, ...]
    dark: bool
    blurred: bool
    shift_px: float
    caption: tuple[str, ...]


class Taken(msgspec.Struct, frozen=True):
    """NAL units by stream and picture; ``cpu_s`` is what it cost; ``problem`` is why there are none."""

    streams: dict[str, list[list[bytes]]]
    cpu_s: float
    problem: str = ""


class Ready(msgspec.Struct, frozen=True):
    """First word of the crew: how it films and the parameter sets of both streams."""

    renderer: str
    parameters: dict[str, list[bytes]]


def actual(truth: Camera, order: Order) -> Camera:
    """The optics as the mount now holds them."""
    return replace(
        truth, axis_x=truth.axis_x + math.radians(order.mount_x), axis_y=truth.axis_y + math.radians(order.mount_y),
        pan0=truth.pan0 + math.radians(order.heading),
    )  # fmt: skip


def shot(truth: Camera, order: Order, size: tuple[int, int]) -> Shot:
    pose = Pose(math.radians(order.pan), math.radians(order.tilt), max(1.0, order.zoom))
    return Shot(
        actual(truth, order), pose, order.wall_s, order.light_s, size, order.fires, order.dark, order.blurred,
        order.shift_px, order.caption,
    )  # fmt: skip
