"""One renderer in a process of its own, for `benchmarks/render.py`: `python benchmarks/render_peers.py NAME TOWN`.

Reads requests (JSON, a line each) and answers each with a line: {"ms": ...} of processor time, or {"error": ...}.
Processor time counts all threads of the process and not what other programs do to the machine.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from render_scene import FOV, Street, cells, flat_colors, in_view, normals, street

from sim.geometry import Pose, pose_matrix, rotation_matrix
from sim.render.mesh import Mesh

SKY = (176, 201, 222)
NEAR_M, FAR_M = 0.1, 1500.0


class Peer(Protocol):
    """A renderer that draws one street."""

    modes: tuple[str, ...]

    def ready(self, width: int, height: int, mode: str) -> None:
        """Get ready for pictures of a size; not timed."""

    def draw(self, index: int) -> np.ndarray:
        """Draw what camera `index` sees and fetch all that the mode asks for; returns RGB (H, W, 3). Timed."""


class Ours:
    """`sim.render.Renderer` under its default weather: textures, shadows, sky and fog come on top of what peers do."""

    modes = ("antialiased", "aliased", "all")

    def __init__(self, scene: Street) -> None:
        from sim.render.renderer import OUTPUTS, Renderer, warm_up

        warm_up()
        self._scene, self._outputs, self._renderer = scene, OUTPUTS, Renderer(scene.town)

    def ready(self, width: int, height: int, mode: str) -> None:
        self._size = width, height
        self._asked = self._outputs if mode == "all" else frozenset({"rgb"})
        # Without a mode of its own for it, the anti-aliased picture stands in: more work than the peers do.
        can = "antialias" in inspect.signature(self._renderer.render).parameters
        self._more: dict[str, Any] = {"antialias": False} if mode == "aliased" and can else {}

    def draw(self, index: int) -> np.ndarray:
        camera = self._scene.cameras[index]
        frame = self._renderer.render(
            camera, *self._size, FOV, self._scene.movables(index), outputs=self._asked, **self._more
        )
        assert frame.bgra is not None
        return frame.bgra[:, :, 2::-1]


class Llvmpipe:
    """Mesa's llvmpipe by moderngl: flat colours in one vertex buffer, cells culled on the CPU, pixels read back."""

    modes = ("antialiased", "aliased", "all")

    VERTEX = """
        #version 330
        uniform mat4 clip_from_camera; uniform mat4 camera_from_mesh;
        in vec3 place; in vec4 look; in vec4 face;
        flat out vec3 color; flat out uint tag; flat out vec3 normal; out float depth;
        void main() {
            vec4 seen = camera_from_mesh * vec4(place, 1.0);
            seen.xyz *= 1.0 - 0.002 * face.w;  // decals, lifted as our rasteriser does
            gl_Position = clip_from_camera * seen;
            color = look.rgb; tag = uint(look.a * 255.0 + 0.5); normal = face.xyz; depth = seen.x;
        }"""
    RGB = """
        #version 330
        flat in vec3 color; out vec4 pixel;
        void main() { pixel = vec4(color, 1.0); }"""
    LABELS = """
        #version 330
        uniform uint actor;
        flat in uint tag; flat in vec3 normal; in float depth;
        layout(location = 0) out float metres; layout(location = 1) out uint label;
        layout(location = 2) out uint owner; layout(location = 3) out vec4 way;
        void main() { metres = depth; label = tag; owner = actor; way = vec4(normal, 0.0); }"""

    def __init__(self, scene: Street) -> None:
        os.environ["LP_NUM_THREADS"] = "0"
        import moderngl

        self._scene = scene
        self._context = moderngl.create_standalone_context(backend="egl", require=330)
        if "llvmpipe" not in self._context.info["GL_RENDERER"]:
            raise RuntimeError(f"the EGL context is {self._context.info['GL_RENDERER']}, not llvmpipe")
        self._context.enable(moderngl.DEPTH_TEST)
        self._programs = [self._context.program(self.VERTEX, fragment) for fragment in (self.RGB, self.LABELS)]
        ordered = cells(scene.town)
        self._town = self._arrays(scene.town, np.concatenate(ordered))
        self._cells = []
        first = 0
        for cell in ordered:
            corners = scene.town.vertices[scene.town.triangles[cell]].reshape(-1, 3)
            self._cells.append((first, 3 * len(cell), corners))
            first += 3 * len(cell)
        lows = np.array([corners.min(axis=0) for _, _, corners in self._cells], float)
        highs = np.array([corners.max(axis=0) for _, _, corners in self._cells], float)
        self._centers, self._radii = (lows + highs) / 2.0, np.linalg.norm(highs - lows, axis=1) / 2.0
        self._models = {id(mesh): self._arrays(mesh, np.arange(len(mesh.triangles))) for mesh in scene.meshes}

    def _arrays(self, mesh: Mesh, order: np.ndarray) -> list[Any]:
        count = 3 * len(order)
        packed = np.zeros(count, [("place", "3f4"), ("look", "4u1"), ("face", "4f4")])
        packed["place"] = mesh.vertices[mesh.triangles[order]].reshape(-1, 3)
        packed["look"][:, :3] = np.repeat(flat_colors(mesh)[order], 3, axis=0)
        packed["look"][:, 3] = np.repeat(mesh.tags[order], 3)
        packed["face"][:, :3] = np.repeat(normals(mesh)[order], 3, axis=0)
        packed["face"][:, 3] = np.repeat(mesh.layers[order], 3)
        buffer = self._context.buffer(packed.tobytes())
        return [
            self._context.vertex_array(program, [(buffer, "3f4 4f1 4f4", "place", "look", "face")])
            for program in self._programs
        ]

    def ready(self, width: int, height: int, mode: str) -> None:
        context, size = self._context, (width, height)
        self._size, self._mode = size, mode
        samples = 0 if mode == "aliased" else 4
        self._picture = context.framebuffer(
            [context.renderbuffer(size, 4, samples=samples)], context.depth_renderbuffer(size, samples=samples)
        )
        self._plain = context.framebuffer([context.renderbuffer(size, 4)])
        if mode == "all":
            planes = [
                context.renderbuffer(size, channels, dtype=kind)
                for channels, kind in ((1, "f4"), (1, "u1"), (1, "u4"), (4, "f4"))
            ]
            self._labels = context.framebuffer(planes, context.depth_renderbuffer(size))
        f = 1.0 / math.tan(math.radians(FOV) / 2.0)
        clip = np.zeros((4, 4))
        clip[0, 1], clip[1, 2] = f, f * width / height
        clip[2, 0], clip[2, 3] = (FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2.0 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
        clip[3, 0] = 1.0
        self._clip = clip.T.astype("f4").tobytes()
        for program in self._programs:
            program["clip_from_camera"].write(self._clip)

    def _pass(self, number: int, index: int) -> None:
        program, matrix = self._programs[number], np.linalg.inv(pose_matrix(self._scene.cameras[index]))
        where = program["camera_from_mesh"]
        where.write(matrix.T.astype("f4").tobytes())
        if number:
            program["actor"].value = 0
        at = self._centers @ matrix[:3, :3].T + matrix[:3, 3]
        side = math.tan(math.radians(FOV) / 2.0)
        rise = side * self._size[1] / self._size[0]
        seen = at[:, 0] + self._radii > NEAR_M
        seen &= np.abs(at[:, 1]) - side * at[:, 0] <= self._radii * math.hypot(1.0, side)
        seen &= np.abs(at[:, 2]) - rise * at[:, 0] <= self._radii * math.hypot(1.0, rise)
        for cell in np.flatnonzero(seen).tolist():
            first, count, _ = self._cells[cell]
            self._town[number].render(vertices=count, first=first)
        poses = np.array(self._scene.placed[index])
        placed = np.zeros((len(poses), 4, 4))
        placed[:, :3, :3] = matrix[:3, :3] @ np.moveaxis(rotation_matrix(*poses[:, 3:].T), -1, 0)
        placed[:, :3, 3] = poses[:, :3] @ matrix[:3, :3].T + matrix[:3, 3]
        placed[:, 3, 3] = 1.0
        columns = np.ascontiguousarray(placed.transpose(0, 2, 1), np.float32)
        actor = program["actor"] if number else None
        for i, mesh in enumerate(self._scene.meshes):
            where.write(columns[i])
            if actor is not None:
                actor.value = i + 1
            self._models[id(mesh)][number].render()

    def draw(self, index: int) -> np.ndarray:
        self._picture.use()
        self._picture.clear(*(value / 255.0 for value in SKY))
        self._pass(0, index)
        if self._mode != "aliased":
            self._context.copy_framebuffer(self._plain, self._picture)
        source = self._picture if self._mode == "aliased" else self._plain
        pixels = np.frombuffer(source.read(components=4, alignment=1), np.uint8)
        if self._mode == "all":
            self._labels.use()
            self._labels.clear()
            self._pass(1, index)
            for plane, (channels, kind) in enumerate(((1, "f4"), (1, "u1"), (1, "u4"), (4, "f4"))):
                self._labels.read(components=channels, attachment=plane, alignment=1, dtype=kind)
        return pixels.reshape(self._size[1], self._size[0], 4)[::-1, :, :3]


class Panda:
    """Panda3D's software renderer (p3tinydisplay): vertex colours, a node per cell, culled by itself."""

    modes = ("aliased",)

    def __init__(self, scene: Street) -> None:
        from panda3d import core

        core.load_prc_file_data("", "load-display p3tinydisplay\nwindow-type offscreen\naudio-library-name null\n")
        core.load_prc_file_data("", "notify-level error\nsync-video 0\n")
        self._core, self._scene = core, scene
        self._engine = core.GraphicsEngine.get_global_ptr()
        self._pipe = core.GraphicsPipeSelection.get_global_ptr().make_module_pipe("p3tinydisplay")
        if self._pipe is None:
            raise RuntimeError("Panda3D has no p3tinydisplay here")
        self._root = core.NodePath("street")
        for cell in cells(scene.town):
            self._root.attach_new_node(self._node(scene.town, cell))
        self._actors = [self._root.attach_new_node(self._node(m, np.arange(len(m.triangles)))) for m in scene.meshes]
        self._root.set_two_sided(True)
        self._buffer: Any = None

    def _node(self, mesh: Mesh, order: np.ndarray) -> Any:
        core = self._core
        data = core.GeomVertexData("mesh", core.GeomVertexFormat.get_v3c4(), core.Geom.UH_static)
        count = 3 * len(order)
        packed = np.zeros(count, [("place", "3f4"), ("color", "4u1")])
        packed["place"] = _upwards(mesh.vertices[mesh.triangles[order]], mesh.layers[order]).reshape(-1, 3)
        packed["color"][:, :3] = np.repeat(flat_colors(mesh)[order], 3, axis=0)
        packed["color"][:, 3] = 255
        if data.format.get_column(1).get_numeric_type() == core.Geom.NT_packed_dabc:
            packed["color"] = packed["color"][:, [2, 1, 0, 3]]
        # Panda's frame is x right, y forward, z up: right-handed.
        packed["place"] = packed["place"][:, [1, 0, 2]]
        data.unclean_set_num_rows(count)
        memoryview(data.modify_array(0)).cast("B")[:] = packed.tobytes()
        triangles = core.GeomTriangles(core.Geom.UH_static)
        triangles.add_next_vertices(count)
        geometry = core.Geom(data)
        geometry.add_primitive(triangles)
        node = core.GeomNode("cell")
        node.add_geom(geometry)
        return node

    def ready(self, width: int, height: int, mode: str) -> None:
        core = self._core
        if self._buffer is not None:
            self._engine.remove_window(self._buffer)
        properties = core.FrameBufferProperties()
        properties.set_rgb_color(True)
        properties.set_rgba_bits(8, 8, 8, 8)
        properties.set_depth_bits(24)
        self._buffer = self._engine.make_output(
            self._pipe, "frame", 0, properties, core.WindowProperties.size(width, height),
            core.GraphicsPipe.BF_refuse_window,
        )  # fmt: skip
        if self._buffer is None:
            raise RuntimeError("Panda3D opens no offscreen buffer here")
        self._texture = core.Texture()
        self._buffer.add_render_texture(self._texture, core.GraphicsOutput.RTM_copy_ram)
        self._buffer.set_clear_color(core.LColor(*(value / 255.0 for value in SKY), 1.0))
        lens = core.PerspectiveLens()
        lens.set_film_size(width, height)
        lens.set_fov(FOV)
        lens.set_near_far(NEAR_M, FAR_M)
        self._camera = self._root.attach_new_node(core.Camera("camera", lens))
        self._buffer.make_display_region().set_camera(self._camera)
        self._size = width, height

    def _matrix(self, pose: Pose) -> Any:
        swap = np.eye(4)[[1, 0, 2, 3]]
        return self._core.LMatrix4(*(swap @ pose_matrix(pose) @ swap).T.ravel().tolist())

    def draw(self, index: int) -> np.ndarray:
        self._camera.set_mat(self._matrix(self._scene.cameras[index]))
        for node, pose in zip(self._actors, self._scene.placed[index]):
            node.set_pos_hpr(pose.y, pose.x, pose.z, -pose.yaw, 0.0, 0.0)
        self._engine.render_frame()
        pixels = np.frombuffer(memoryview(self._texture.get_ram_image()), np.uint8)
        width, height = self._size
        return pixels.reshape(height, width, -1)[::-1, :, 2::-1]


class TinyRenderer:
    """pybullet's CPU renderer: one mesh of the cells in view per camera, colours from a palette, no shadows.

    It culls nothing by itself, so the cells out of view are left out beforehand, which is not timed. It leaves out the
    triangles that reach behind the camera (some of the road below it), and that is left as it is.
    """

    modes = ("aliased",)

    def __init__(self, scene: Street) -> None:
        import pybullet

        self._bullet, self._scene = pybullet, scene
        self._folder = tempfile.TemporaryDirectory()
        self._worlds: dict[tuple[int, float], tuple[int, list[int]]] = {}
        self._cells = cells(scene.town)
        self._lit = np.unique(np.concatenate([flat_colors(m) for m in (scene.town, *scene.meshes)]), axis=0)

    def _obj(self, name: str, mesh: Mesh, order: np.ndarray) -> str:
        """An .obj file of some triangles whose texture coordinates point into the palette."""
        colors = flat_colors(mesh)[order].astype(np.int64)
        keys = self._lit.astype(np.int64) @ np.array([65536, 256, 1])
        texel = np.searchsorted(keys, colors @ np.array([65536, 256, 1]))
        side = self._side()
        corners = _upwards(mesh.vertices[mesh.triangles[order]], mesh.layers[order]).reshape(-1, 3) * (1, -1, 1)
        path = Path(self._folder.name) / f"{name}.obj"
        with path.open("w") as file:
            file.write("mtllib palette.mtl\nusemtl palette\n")
            np.savetxt(file, corners, fmt="v %.4f %.4f %.4f")
            spots = np.stack([(texel % side + 0.5) / side, 1.0 - (texel // side + 0.5) / side], axis=1)
            np.savetxt(file, spots, fmt="vt %.6f %.6f")
            file.write("vn 0 0 1\n")
            first = 3 * np.arange(len(order))[:, None] + np.array([1, 2, 3])
            uv = np.arange(1, len(order) + 1)[:, None]
            np.savetxt(file, np.stack([first, np.broadcast_to(uv, first.shape)], -1).reshape(-1, 6),
                       fmt="f %d/%d/1 %d/%d/1 %d/%d/1")  # fmt: skip
        return str(path)

    def _side(self) -> int:
        return math.ceil(math.sqrt(len(self._lit)))

    def ready(self, width: int, height: int, mode: str) -> None:
        from PIL import Image

        side = self._side()
        palette = np.zeros((side * side, 3), np.uint8)
        palette[: len(self._lit)] = self._lit
        Image.fromarray(palette.reshape(side, side, 3)).save(Path(self._folder.name) / "palette.png")
        (Path(self._folder.name) / "palette.mtl").write_text("newmtl palette\nKd 1 1 1\nmap_Kd palette.png\n")
        self._size = width, height
        for index in range(len(self._scene.cameras)):
            self._world(index)

    def _world(self, index: int) -> tuple[int, list[int]]:
        width, height = self._size
        key = index, height / width
        if key in self._worlds:
            return self._worlds[key]
        bullet, scene = self._bullet, self._scene
        client = bullet.connect(bullet.DIRECT)
        corners = scene.town.vertices[scene.town.triangles]
        seen = [c for c in self._cells if in_view(scene.cameras[index], corners[c].reshape(-1, 3), width, height)]
        texture = bullet.loadTexture(str(Path(self._folder.name) / "palette.png"), physicsClientId=client)
        files = [self._obj(f"town{index}", scene.town, np.concatenate(seen))]
        files += [self._obj(f"actor{i}", mesh, np.arange(len(mesh.triangles))) for i, mesh in enumerate(scene.meshes)]
        bodies = []
        for file in files:
            shape = bullet.createVisualShape(bullet.GEOM_MESH, fileName=file, physicsClientId=client)
            body = bullet.createMultiBody(baseVisualShapeIndex=shape, physicsClientId=client)
            bullet.changeVisualShape(body, -1, textureUniqueId=texture, rgbaColor=(1, 1, 1, 1),
                                     flags=bullet.VISUAL_SHAPE_DOUBLE_SIDED, physicsClientId=client)  # fmt: skip
            bodies.append(body)
        self._worlds[key] = client, bodies
        return self._worlds[key]

    def draw(self, index: int) -> np.ndarray:
        bullet, scene, (width, height) = self._bullet, self._scene, self._size
        client, bodies = self._world(index)
        for body, pose in zip(bodies[1:], scene.placed[index]):
            turn = bullet.getQuaternionFromEuler((0.0, 0.0, -math.radians(pose.yaw)))
            bullet.resetBasePositionAndOrientation(body, (pose.x, -pose.y, pose.z), turn, physicsClientId=client)
        camera = scene.cameras[index]
        matrix = pose_matrix(camera)
        eye, target = matrix[:3, 3] * (1, -1, 1), (matrix[:3, 3] + matrix[:3, 0]) * (1, -1, 1)
        view = bullet.computeViewMatrix(eye.tolist(), target.tolist(), (0, 0, 1))
        upright = math.degrees(2.0 * math.atan(math.tan(math.radians(FOV) / 2.0) * height / width))
        lens = bullet.computeProjectionMatrixFOV(upright, width / height, NEAR_M, FAR_M)
        _, _, pixels, _, _ = bullet.getCameraImage(
            width, height, view, lens, shadow=0, lightAmbientCoeff=1.0, lightDiffuseCoeff=0.0, lightSpecularCoeff=0.0,
            renderer=bullet.ER_TINY_RENDERER, flags=bullet.ER_NO_SEGMENTATION_MASK, physicsClientId=client,
        )  # fmt: skip
        return np.asarray(pixels, np.uint8).reshape(height, width, 4)[:, :, :3]


def _upwards(corners: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Corners (T, 3, 3) with decals 1 cm up per layer: for renderers without shaders to lift them.

    Windows that lie in a wall stay there and fight with it for pixels.
    """
    lifted = corners.astype(np.float32).copy()
    lifted[:, :, 2] += 0.01 * layers[:, None].astype(np.float32)
    return lifted


PEERS: dict[str, Callable[[Street], Peer]] = {
    "ours": Ours, "llvmpipe": Llvmpipe, "panda3d": Panda, "pybullet": TinyRenderer,
}  # fmt: skip


def main() -> None:
    """Answer requests until the pipe closes."""
    name, town = sys.argv[1:3]
    core = int(sys.argv[3])
    os.sched_setaffinity(0, {core})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not look like an answer

    @lru_cache
    def scene(crowd: str) -> Street:
        return street(town, crowd)

    crowd_now, peer = "", None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["crowd"] != crowd_now:
                peer = None
                crowd_now, peer = request["crowd"], PEERS[name](scene(request["crowd"]))
            assert peer is not None
            answer: dict[str, Any] = {"modes": peer.modes}
            if "size" in request:
                peer.ready(*request["size"], request["mode"])
                peer.draw(0)
            if "index" in request:
                begin = time.process_time()
                picture = peer.draw(request["index"])
                answer["ms"] = 1e3 * (time.process_time() - begin)
                if "save" in request:
                    from PIL import Image

                    Image.fromarray(np.ascontiguousarray(picture)).save(request["save"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
