"""A depth server as one writes it with GStreamer and Python: webrtcbin, vp8dec, an appsink at the network's size, onnxruntime, an appsrc, vp8enc.

Decoding, scaling and encoding are GStreamer's own, in threads of its own; Python sees a picture of the network's size and gives a map of
that size back. Of the pictures that wait the newest is taken. It takes an SDP offer by POST at any path, and runs the same ONNX file
as depthcast with the same window of past states. It is here to be compared with: npm run loadtest -- --compare gstreamer

Debian: python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice
"""

import argparse
import os
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstApp, GstSdp, GstWebRTC  # noqa: E402
from depth import Depth, network_size, read_manifest  # noqa: E402
from onnx_engine import open_session  # noqa: E402

SETUP_SECONDS = 15

# The encoder as depthcast sets libvpx, at the same bitrate.
ENCODER = (
    "vp8enc name=encoder deadline=1 cpu-used=-16 static-threshold=100 threads=1 lag-in-frames=0 auto-alt-ref=false "
    "end-usage=cbr target-bitrate=1000000 keyframe-max-dist=1000000"
)
RECEIVE = (
    "rtpvp8depay name=depay ! vp8dec name=decoder threads=1 ! queue leaky=downstream max-size-buffers=1 max-size-time=0 max-size-bytes=0 ! "
    "videoconvertscale ! capsfilter name=input ! appsink name=sink sync=false max-buffers=1 drop=true emit-signals=true"
)
SEND = (
    "appsrc name=source is-live=true format=time max-buffers=1 leaky-type=downstream ! videoconvertscale ! capsfilter name=output ! "
    f"{ENCODER} ! rtpvp8pay name=pay picture-id-mode=15-bit ! capsfilter name=rtp"
)


class Peer:
    """One connection: a pipeline, and the depth of its stream."""

    def __init__(self, server, offer: str):
        self.depth = Depth(server.session, server.manifest)
        self.manifest, self.size = server.manifest, server.arguments.size
        self.answered = threading.Event()
        self.answer = ""
        self.error = None
        self.shape = None
        payload = re.search(r"^a=rtpmap:(\d+) VP8/90000", offer, re.M | re.I)
        if payload is None:
            raise ValueError("the offer has no VP8")
        self.pipeline = Gst.Pipeline.new()
        self.rtc = Gst.ElementFactory.make("webrtcbin")
        self.rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.rtc.set_property("latency", 0)
        # Times of pictures are then their RTP timestamps, and no guess at the sender's clock.
        self.rtc.get_by_name("rtpbin").set_property("buffer-mode", 0)
        self.rtc.connect("pad-added", self.receives)
        self.rtc.connect("notify::ice-gathering-state", self.gathered)
        self.rtc.connect("notify::connection-state", self.changed)
        self.pipeline.add(self.rtc)
        # The load comes over loopback, which libnice leaves out. The agent is kept: the element's own reference goes with what it returns.
        self.ice = self.rtc.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        self.sending = Gst.parse_bin_from_description(SEND, False)
        self.sending.get_by_name("pay").set_property("pt", int(payload[1]))
        self.sending.get_by_name("rtp").set_property(
            "caps", Gst.Caps.from_string(f"application/x-rtp,media=video,encoding-name=VP8,payload={payload[1]}")
        )
        self.source = self.sending.get_by_name("source")
        ghost = Gst.GhostPad.new("src", self.sending.get_by_name("rtp").get_static_pad("src"))
        self.sending.add_pad(ghost)
        self.pipeline.add(self.sending)
        ghost.link(self.rtc.request_pad_simple("sink_%u"))
        self.pipeline.set_state(Gst.State.PLAYING)
        _, message = GstSdp.SDPMessage.new_from_text(offer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        self.rtc.emit("set-remote-description", description, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, _promise):
        self.rtc.emit("create-answer", None, Gst.Promise.new_with_change_func(self.created))

    def created(self, promise):
        reply = promise.get_reply()
        answer = reply.get_value("answer") if reply is not None else None
        if answer is None:
            self.error = "there is no answer"
            self.answered.set()
            return
        self.rtc.emit("set-local-description", answer, None)

    def gathered(self, rtc, _property):
        if rtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        self.answer = rtc.get_property("local-description").sdp.as_text()
        self.answered.set()

    def changed(self, rtc, _property):
        state = GstWebRTC.WebRTCPeerConnectionState
        if rtc.get_property("connection-state") in (state.FAILED, state.CLOSED, state.DISCONNECTED):
            # Not from the pipeline's own thread.
            GLib.idle_add(self.close)

    def receives(self, _rtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        receiving = Gst.parse_bin_from_description(RECEIVE, False)
        ghost = Gst.GhostPad.new("sink", receiving.get_by_name("depay").get_static_pad("sink"))
        receiving.add_pad(ghost)
        decoded = receiving.get_by_name("decoder").get_static_pad("src")
        decoded.connect("notify::caps", self.resized, receiving.get_by_name("input"))
        receiving.get_by_name("sink").connect("new-sample", self.picture)
        self.pipeline.add(receiving)
        receiving.sync_state_with_parent()
        pad.link(ghost)

    def resized(self, pad, _property, network):
        caps = pad.get_current_caps()
        if caps is None:
            return
        _, width = caps.get_structure(0).get_int("width")
        _, height = caps.get_structure(0).get_int("height")
        self.shape = across, down = network_size(self.manifest, self.size, width, height)
        network.set_property("caps", Gst.Caps.from_string(f"video/x-raw,format=RGBP,width={across},height={down}"))
        size = f"width={width},height={height},framerate=0/1"
        self.sending.get_by_name("output").set_property("caps", Gst.Caps.from_string(f"video/x-raw,format=I420,{size}"))
        shades = f"video/x-raw,format=GRAY8,width={across},height={down},framerate=0/1"
        self.source.set_property("caps", Gst.Caps.from_string(shades))

    def picture(self, sink):
        sample = sink.emit("pull-sample")
        buffer = sample.get_buffer()
        width, height = self.shape
        done, mapped = buffer.map(Gst.MapFlags.READ)
        if not done:
            return Gst.FlowReturn.ERROR
        try:
            planes = np.frombuffer(mapped.data, np.uint8, 3 * width * height).reshape(3, height, width)
            shades = self.depth.shades(planes)
        finally:
            buffer.unmap(mapped)
        out = Gst.Buffer.new_wrapped(shades.tobytes())
        out.pts = out.dts = buffer.pts
        self.source.emit("push-buffer", out)
        return Gst.FlowReturn.OK

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)
        return False


class Server:
    def __init__(self, arguments):
        self.arguments = arguments
        self.manifest = read_manifest(arguments.model)
        self.session = open_session(arguments.model, arguments.threads)

    def take(self, offer: str) -> str:
        peer = Peer(self, offer)
        if not peer.answered.wait(SETUP_SECONDS) or peer.error:
            peer.close()
            raise RuntimeError(peer.error or "no answer came about")
        return peer.answer


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            offer = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            try:
                status, kind, body = 201, "application/sdp", server.take(offer).encode()
            except Exception as error:  # The one who asked is told, whatever it is.
                status, kind, body = 500, "text/plain", str(error).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="ONNX file; its manifest lies beside it")
    parser.add_argument("--size", type=int, default=256, help="long side of the network's input")
    parser.add_argument("--threads", type=int, default=1, help="of the network; 0 for the engine's choice")
    arguments = parser.parse_args()
    Gst.init(None)
    server = Server(arguments)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(server))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    loop = GLib.MainLoop()
    for name in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, name, loop.quit)
    # Whoever started this server holds its input open; once that ends, so does the server.
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(f"{server.session.version}; GStreamer {Gst.version_string().split()[-1]}; listening on {http.server_port}", flush=True)
    loop.run()
    # The engine's threads do not outlive the interpreter's end in order.
    os._exit(0)


if __name__ == "__main__":
    main()
