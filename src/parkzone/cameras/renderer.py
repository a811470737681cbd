"""Films by OpenGL without a screen (EGL; Mesa's llvmpipe where there is no graphics card)."""

from __future__ import annotations

import importlib
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from parksight.physics.camera import Camera
from parksight.physics.geodesy import EARTH_RADIUS, REFRACTION
from parkzone.cameras import shaders, things
from parkzone.cameras.caption import stamp
from parkzone.cameras.light import Light, light
from parkzone.cameras.scenery import PAINT_U, PAINT_V, Scenery
from parkzone.cameras.stage import Shot, View, view
from parkzone.geometry import frame

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
NEAR_M, FAR_M = 2.0, 20_000.0
#: The ideal picture is larger than the filmed one by this, for the lens to bend its edges in.
OVER = 1.06
CLEAR_M = 7000.0
_NET = (48, 27)
_KEPT_NETS = 32
_BEND = REFRACTION / (2 * EARTH_RADIUS)
_TRIANGLE = np.array([-1, -1, 3, -1, -1, 3], np.float32)
_SQUARE = np.array([-1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1], np.float32)


class NoGraphicsError(RuntimeError):
    """OpenGL cannot be had here."""


class Renderer:
    """All pictures of one scenery, whatever camera takes them. To be used by the thread that made it.

    Raises:
        NoGraphicsError: no library or no driver.
    """

    def __init__(self, scenery: Scenery, seed: int) -> None:
        try:
            self._gl: Any = importlib.import_module("moderngl")
            self.gl: Any = self._gl.create_context(standalone=True, backend="egl")
        except Exception as error:  # whatever the loader, the driver or the binding say: there is none
            raise NoGraphicsError(f"{type(error).__name__}: {error}") from error
        self.seed = seed
        self.scenery = scenery
        self._nets: dict[tuple[Any, ...], tuple[Any, Any]] = {}
        self._stores: dict[tuple[int, int], tuple[Any, Any, Any]] = {}
        gl: Any = self.gl
        programs = {
            kind: gl.program(vertex_shader=shaders.BODY_VERTEX, fragment_shader=fragment)
            for kind, fragment in (
                ("ground", shaders.GROUND_FRAGMENT), ("bodies", shaders.BODY_FRAGMENT), ("plain", shaders.PLAIN_FRAGMENT)
            )
        }  # fmt: skip
        self._programs = programs
        self._sky = gl.program(vertex_shader=shaders.SKY_VERTEX, fragment_shader=shaders.SKY_FRAGMENT)
        self._spot = gl.program(vertex_shader=shaders.SPOT_VERTEX, fragment_shader=shaders.SPOT_FRAGMENT)
        self._lens = gl.program(vertex_shader=shaders.LENS_VERTEX, fragment_shader=shaders.LENS_FRAGMENT)
        self._range = gl.program(vertex_shader=shaders.RANGE_VERTEX, fragment_shader=shaders.RANGE_FRAGMENT)
        triangle = gl.buffer(_TRIANGLE.tobytes())
        self._sky_quad = gl.vertex_array(self._sky, [(triangle, "2f", "corner")])
        vertices = gl.buffer(scenery.vertices.tobytes())
        form = "3f 4f1 4f1 2f"
        names = ("at", "normal", "colour", "wall")
        self._arrays = {
            kind: gl.vertex_array(program, [(vertices, form, *names)], skip_errors=True)
            for kind, program in programs.items()
        }
        self._arrays["range"] = gl.vertex_array(self._range, [(vertices, "3f 16x", "at")])
        self._moving_store = gl.buffer(reserve=things.VEHICLES * 30 * scenery.vertices.dtype.itemsize)
        self._moving = gl.vertex_array(
            programs["plain"], [(self._moving_store, form, *names)], skip_errors=True
        )
        square = gl.buffer(_SQUARE.tobytes())
        self._spot_store = gl.buffer(reserve=8192 * things.SPOT_COLUMNS * 4)
        self._spots = gl.vertex_array(
            self._spot, [(square, "2f", "corner"), (self._spot_store, "3f 4f 2f/i", "at", "shade", "spot")]
        )
        self._lamps = np.zeros((len(scenery.lamps), things.SPOT_COLUMNS), np.float32)
        self._lamps[:, :3] = scenery.lamps
        self._lamps[:, 3:] = (1.0, 0.82, 0.52, 0.9, 0.8, 1.0)
        self._paint = gl.texture(scenery.paint.shape[1::-1], 3, scenery.paint.tobytes(), alignment=1)
        self._paint.build_mipmaps()
        self._paint.filter = (self._gl.LINEAR_MIPMAP_NEAREST, self._gl.LINEAR)
        programs["ground"]["paint"].value = 0
        programs["ground"]["paint_half"].value = (PAINT_U, PAINT_V)
        self._range_store: tuple[Any, Any] | None = None
        self._balls = np.array([(*c.centre, c.radius) for c in scenery.chunks])

    # -- pictures ------------------------------------------------------------------------------------------

    def film(self, shot: Shot) -> U8:
        """The picture, RGB, (height, width, 3)."""
        width, height = shot.size
        ideal, target, texture = self._targets(shot.size)
        seen = view(shot.camera, shot.pose)
        lit = light(shot.light_s)
        scale = (1.0 / (seen.half_tan[0] * OVER), 1.0 / (seen.half_tan[1] * OVER))
        gl: Any = self.gl
        ideal.use()
        ideal.clear(depth=1.0)
        gl.disable(self._gl.BLEND)
        gl.enable(self._gl.DEPTH_TEST)
        for program in self._programs.values():
            self._place(program, seen, scale)
            self._lit(program, lit)
        order = self._visible(seen)
        # what hides comes before what is hidden: a pixel is shaded once
        self._draw("bodies", order, ("bodies",))
        self._draw("plain", order, ("loose",))
        if shot.traffic:
            self._draw_traffic(shot, seen)
        self._paint.use(0)
        self._draw("ground", order, ("ground",))
        # roads lie on the ground: nearer to the eye by a hair, and leaving its depth alone
        gl.polygon_offset = -1.0, -2.0
        ideal.depth_mask = False
        self._draw("plain", order, ("roads",))
        gl.polygon_offset = 0.0, 0.0
        gl.depth_func = "<="
        self._sky["scale"].value = scale
        self._sky["head"].write(_mat(seen.head))
        self._sky["zenith"].value, self._sky["haze"].value = lit.zenith, lit.horizon
        self._sky_quad.render()
        gl.depth_func = "<"
        ideal.depth_mask = True
        self._draw_spots(shot, seen, scale, lit)
        target.use()
        gl.disable(self._gl.DEPTH_TEST | self._gl.BLEND)
        texture.use(0)
        self._lens["shift"].value = 2.0 * shot.shift_px / shot.camera.size[0]
        if shot.shift_px:
            target.clear()
        self._net(shot.camera, seen).render()
        picture = np.frombuffer(target.read(components=3, alignment=1), np.uint8)
        out = spoilt(picture.reshape(height, width, 3).copy(), dark=shot.dark, blurred=shot.blurred)
        if shot.caption:
            stamp(out, shot.caption)
        return out

    def _targets(self, size: tuple[int, int]) -> tuple[Any, Any, Any]:
        if size not in self._stores:
            gl: Any = self.gl
            inner = (math.ceil(size[0] * OVER), math.ceil(size[1] * OVER))
            texture = gl.texture(inner, 3)
            texture.filter = (self._gl.LINEAR, self._gl.LINEAR)
            texture.repeat_x = texture.repeat_y = False
            ideal = gl.framebuffer([texture], gl.depth_renderbuffer(inner))
            self._stores[size] = ideal, gl.framebuffer([gl.renderbuffer(size, 3)]), texture
        return self._stores[size]

    def _place(self, program: Any, seen: View, scale: tuple[float, float]) -> None:
        program["eye"].value = tuple(seen.eye)
        program["level"].write(_mat(seen.level))
        program["head"].write(_mat(seen.head))
        program["scale"].value = scale
        program["bend"].value = _BEND
        program["depths"].value = (NEAR_M, FAR_M)

    def _lit(self, body: Any, lit: Light) -> None:
        body["sun_to"].value, body["sun"].value, body["ambient"].value = lit.towards_sun, lit.sun, lit.ambient
        body["haze"].value, body["clear_m"].value = lit.horizon, CLEAR_M
        if "lamps" in body:
            body["lamps"].value = lit.lamps
        if "ground_light" in body:
            up = lit.towards_sun[2]
            body["ground_light"].value = tuple(a + s * up for a, s in zip(lit.ambient, lit.sun, strict=True))

    def _visible(self, seen: View) -> list[int]:
        """Chunks that may be in the picture, nearest first: their balls against the four planes of the view."""
        at = (self._balls[:, :3] - seen.eye) @ (seen.head @ seen.level).T
        radius = self._balls[:, 3] + 2.0
        inside = at[:, 2] > -radius
        for axis in (0, 1):
            tangent = seen.half_tan[axis] * OVER
            norm = math.hypot(1.0, tangent)
            inside &= (np.abs(at[:, axis]) - tangent * at[:, 2]) / norm < radius
        chosen = np.flatnonzero(inside)
        near = np.linalg.norm(at[chosen], axis=1) - radius[chosen]
        return [int(i) for i in chosen[np.argsort(near)]]

    def _draw(self, program: str, order: list[int], kinds: tuple[str, ...]) -> None:
        array = self._arrays[program]
        for chunk in (self.scenery.chunks[i] for i in order):
            if chunk.kind in kinds:
                array.render(vertices=chunk.count, first=chunk.first)

    def _net(self, camera: Camera, seen: View) -> Any:
        """The lens as a net of triangles over the picture; kept for each focal length seen lately."""
        key = (seen.focal, camera.k1, camera.k2, camera.size)
        if key not in self._nets:
            if len(self._nets) >= _KEPT_NETS:
                array, store = self._nets.pop(next(iter(self._nets)))
                array.release()
                store.release()
            store = self.gl.buffer(_net(camera, seen.half_tan).tobytes())
            self._nets[key] = self.gl.vertex_array(self._lens, [(store, "2f 2f", "corner", "source")]), store
        return self._nets[key][0]

    def _draw_traffic(self, shot: Shot, seen: View) -> None:
        u, v = frame.to_uv(np.array([seen.eye[0]]), np.array([seen.eye[1]]))
        rows = things.traffic(self.seed, shot.wall_s, np.array([u[0], v[0]]))
        if len(rows):
            self._moving_store.write(rows.tobytes())
            self._moving.render(vertices=len(rows))

    def _draw_spots(self, shot: Shot, seen: View, scale: tuple[float, float], lit: Light) -> None:
        rows = things.spots(shot.fires, shot.wall_s)
        if not len(rows) and lit.lamps <= 0.01:
            return
        gl, ideal = self.gl, self._targets(shot.size)[0]
        self._place(self._spot, seen, scale)
        gl.enable(self._gl.BLEND)
        ideal.depth_mask = False
        if lit.lamps > 0.01:
            away = self._lamps[:, :3] - seen.eye.astype(np.float32)
            ahead = away @ (seen.head @ seen.level)[2].astype(np.float32)
            shown = self._lamps[(ahead > 3.0) & (ahead < 3500.0)]
            gl.blend_func = self._gl.SRC_ALPHA, self._gl.ONE
            self._spot["least"].value = 0.0011 * seen.half_tan[0]
            self._spot_store.write(shown.tobytes())
            self._spots.render(instances=len(shown))
        if len(rows):
            gl.blend_func = self._gl.SRC_ALPHA, self._gl.ONE_MINUS_SRC_ALPHA
            self._spot["least"].value = 0.0
            far = np.linalg.norm(rows[:, :3] - seen.eye, axis=1)
            rows = rows[np.argsort(-far)]
            dimmed = (
                np.ones(len(rows)) if lit.lamps < 0.5 else np.where(rows[:, 3] > rows[:, 5] * 1.5, 1.0, 0.5)
            )
            rows[:, 3:6] *= dimmed[:, None]
            self._spot_store.write(rows.astype(np.float32).tobytes())
            self._spots.render(instances=len(rows))
        ideal.depth_mask = True
        gl.disable(self._gl.BLEND)

    # -- truth ---------------------------------------------------------------------------------------------

    def distance(self, shot: Shot, direction: F64, *, loose: bool = False) -> float | None:
        """Slant range in m to the first thing in a direction (apparent, camera's ENU); None: sky.

        Rendered as a picture of a few pixels straight ahead, so that neither the lens nor the depth buffer's steps
        come in. ``loose`` counts trees, too.
        """
        if self._range_store is None:
            texture = self.gl.texture((5, 5), 1, dtype="f4")
            self._range_store = self.gl.framebuffer([texture], self.gl.depth_renderbuffer((5, 5))), texture
        store, texture = self._range_store
        seen = view(shot.camera, shot.pose)
        forward = np.asarray(direction) / np.linalg.norm(direction)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-9 else np.array([1.0, 0.0, 0.0])
        narrow = 1e-5
        aimed = View(
            seen.eye, seen.level, np.stack([right, np.cross(forward, right), forward]), 1.0, (narrow, narrow)
        )
        store.use()
        store.clear(depth=1.0)
        self.gl.enable(self._gl.DEPTH_TEST)
        self.gl.disable(self._gl.BLEND)
        self._place(self._range, aimed, (1.0 / narrow, 1.0 / narrow))
        visible = self._visible(aimed)
        self._draw("range", visible, ("ground", "bodies", "loose") if loose else ("ground", "bodies"))
        found = float(np.frombuffer(texture.read(), np.float32).reshape(5, 5)[2, 2])
        return found if found > 0 else None


def _net(camera: Camera, half_tan: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Triangles over the picture: place on it (-1..1, v downward) and the place in the ideal picture (0..1)."""
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, _NET[0] + 1), np.linspace(-1.0, 1.0, _NET[1] + 1))
    xd, yd = across * half_tan[0], down * half_tan[1]
    x, y = xd.copy(), yd.copy()
    for _ in range(12):
        r2 = x * x + y * y
        s = 1.0 + camera.k1 * r2 + camera.k2 * r2 * r2
        x, y = xd / s, yd / s
    knots = np.stack(
        [across, down, x / half_tan[0] / OVER * 0.5 + 0.5, y / half_tan[1] / OVER * 0.5 + 0.5], axis=-1
    )
    a, b, c, d = knots[:-1, :-1], knots[:-1, 1:], knots[1:, 1:], knots[1:, :-1]
    return np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 4).astype(np.float32)


def spoilt(picture: U8, *, dark: bool, blurred: bool) -> U8:
    """A picture as a camera with a shut iris or a lens out of focus would give it."""
    if blurred:
        picture = np.asarray(cv2.blur(picture, (picture.shape[1] // 45, picture.shape[1] // 45)), np.uint8)
    if dark:
        picture = picture // 32
    return picture


def _mat(matrix: F64) -> bytes:
    """Column by column, as GLSL wants it."""
    return matrix.T.astype(np.float32).tobytes()
