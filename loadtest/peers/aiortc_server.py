"""A depth server as one writes it with aiortc: decode, run the network in recv(), return video.

It takes an SDP offer by POST at any path and answers with a gray depth track; it runs the same ONNX file as depthcast,
with the same window of past states. It is here to be compared with: npm run loadtest -- --compare aiortc
"""

import argparse
import asyncio
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aioice.ice
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame
from onnx_engine import open_session

# The load comes over loopback, which aioice leaves out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

# The display range: percent of values outside at each end, and the share of its way that it goes with each frame.
TAIL = 2.0
PULL = 0.1


class Depth:
    """One stream's network state: the cached states of the last frames, as a ring."""

    def __init__(self, session, manifest, size):
        self.session = session
        self.size = size
        self.multiple = manifest["size"]["multipleOf"]
        self.mean = np.array(manifest["normalise"]["mean"], np.float32).reshape(3, 1, 1)
        self.std = np.array(manifest["normalise"]["std"], np.float32).reshape(3, 1, 1)
        self.frames = manifest["window"]["frames"]
        self.empty = manifest["window"]["emptyMask"]
        self.count = 0
        self.caches = {}
        self.range = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        width, height = self.network_size(frame.width, frame.height)
        rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
        image = (rgb.transpose(2, 0, 1).astype(np.float32) / 255 - self.mean) / self.std
        depth = self.infer(image[None], width, height)
        ends = np.percentile(depth[::2, ::2], [TAIL, 100 - TAIL])
        self.range = ends if self.range is None else self.range + PULL * (ends - self.range)
        low, high = self.range
        gray = np.clip((depth - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
        return VideoFrame.from_ndarray(gray, format="gray").reformat(width=frame.width, height=frame.height, format="yuv420p")

    def network_size(self, width, height):
        def fit(length):
            return max(self.multiple, round(length / self.multiple) * self.multiple)

        long, short = fit(self.size), fit(self.size * min(width, height) / max(width, height))
        return (long, short) if width >= height else (short, long)

    def infer(self, image, width, height):
        n, frames = self.count, self.frames
        ages = np.array([(n + frames - 1 - place) % frames + 1 for place in range(frames)] + [0], np.int64)
        mask = np.where(ages <= n, 0, self.empty).astype(np.float32)
        if n == 0:
            # A cache's first side, if open, is named after its stride: T16 has a token for each 16 x 16 pixels.
            for name, (tokens, slots, channels) in self.cache_shapes():
                if isinstance(tokens, str):
                    stride = int(tokens[1:])
                    tokens = (height // stride) * (width // stride)
                self.caches[name] = np.zeros((tokens, slots, channels), np.float32)
        outputs = self.session.run({"image": image, "slots": ages, "mask": mask, **self.caches})
        results = dict(zip(self.session.outputs, outputs))
        for name, cache in self.caches.items():
            cache[:, n % frames] = results["h" + name[1:]][:, 0]
        self.count += 1
        return results["depth"][0]

    def cache_shapes(self):
        return [(name, shape) for name, shape in self.session.inputs.items() if name.startswith("c")]


class InlineTrack(MediaStreamTrack):
    """The usual way: the network runs where the frame is asked for."""

    kind = "video"

    def __init__(self, source, depth):
        super().__init__()
        self.source, self.depth = source, depth

    async def recv(self):
        frame = await self.source.recv()
        out = self.depth(frame)
        out.pts, out.time_base = frame.pts, frame.time_base
        return out


class ExecutorTrack(MediaStreamTrack):
    """With more care: the network runs in a thread, and of the frames that wait the newest is taken."""

    kind = "video"

    def __init__(self, source, depth, executor):
        super().__init__()
        self.source, self.depth, self.executor = source, depth, executor
        self.newest = None
        self.arrived = asyncio.Event()
        self.reader = asyncio.ensure_future(self.read())

    async def read(self):
        try:
            while True:
                self.newest = await self.source.recv()
                self.arrived.set()
        except MediaStreamError:
            self.stop()
            self.arrived.set()

    async def recv(self):
        await self.arrived.wait()
        self.arrived.clear()
        if self.readyState != "live":
            raise MediaStreamError
        frame = self.newest
        out = await asyncio.get_running_loop().run_in_executor(self.executor, self.depth, frame)
        out.pts, out.time_base = frame.pts, frame.time_base
        return out


class Server:
    def __init__(self, arguments):
        self.arguments = arguments
        self.manifest = json.loads(Path(arguments.model).with_suffix(".json").read_text())
        self.session = open_session(arguments.model, arguments.threads)
        self.executor = ThreadPoolExecutor(max_workers=arguments.workers)
        self.peers = set()

    async def answer(self, offer: str) -> str:
        peer = RTCPeerConnection()
        self.peers.add(peer)

        @peer.on("connectionstatechange")
        async def changed():
            if peer.connectionState in ("failed", "closed"):
                self.peers.discard(peer)
                await peer.close()

        @peer.on("track")
        def took(track):
            depth = Depth(self.session, self.manifest, self.arguments.size)
            inline = self.arguments.style == "inline"
            peer.addTrack(InlineTrack(track, depth) if inline else ExecutorTrack(track, depth, self.executor))

        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def serve(self, reader, writer):
        """One HTTP request a connection."""
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, sdp = "404 Not Found", ""
            if lines[0].startswith("POST "):
                status, sdp = "201 Created", await self.answer(body.decode())
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\nConnection: close\r\n\r\n"
            writer.write((head + sdp).encode())
            await writer.drain()
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="ONNX file; its manifest lies beside it")
    parser.add_argument("--size", type=int, default=256, help="long side of the network's input")
    parser.add_argument("--style", choices=["inline", "executor"], default="inline")
    parser.add_argument("--threads", type=int, default=1, help="of the network; 0 for the engine's choice")
    parser.add_argument("--workers", type=int, default=2, help="of the executor")
    server = Server(parser.parse_args())
    http = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    # Whoever started this server holds its input open; once that ends, so does the server.
    loop.add_reader(sys.stdin, lambda: None if sys.stdin.read(1) else ended.set())
    print(f"{server.session.version}; listening on {http.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    await asyncio.gather(*[peer.close() for peer in list(server.peers)], return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
