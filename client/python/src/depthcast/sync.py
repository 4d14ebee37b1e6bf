from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from .errors import DepthcastError
from .frame import DepthFrame
from .session import AsyncSession, Camera, Source

T = TypeVar("T")


class Session:
    """An AsyncSession for code that waits: it runs in a thread of its own. Ends with `close`, a `with` block, or the source."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="depthcast", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self._run(session.__aenter__())
        except BaseException:
            self._stop()
            raise

    @property
    def server(self) -> str:
        """Name and version of the server."""
        return self._session.server

    @property
    def dropped(self) -> int:
        """Depth maps that were not read in time."""
        return self._session.dropped

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[DepthFrame]:
        try:
            while not self._closed:
                try:
                    frame = self._run(self._session.__anext__())
                except StopAsyncIteration:
                    return
                yield frame
        finally:
            self.close()

    def anchor(self, anchors: Iterable[tuple[float, float, float]]) -> None:
        """Tells distances: (x, y, metres), x and y as shares of the picture from its top left corner."""
        self._run(self._session.anchor(anchors))

    def set_camera(self, camera: Camera | None) -> None:
        """Tells what is known of the camera."""
        self._run(self._session.set_camera(camera))

    def close(self) -> None:
        """Ends the session. It can be called more than once."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._session.close())
        finally:
            self._stop()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            work.close()
            raise DepthcastError("ENDED", "the session has ended")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def open(  # noqa: A001
    url: str,
    source: Source = 0,
    *,
    token: str | None = None,
    camera: Camera | None = None,
    output: dict[str, Any] | None = None,
    fps: float = 30.0,
) -> Session:
    """
    Sends `source` to a server; iterate over what comes back.

    url: http(s) address of the server. source: a camera's number, a file or address that FFmpeg reads, or pictures, uint8
    [height, width, 3], red, green, blue, which are sent at `fps`. camera: `{"hfov": degrees}` or `{"fx", "fy", "cx", "cy"}`.
    output: settings of docs/signalling.md. Raises DepthcastError.
    """
    return Session(AsyncSession(url, source, token=token, camera=camera, output=output, fps=fps))


def watch(url: str, name: str, *, token: str | None = None) -> Session:
    """Depth of the stream `name`, which somebody else publishes. Frames carry no colour. Raises DepthcastError."""
    return Session(AsyncSession(url, name=name, token=token))
