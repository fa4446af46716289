"""The simulated participant's camera: a photograph's face moved and warped, 640 x 480 at 25 frames a second.

The face is a mesh of triangles; each frame moves the mesh's vertices and carries every triangle's piece of the
photograph along (piecewise affine warp, as in active appearance models: Cootes, Edwards & Taylor 2001).
"""

from __future__ import annotations

import base64

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import DependencyError
from streamsense.sources.simulator.eyeballs import Eyeballs
from streamsense.sources.simulator.face_mesh import REGION, moved_vertices, vertices
from streamsense.sources.simulator.participant import FaceDrive, Participant

RATE_HZ = 25.0
WIDTH, HEIGHT = 640, 480
JPEG_QUALITY = 80

Picture = npt.NDArray[np.uint8]

_CROP = (70, 0, 320, 240)  # left, top, width, height in the photograph: the part that is scaled to the picture
_SUBPIXEL_BITS = 4


def photograph() -> Picture:
    """The photograph, (480, 640, 3) in OpenCV's channel order. Raises DependencyError without scikit-image."""
    try:
        from skimage import data
    except ImportError as error:
        raise DependencyError(
            "The simulated participant's face is a photograph that scikit-image carries, and scikit-image is not "
            "installed. Install it with `pip install streamsense[demo]`, or leave the camera out (`--only "
            "eeg,voice,markers,truth`)."
        ) from error
    left, top, width, height = _CROP
    crop = np.ascontiguousarray(data.astronaut()[top : top + height, left : left + width, ::-1])
    return np.asarray(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


class Face:
    """Draws the face that a `FaceDrive` describes."""

    def __init__(self) -> None:
        at_rest = photograph()
        self._eyeballs = Eyeballs(at_rest)
        self._at_rest = vertices()
        self._triangles = Delaunay(self._at_rest).simplices
        if len(self._triangles) > 255:
            raise ValueError(f"the mesh has {len(self._triangles)} triangles, expected at most 255")
        left, top, right, bottom = REGION
        self._columns = np.arange(left, right, dtype=np.float32)[None, :]
        self._rows = np.arange(top, bottom, dtype=np.float32)[:, None]
        shape = (bottom - top, right - left)
        self._label = np.zeros(shape, dtype=np.uint8)
        # Allocated once: fresh arrays of this size would cost more in page faults than the arithmetic on them.
        self._source = (np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))
        self._term = np.zeros(shape, dtype=np.float32)
        self._moving = np.zeros((*shape, 3), dtype=np.uint8)
        self._picture = at_rest.copy()

    def picture(self, drive: FaceDrive) -> Picture:
        """The camera's picture, (480, 640, 3) uint8 in OpenCV's channel order; overwritten by the next call."""
        left, top, right, bottom = REGION
        moved = moved_vertices(drive)
        area, tables = self._affine_tables(moved)
        corners = np.rint((moved - (left, top)) * 2**_SUBPIXEL_BITS).astype(np.int32)[self._triangles]
        # A triangle's outline is drawn half a pixel too wide. The smallest come first, so that what is squeezed
        # to nothing (the teeth behind closed lips) is covered by its neighbours.
        for number in np.argsort(area, kind="stable"):
            cv2.fillConvexPoly(self._label, corners[number], int(number), cv2.LINE_8, _SUBPIXEL_BITS)
        source_x, source_y = self._source
        for source, (of_x, of_y, of_one) in ((source_x, tables[:3]), (source_y, tables[3:])):
            cv2.LUT(self._label, of_x, source)
            np.multiply(source, self._columns, out=source)
            cv2.LUT(self._label, of_y, self._term)
            np.multiply(self._term, self._rows, out=self._term)
            np.add(source, self._term, out=source)
            cv2.LUT(self._label, of_one, self._term)
            np.add(source, self._term, out=source)
        turned = self._eyeballs.turned(drive)
        cv2.remap(turned, source_x, source_y, cv2.INTER_LINEAR, self._moving, borderMode=cv2.BORDER_REPLICATE)
        self._picture[top:bottom, left:right] = self._moving
        return self._picture

    def _affine_tables(self, moved: FloatArray) -> tuple[FloatArray, Float32Array]:
        """Each triangle's signed area (t,), and its way back to the photograph, (6, 256) by triangle.

        The rows are the factors of x, y and 1 that give the place in the photograph: three for its x, three
        for its y.
        """
        to, source = moved[self._triangles], self._at_rest[self._triangles]
        edges, source_edges = to[:, 1:] - to[:, :1], source[:, 1:] - source[:, :1]
        twice_area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
        safe = np.where(np.abs(twice_area) < 1e-3, 1.0, twice_area)  # such a triangle shows no pixel
        inverse = (
            np.stack((edges[:, 1, 1], -edges[:, 0, 1], -edges[:, 1, 0], edges[:, 0, 0]), axis=-1).reshape(-1, 2, 2)
            / safe[:, None, None]
        )
        linear = inverse @ source_edges  # row vectors: (place - corner) @ linear is the way from the source corner
        shift = source[:, 0] - np.einsum("ti,tij->tj", to[:, 0], linear)
        tables = np.zeros((6, 256), dtype=np.float32)
        for axis in (0, 1):
            tables[3 * axis : 3 * axis + 3, : len(to)] = (linear[:, 0, axis], linear[:, 1, axis], shift[:, axis])
        return twice_area / 2, tables


class Camera:
    """The participant's camera: frame n shows the participant at n / 25 s."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._face = Face()

    def frame(self, index: int) -> str:
        """Frame `index` as base64 of a JPEG."""
        picture = self._face.picture(self._participant.face_at(index / RATE_HZ))
        encoded, jpeg = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
        if not encoded:
            raise RuntimeError("OpenCV could not encode a picture as JPEG")
        return base64.b64encode(jpeg.tobytes()).decode("ascii")
