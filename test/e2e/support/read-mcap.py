"""Reads MCAP files as foreign software does, and prints what is in them as JSON.

read-mcap.py rosbags FILE: by rosbags, with its index: for each message topic, log time, stamp and what its values are.
read-mcap.py ros2 FILE: by mcap-ros2-support, with the definitions in the file: the stamps of each topic's messages, ms.
read-mcap.py npz FILE: each map of an archive of depthcast run, as it is told of images.
read-mcap.py stream FILE: by mcap, front to back, as far as a file without an end goes: messages by topic.
"""
import json
import sys
from pathlib import Path


def facts(values):
    finite = values[values < 1e30]
    return {"sum": float(finite.astype("f8").sum()), "first": float(values[0]), "last": float(values[-1])}


how, path = sys.argv[1:]
if how == "npz":
    import numpy

    print(json.dumps([facts(depth.ravel()) for depth in numpy.load(path)["depths"]]))
elif how == "ros2":
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    stamps = {}
    with open(path, "rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, _, message in reader.iter_decoded_messages():
            header = message.header if hasattr(message, "header") else message.transforms[0].header
            stamps.setdefault(channel.topic, []).append(header.stamp.sec * 1e3 + header.stamp.nanosec / 1e6)
    print(json.dumps(stamps))
elif how == "stream":
    from mcap.exceptions import McapError
    from mcap.reader import NonSeekingReader

    counts, problem = {}, None
    with open(path, "rb") as file:
        try:
            for _, channel, _ in NonSeekingReader(file).iter_messages(log_time_order=False):
                counts[channel.topic] = counts.get(channel.topic, 0) + 1
        except McapError as error:
            problem = type(error).__name__
    print(json.dumps({"counts": counts, "problem": problem}))
else:
    import numpy as np
    from mcap.reader import make_reader
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    with open(path, "rb") as file:
        summary = make_reader(file).get_summary()
        compression = sorted({chunk.compression for chunk in summary.chunk_indexes})
    messages = []
    with AnyReader([Path(path)], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        for connection, time, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            entry = {"topic": connection.topic, "type": connection.msgtype, "time": time / 1e6}
            if hasattr(message, "header"):
                stamp = message.header.stamp
                entry["stamp"] = stamp.sec * 1e3 + stamp.nanosec / 1e6
                entry["frame"] = message.header.frame_id
            if connection.msgtype.endswith("/Image"):
                values = message.data.view(np.float32)
                entry.update(width=message.width, height=message.height, step=message.step, encoding=message.encoding)
                entry.update(facts(values))
            elif connection.msgtype.endswith("/CompressedImage"):
                entry.update(format=message.format, begins=message.data[:3].tolist(), bytes=len(message.data))
            elif connection.msgtype.endswith("/CameraInfo"):
                entry.update(width=message.width, height=message.height, k=message.k.tolist(), p=message.p.tolist())
            elif connection.msgtype.endswith("/PointCloud2"):
                points = message.data.view(np.float32).reshape(-1, 3)
                entry.update(count=message.width, depth=float(points[:, 2].astype(np.float64).sum()))
            elif connection.msgtype.endswith("/TFMessage"):
                q = message.transforms[0].transform.rotation
                entry.update(child=message.transforms[0].child_frame_id, rotation=[q.x, q.y, q.z, q.w])
            messages.append(entry)
    print(json.dumps({"compression": compression, "messages": messages}))
