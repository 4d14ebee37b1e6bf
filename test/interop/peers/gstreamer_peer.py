"""A GStreamer webrtcbin client of depthcast: gstreamer_peer.py MODE URL NAME CODEC [slices] [data] [audio]. One JSON object a line, its
counts so far, until its standard input ends. Debian's system Python (python3-gi) runs it."""

import json
import sys
import threading
import urllib.error
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

MODE, URL, NAME, CODEC, *OPTIONS = sys.argv[1:]
seen = {"connected": False, "sent": 0, "track": 0, "depth": 0}
pieces = {}

SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=480,framerate=15/1 ! identity name=sent ! videoconvert"
ENCODERS = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=15 ! rtpvp8pay pt=96",
    # As people use it: zerolatency cuts a picture into a slice a thread.
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 {threads}"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=zero-latency config-interval=-1 pt=96",
}
DECODERS = {"vp8": "queue ! rtpvp8depay ! vp8dec", "h264": "queue ! rtph264depay ! avdec_h264"}
CAPS = "application/x-rtp,media=video,encoding-name={name},payload=96,clock-rate=90000"
AUDIO = "audiotestsrc is-live=true volume=0 ! opusenc ! rtpopuspay pt=111 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer."


def fail(text):
    print(json.dumps({**seen, "error": text}), flush=True)
    loop.quit()


def request(method, address, body=None, headers=None):
    call = urllib.request.Request(address, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(call, timeout=10) as response:
            return response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code} {error.read().decode()}") from error


def build():
    # A fakesink beside it: a description of one element alone would make no pipeline.
    pipeline = "fakesrc num-buffers=0 ! fakesink async=false  webrtcbin name=peer bundle-policy=max-bundle "
    caps = CAPS.format(name=CODEC.upper())
    if MODE == "whip":
        threads = "sliced-threads=true threads=4" if "slices" in OPTIONS else "sliced-threads=false threads=1"
        if "audio" in OPTIONS:
            pipeline += AUDIO + " "
        pipeline += f"{SOURCE} ! {ENCODERS[CODEC].format(threads=threads)} ! {caps} ! peer."
    made = Gst.parse_launch(pipeline)
    peer = made.get_by_name("peer")
    if MODE == "whip":
        identity = made.get_by_name("sent")
        identity.connect("handoff", lambda *_: seen.update(sent=seen["sent"] + 1))
        for i in range(2 if "audio" in OPTIONS else 1):
            peer.emit("get-transceiver", i).set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    else:
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        extra = ",packetization-mode=(string)1,profile-level-id=(string)42e01f" if CODEC == "h264" else ""
        peer.emit("add-transceiver", direction, Gst.Caps.from_string(caps + extra))
        peer.connect("pad-added", on_pad, made)
    peer.connect("notify::connection-state", on_state)
    return made, peer


def on_state(peer, _):
    state = peer.get_property("connection-state")
    if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
        seen["connected"] = True
    elif state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
        GLib.idle_add(fail, "the connection failed")


def on_pad(_, pad, pipeline):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    tail = Gst.parse_bin_from_description(f"{DECODERS[CODEC]} ! fakesink name=out signal-handoffs=true sync=false", True)
    tail.get_by_name("out").connect("handoff", on_picture)
    pipeline.add(tail)
    tail.sync_state_with_parent()
    linked = pad.link(tail.get_static_pad("sink"))
    if linked != Gst.PadLinkReturn.OK:
        GLib.idle_add(fail, f"the track's pad is not linked: {linked}")


def on_picture(_, buffer, pad):
    picture = pad.get_current_caps().get_structure(0)
    seen.update(track=seen["track"] + 1, width=picture.get_value("width"), height=picture.get_value("height"))


def on_message(_, data):
    chunk = data.get_data()
    sequence, total = chunk[4:8], int.from_bytes(chunk[10:12], "little")
    pieces[sequence] = pieces.get(sequence, 0) + 1
    if pieces[sequence] == total:
        pieces.pop(sequence)
        seen["depth"] += 1


def negotiate(pipeline, peer):
    """Offers once all candidates are there, on a thread of its own, since HTTP waits."""
    try:
        pipeline.set_state(Gst.State.READY)
        needed = threading.Event()
        peer.connect("on-negotiation-needed", lambda _: needed.set())
        if "data" in OPTIONS:
            options = Gst.Structure.new_from_string("options,ordered=(boolean)false,max-retransmits=(int)0")
            channel = peer.emit("create-data-channel", "depth", options)
            channel.connect("on-message-data", on_message)
        pipeline.set_state(Gst.State.PLAYING)
        needed.wait(10 if MODE == "whip" else 1)
        promise = Gst.Promise.new()
        peer.emit("create-offer", None, promise)
        promise.wait()
        reply = promise.get_reply()
        if not reply.has_field("offer"):
            raise RuntimeError(f"create-offer: {reply.to_string()}")
        offer = reply.get_value("offer")
        gathered = threading.Event()
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        peer.connect("notify::ice-gathering-state", lambda p, _: p.get_property("ice-gathering-state") == complete and gathered.set())
        peer.emit("set-local-description", offer, None)
        gathered.wait(5)
        sdp = peer.get_property("local-description").sdp.as_text()
        answer, headers = request("POST", f"{URL}/{MODE}/{NAME}", sdp.encode(), {"content-type": "application/sdp"})
        session.append(URL + headers["location"])
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        promise = Gst.Promise.new()
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        peer.emit("set-remote-description", description, promise)
        promise.wait()
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            raise RuntimeError(f"set-remote-description: {reply.get_value('error').message}")
        sys.stdin.read()
        request("DELETE", session[0])
        GLib.idle_add(loop.quit)
    except Exception as error:  # told to the one who runs the matrix
        GLib.idle_add(fail, f"{type(error).__name__}: {error}")


def tell():
    print(json.dumps(seen), flush=True)
    return True


Gst.init(None)
loop = GLib.MainLoop()
session = []
pipeline, peer = build()
threading.Thread(target=negotiate, args=(pipeline, peer), daemon=True).start()
GLib.timeout_add(200, tell)
loop.run()
pipeline.set_state(Gst.State.NULL)
