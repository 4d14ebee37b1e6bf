"""A depth server as one writes it with aiortc: decode, run the network in recv(), return video.

It takes an SDP offer by POST at any path and answers with a gray depth track; it runs the same ONNX file as depthcast,
with the same window of past states. It is here to be compared with: npm run loadtest -- --compare aiortc
"""

import argparse
import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import aioice.ice
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame
from depth import Depth, network_size, read_manifest
from onnx_engine import open_session

# The load comes over loopback, which aioice leaves out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class FrameDepth:
    """Depth of a stream's frames, as gray frames of their size."""

    def __init__(self, session, manifest, size):
        self.manifest, self.size = manifest, size
        self.depth = Depth(session, manifest)

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        width, height = network_size(self.manifest, self.size, frame.width, frame.height)
        rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
        gray = self.depth.shades(rgb.transpose(2, 0, 1))
        return VideoFrame.from_ndarray(gray, format="gray").reformat(width=frame.width, height=frame.height, format="yuv420p")


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
        self.manifest = read_manifest(arguments.model)
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
            depth = FrameDepth(self.session, self.manifest, self.arguments.size)
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
