"""MP4 files that browsers play: H.264, yuv420p, index first."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from rollouts.storage import atomic_path
from sim.errors import PilotageError

CRF = 24
BT709 = 1


class VideoError(PilotageError, ValueError):
    """A video could not be made; the message names the file and what is wrong."""


def write_h264(path: str | Path, frames: Iterable[np.ndarray], fps: float, crf: int = CRF) -> int:
    """Write RGB uint8 frames (height, width, 3), all of one size, as an MP4 at `fps`; returns how many there were.

    An odd height or width loses its last row or column, which yuv420p has no room for. `crf` is x264's quality, less is
    better. Frames are taken one at a time; `path` appears when all are written. Raises VideoError for no frames, for
    frames of other sizes and where the encoder refuses; StorageError where the disk does.
    """
    count = 0
    shape: tuple[int, ...] = ()
    rate = Fraction(fps).limit_denominator(1000)
    with atomic_path(path) as temporary:
        try:
            # The index at the front lets a browser start before it has the whole file.
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "medium"})
                for image in frames:
                    if count == 0:
                        shape = image.shape
                        _prepare(stream, path, image)
                    if image.shape != shape or image.dtype != np.uint8:
                        raise VideoError(f"{path}: frame {count} is {image.dtype} {image.shape}, the first was {shape}")
                    even = np.ascontiguousarray(image[: stream.height, : stream.width])
                    frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
                        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                    )
                    frame.pts, frame.time_base = count, 1 / rate
                    container.mux(stream.encode(frame))
                    count += 1
                if count == 0:
                    raise VideoError(f"{path}: a video of no frames")
                container.mux(stream.encode())
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise VideoError(f"{path}: the encoder refused ({error})") from error
    return count


def _prepare(stream: av.VideoStream, path: str | Path, image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 2:
        raise VideoError(f"{path}: a frame of shape {image.shape}; give RGB (height, width, 3)")
    stream.height, stream.width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    # Untagged, players guess the matrix by the size of the picture, and colours shift.
    context.colorspace, context.color_primaries, context.color_trc = BT709, BT709, BT709
    context.color_range = ColorRange.MPEG
