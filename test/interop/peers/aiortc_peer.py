"""An aiortc client of depthcast: aiortc_peer.py MODE URL NAME CODEC [data] [audio]. One JSON object a line, its counts so far, until
its standard input ends. Its H264 encoder cuts every picture into several slices."""

import asyncio
import contextlib
import fractions
import json
import sys
import time

import aiohttp
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

MODE, URL, NAME, CODEC, *OPTIONS = sys.argv[1:]
FPS = 15
seen = {"connected": False, "sent": 0, "track": 0, "depth": 0}


class MovingPicture(VideoStreamTrack):
    """A pattern that moves by four pixels a frame."""

    def __init__(self):
        super().__init__()
        self.began = None

    async def recv(self):
        self.began = self.began or time.monotonic()
        number = seen["sent"]
        await asyncio.sleep(max(0.0, self.began + number / FPS - time.monotonic()))
        y, x = np.mgrid[0:480, 0:640]
        planes = [(x + number * 4) % 256, (y * 2 + number) % 256, ((x + y) // 2) % 256]
        frame = VideoFrame.from_ndarray(np.stack(planes, -1).astype(np.uint8), format="rgb24")
        frame.pts = number * 90000 // FPS
        frame.time_base = fractions.Fraction(1, 90000)
        seen["sent"] += 1
        return frame


async def count(track):
    with contextlib.suppress(MediaStreamError):  # the session's end
        while True:
            frame = await track.recv()
            seen.update(track=seen["track"] + 1, width=frame.width, height=frame.height)


def count_depth(channel):
    pieces = {}

    @channel.on("message")
    def on_message(data):
        sequence, total = data[4:8], int.from_bytes(data[10:12], "little")
        pieces[sequence] = pieces.get(sequence, 0) + 1
        if pieces[sequence] == total:
            pieces.pop(sequence)
            seen["depth"] += 1


def make_peer():
    peer = RTCPeerConnection()

    @peer.on("connectionstatechange")
    def on_state():
        seen["connected"] = seen["connected"] or peer.connectionState == "connected"

    @peer.on("track")
    def on_track(track):
        if track.kind == "video":
            asyncio.ensure_future(count(track))

    if "audio" in OPTIONS:
        peer.addTransceiver("audio", direction="recvonly" if MODE == "whep" else "sendonly")
    direction = {"whip": "sendonly", "ws": "sendrecv", "whep": "recvonly"}[MODE]
    transceiver = peer.addTransceiver("video" if MODE == "whep" else MovingPicture(), direction=direction)
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if CODEC in c.mimeType.lower() or "rtx" in c.mimeType])
    if "data" in OPTIONS:
        count_depth(peer.createDataChannel("depth", ordered=False, maxRetransmits=0))
    return peer


async def over_http(http, sdp):
    response = await http.post(f"{URL}/{MODE}/{NAME}", data=sdp, headers={"content-type": "application/sdp"})
    body = await response.text()
    if response.status != 201:
        raise RuntimeError(f"{response.status} {body}")
    location = response.headers["location"]
    return body, lambda: http.delete(URL + location)


async def over_websocket(http, sdp):
    socket = await http.ws_connect(URL.replace("http", "ws", 1) + "/ws")
    await socket.send_json({"type": "hello", "protocol": 1, "client": "aiortc"})
    await socket.send_json({"type": "offer", "sdp": sdp, "output": {"track": "gray", "data": "u16"}})
    while True:
        message = await socket.receive_json(timeout=10)
        if message["type"] == "error":
            raise RuntimeError(f"{message['code']}: {message['message']}")
        if message["type"] == "answer":
            break

    async def drain():
        async for _ in socket:
            pass

    asyncio.ensure_future(drain())
    return message["sdp"], lambda: socket.send_json({"type": "bye"})


async def tell():
    while True:
        print(json.dumps(seen), flush=True)
        await asyncio.sleep(0.2)


async def main():
    peer = make_peer()
    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession() as http:
        exchange = over_websocket if MODE == "ws" else over_http
        answer, end = await exchange(http, peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        telling = asyncio.ensure_future(tell())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        telling.cancel()
        await end()
        await asyncio.wait_for(peer.close(), 3)


try:
    asyncio.run(main())
except Exception as error:  # told to the one who runs the matrix
    print(json.dumps({**seen, "error": f"{type(error).__name__}: {error}"}), flush=True)
