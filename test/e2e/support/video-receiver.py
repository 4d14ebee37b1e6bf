"""A GStreamer reader of what depthcast sends: `rtsp PORT` is an RTSP server that is recorded to at /in, `srt PORT` listens for SRT.
Prints "ready", then "WIDTH HEIGHT PTS" for each picture that it decodes, PTS in nanoseconds or -1."""
import sys
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
kind, port = sys.argv[1:3]
DECODE = "h264parse ! avdec_h264 ! identity name=tap signal-handoffs=true ! fakesink sync=false"


def tap(element):
    def show(identity, buffer):
        size = identity.get_static_pad("sink").get_current_caps().get_structure(0)
        pts = -1 if buffer.pts == Gst.CLOCK_TIME_NONE else buffer.pts
        print(size.get_value("width"), size.get_value("height"), pts, flush=True)

    element.connect("handoff", show)


if kind == "rtsp":
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_launch(f"( rtph264depay name=depay0 ! {DECODE} )")
    factory.connect("media-configure", lambda _factory, media: tap(media.get_element().get_by_name("tap")))
    server.get_mount_points().add_factory("/in", factory)
    if server.attach(None) == 0:
        sys.exit("the port is taken")
else:
    pipeline = Gst.parse_launch(f"srtsrc uri=srt://127.0.0.1:{port}?mode=listener ! tsdemux ! {DECODE}")
    tap(pipeline.get_by_name("tap"))
    pipeline.set_state(Gst.State.PLAYING)
print("ready", flush=True)
GLib.MainLoop().run()
