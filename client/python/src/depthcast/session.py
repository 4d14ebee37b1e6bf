from __future__ import annotations

import asyncio
import fractions
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, TypedDict, Union
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame
from numpy.typing import NDArray

from .errors import DepthcastError
from .frame import DepthFrame
from .packet import Reassembler, decode

_LOG = logging.getLogger("depthcast")
PROTOCOL_VERSION = 2
CHANNEL_PROTOCOL = "depthcast-2"
_CLIENT = "depthcast-python/0.2.0"
_CLOCK = 90_000
_SETUP_SECONDS = 20.0
# Pictures that wait for their depth, to be paired with it.
_PICTURES = 64
# Depth maps that wait to be read; older ones are dropped: this is live.
_WAITING = 8
# Without depth for so long after the last picture the stream is over.
_DRAIN_SECONDS = 3.0

Picture = NDArray[np.uint8]
Source = Union[int, str, Iterable[Picture]]


class Camera(TypedDict, total=False):
    """What is known of the camera: `hfov` in degrees, or `fx`, `fy`, `cx`, `cy` in pixels (of `width` x `height`)."""

    hfov: float
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


def _address(url: str, path: str, websocket: bool = False) -> str:
    parts = urlsplit(url)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"} if websocket else {"http": "http", "https": "https"}
    if parts.scheme not in schemes:
        raise DepthcastError("BAD_ADDRESS", f"{url} is not the address of a server, as http://127.0.0.1:8080")
    return urlunsplit((schemes[parts.scheme], parts.netloc, parts.path.rstrip("/") + path, "", ""))


class _SentTrack(MediaStreamTrack):
    """The pictures that are sent, stamped by this clock and kept until their depth comes."""

    kind = "video"

    def __init__(self, source: Source, fps: float) -> None:
        super().__init__()
        self.ended = asyncio.Event()
        self.failure: Exception | None = None
        self._sent: OrderedDict[int, VideoFrame] = OrderedDict()
        self._taken: VideoFrame | None = None
        self._newest: int | None = None
        self._began: float | None = None
        self._fps = fps
        self._player: MediaPlayer | None = None
        self._pictures: Iterator[Picture] | None = None
        self._count = 0
        if isinstance(source, int):
            self._player = MediaPlayer(f"/dev/video{source}", format="v4l2")
        elif isinstance(source, str):
            self._player = MediaPlayer(source)
        else:
            self._pictures = iter(source)
        if self._player is not None and self._player.video is None:
            raise DepthcastError("SOURCE_UNSUPPORTED", f"{source} holds no picture")

    async def recv(self) -> VideoFrame:
        try:
            frame = await self._next()
        except Exception as thrown:
            # Nobody above tells: aiortc ends its task silently.
            if not isinstance(thrown, MediaStreamError):
                self.failure = thrown
            self.ended.set()
            self.stop()
            raise MediaStreamError from thrown
        now = time.monotonic()
        self._began = self._began if self._began is not None else now
        frame.pts = int((now - self._began) * _CLOCK)
        frame.time_base = fractions.Fraction(1, _CLOCK)
        self._taken = frame
        return frame

    def leaves(self, rtp_timestamp: int) -> None:
        """
        A packet with this timestamp leaves. aiortc takes a picture only when the packets of the one before have left, so the
        first packet with a new timestamp is of the picture that was taken last; an older timestamp is sent again.
        """
        if self._newest is not None and not 0 < (rtp_timestamp - self._newest) & 0xFFFFFFFF < 1 << 31:
            return
        self._newest = rtp_timestamp
        if self._taken is not None:
            self._sent[rtp_timestamp] = self._taken
        while len(self._sent) > _PICTURES:
            self._sent.popitem(last=False)

    def picture_of(self, rtp_timestamp: int) -> VideoFrame | None:
        """The picture that was sent with this timestamp, once; None when it is not known any more."""
        return self._sent.pop(rtp_timestamp, None)

    async def _next(self) -> VideoFrame:
        if self._player is not None:
            return await self._player.video.recv()
        assert self._pictures is not None
        began = self._began if self._began is not None else time.monotonic()
        await asyncio.sleep(max(0.0, began + self._count / self._fps - time.monotonic()))
        self._count += 1
        # A generator may take its time: it is asked in a thread.
        done = object()
        picture = await asyncio.to_thread(next, self._pictures, done)
        if picture is done:
            raise MediaStreamError
        array = np.ascontiguousarray(picture)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
            raise DepthcastError("SOURCE_UNSUPPORTED", f"pictures are uint8 [height, width, 3], not {array.dtype} {array.shape}")
        # Video codecs want even sides.
        height, width = (side & ~1 for side in array.shape[:2])
        return VideoFrame.from_ndarray(np.ascontiguousarray(array[:height, :width]), format="rgb24")

    def close(self) -> None:
        self.stop()
        if self._player is not None and self._player.video is not None:
            self._player.video.stop()


class AsyncSession:
    """
    A stream of depth: `async with AsyncSession(url, source) as session: async for frame in session: ...`.

    With `name`, it watches a stream that somebody else publishes; otherwise it sends `source`: a camera's number, a file or
    address that FFmpeg reads, or anything that gives uint8 pictures [height, width, 3], red, green, blue.
    """

    def __init__(
        self,
        url: str,
        source: Source | None = None,
        *,
        name: str | None = None,
        token: str | None = None,
        camera: Camera | None = None,
        output: dict[str, Any] | None = None,
        fps: float = 30.0,
    ) -> None:
        if (source is None) == (name is None):
            raise DepthcastError("BAD_OPTION", "either a source to send or the name of a stream to watch")
        self._url, self._source, self._name, self._token = url, source, name, token
        self._camera, self._fps = camera, fps
        self._output = {"track": "off", "data": "u16", **(output or {})}
        self._frames: asyncio.Queue[DepthFrame | BaseException | None] = asyncio.Queue()
        self._over = False
        self._read_to_end = False
        self._reassembler = Reassembler()
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._peer: RTCPeerConnection | None = None
        self._track: _SentTrack | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._resource: str | None = None
        self._last_at = 0.0
        self.server = ""
        """Name and version of the server."""
        self.dropped = 0
        """Depth maps that were not read in time."""
        self.malformed = 0
        """Packets that could not be read."""

    async def __aenter__(self) -> AsyncSession:
        try:
            await asyncio.wait_for(self._open(), _SETUP_SECONDS)
        except asyncio.TimeoutError as cause:
            await self.close()
            raise DepthcastError("TIMEOUT", "the server did not answer in time") from cause
        except aiohttp.ClientError as cause:
            await self.close()
            raise DepthcastError("SERVER_UNREACHABLE", f"{self._url}: {cause}") from cause
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[DepthFrame]:
        return self

    async def __anext__(self) -> DepthFrame:
        if self._read_to_end:
            raise StopAsyncIteration
        frame = await self._frames.get()
        if isinstance(frame, DepthFrame):
            return frame
        self._read_to_end = True
        if frame is None:
            raise StopAsyncIteration
        raise frame

    def _end(self, failure: BaseException | None = None) -> None:
        """Behind what waits comes the end, once: no later frame may push it out of the queue."""
        if not self._over:
            self._over = True
            self._frames.put_nowait(failure)

    async def anchor(self, anchors: Iterable[tuple[float, float, float]]) -> None:
        """
        Tells distances: (x, y, metres), x and y as shares of the picture from its top left corner. Relative depth then comes in
        metres.
        """
        await self._send({"type": "anchors", "anchors": [{"x": x, "y": y, "metres": z} for x, y, z in anchors]})

    async def set_camera(self, camera: Camera | None) -> None:
        """Tells what is known of the camera."""
        await self._send({"type": "settings", "camera": camera})

    async def close(self) -> None:
        """Ends the session. It can be called more than once."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if self._socket is not None and not self._socket.closed:
            try:
                await self._socket.send_str('{"type":"bye"}')
            except (ConnectionError, aiohttp.ClientError):
                pass
            await self._socket.close()
        if self._resource is not None and self._http is not None:
            try:
                await self._http.delete(self._resource, headers=self._authorization())
            except aiohttp.ClientError:
                pass
            self._resource = None
        if self._track is not None:
            self._track.close()
        if self._peer is not None:
            await self._peer.close()
            self._peer = None
        if self._http is not None:
            await self._http.close()
            self._http = None
        self._end()

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def _open(self) -> None:
        self._http = aiohttp.ClientSession()
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        channel = peer.createDataChannel("depth", ordered=False, maxRetransmits=1, protocol=CHANNEL_PROTOCOL)
        channel.on("message", self._receive)
        if self._name is not None:
            await self._watch(peer, self._name)
        else:
            await self._publish(peer)

    async def _publish(self, peer: RTCPeerConnection) -> None:
        assert self._http is not None and self._source is not None
        socket = self._socket = await self._http.ws_connect(
            _address(self._url, "/ws", websocket=True), headers=self._authorization(), max_msg_size=1 << 20
        )
        await self._send({"type": "hello", "protocol": PROTOCOL_VERSION, "client": _CLIENT})
        welcome = await self._expect("welcome")
        self.server = str(welcome.get("server"))
        spoken = welcome.get("protocol")
        if spoken != PROTOCOL_VERSION:
            older = "the client" if isinstance(spoken, int) and spoken > PROTOCOL_VERSION else "the server"
            detail = f"{self.server} speaks version {spoken}, {_CLIENT} version {PROTOCOL_VERSION}: update {older}"
            raise DepthcastError("PROTOCOL_VERSION", detail)
        unknown = [key for key in self._output if key not in welcome.get("output", {})]
        if unknown:
            raise DepthcastError("NOT_IN_SERVER", f"{self.server} has no setting {', '.join(unknown)}, which {_CLIENT} was asked for")
        if self._camera is not None:
            await self.set_camera(self._camera)
        self._track = _SentTrack(self._source, self._fps)
        transceiver = peer.addTransceiver(self._track, direction="sendonly")
        self._watch_packets(transceiver.sender, self._track)
        await peer.setLocalDescription(await peer.createOffer())
        await self._send({"type": "offer", "sdp": peer.localDescription.sdp, "output": self._output})
        answer = await self._expect("answer")
        await peer.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
        self._tasks.append(asyncio.create_task(self._listen(socket)))
        self._tasks.append(asyncio.create_task(self._end_with(self._track)))

    async def _watch(self, peer: RTCPeerConnection, name: str) -> None:
        assert self._http is not None
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        headers = {"content-type": "application/sdp", **self._authorization()}
        url = _address(self._url, f"/whep/{name}")
        async with self._http.post(url, data=peer.localDescription.sdp, headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise _refusal(text, response.status)
            location = response.headers.get("location", "")
        self._resource = _address(self._url, location) if location.startswith("/") else location
        await peer.setRemoteDescription(RTCSessionDescription(sdp=text, type="answer"))
        peer.on("connectionstatechange", lambda: self._watch_state(peer))

    def _watch_state(self, peer: RTCPeerConnection) -> None:
        if peer.connectionState in ("failed", "closed"):
            self._end()

    def _watch_packets(self, sender: Any, track: _SentTrack) -> None:
        """
        What aiortc makes of a picture's time is its own affair (an origin that it chooses, a clock that it converts): the packets
        show it. So depth and picture are paired by identity, never by time.
        """
        transport, forward = sender.transport, sender.transport._send_rtp

        async def send(data: bytes) -> None:
            # RFC 5761 section 4: not an RTCP packet.
            if not 64 <= data[1] & 127 < 96:
                track.leaves(int.from_bytes(data[4:8], "big"))
            await forward(data)

        transport._send_rtp = send

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket is None:
            raise DepthcastError("NOT_PUBLISHING", "only who sends the video can tell that")
        try:
            await self._socket.send_str(json.dumps(message))
        except (ConnectionError, aiohttp.ClientError) as gone:
            raise DepthcastError("ENDED", "the session has ended") from gone

    async def _expect(self, kind: str) -> dict[str, Any]:
        assert self._socket is not None
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise DepthcastError("CONNECTION_LOST", f"the server closed the connection ({message.extra or message.data})")
            parsed: dict[str, Any] = json.loads(message.data)
            if parsed.get("type") == kind:
                return parsed
            if parsed.get("type") == "error" and parsed.get("fatal"):
                raise DepthcastError(parsed.get("code", "INTERNAL"), parsed.get("message", ""))

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Until the server ends the session; what goes wrong is the iterator's error."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            parsed = json.loads(message.data)
            if parsed.get("type") == "error" and parsed.get("fatal"):
                self._end(DepthcastError(parsed["code"], parsed["message"]))
                return
            if parsed.get("type") == "error":
                # The session goes on: of anchors that say nothing, a setting that is refused, a track that pauses.
                _LOG.warning("%s: %s", parsed.get("code"), parsed.get("message"))
            if parsed.get("type") == "closing":
                self._end(DepthcastError("ENDED_BY_SERVER", parsed.get("reason", "")))
                return
        self._end(DepthcastError("CONNECTION_LOST", "the server is gone"))

    async def _end_with(self, track: _SentTrack) -> None:
        """The iterator ends when the source has, and what was under way came or did not."""
        await track.ended.wait()
        if track.failure is not None:
            return self._end(track.failure)
        self._last_at = time.monotonic()
        while time.monotonic() - self._last_at < _DRAIN_SECONDS:
            await asyncio.sleep(0.1)
        self._end()

    def _receive(self, message: Any) -> None:
        packet = self._reassembler.push(message) if isinstance(message, bytes) else None
        if packet is None or self._over:
            return
        try:
            frame = decode(packet)
        except DepthcastError:
            self.malformed += 1
            return
        self._last_at = time.monotonic()
        sent = self._track.picture_of(frame.rtp_timestamp) if self._track is not None else None
        if sent is not None:
            frame.colour = sent.to_ndarray(format="rgb24")
        while self._frames.qsize() >= _WAITING:
            self._frames.get_nowait()
            self.dropped += 1
        self._frames.put_nowait(frame)


def _refusal(text: str, status: int) -> DepthcastError:
    try:
        parsed = json.loads(text)
        return DepthcastError(parsed["code"], parsed["message"])
    except (ValueError, KeyError, TypeError):
        return DepthcastError("SERVER_UNREACHABLE", f"the server answered {status}, and nothing of depthcast's")
