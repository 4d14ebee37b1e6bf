"""Publishes the depth of a stream of a depthcast server as ROS 2 topics.

python3 depth_node.py STREAM [--server URL] [--token TOKEN] [--ros-args ...]
"""

import argparse
import importlib
import sys
from typing import Any

import depthcast
import rclpy
from depth_messages import Message, build, messages, ros_name, static_transform
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.utilities import remove_ros_args

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def type_of(kind: str) -> Any:
    package, module, name = kind.split("/")
    return getattr(importlib.import_module(f"{package}.{module}"), name)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("stream", help="name of a live stream")
    options.add_argument("--server", default="http://127.0.0.1:8080", help="address of the depth server")
    options.add_argument("--token", help="where the server asks for one")
    given = options.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node = rclpy.create_node("depthcast")
    camera = ros_name(given.stream)
    publishers: dict[str, Any] = {}

    def publish(topic: str, message: Message, qos: QoSProfile = qos_profile_sensor_data) -> None:
        if topic not in publishers:
            publishers[topic] = node.create_publisher(type_of(message.kind), topic, qos)
        publishers[topic].publish(build(message, type_of))

    publish("/tf_static", static_transform(given.stream), LATCHED)
    try:
        with depthcast.watch(given.server, given.stream, token=given.token) as session:
            node.get_logger().info(f"depth of {given.stream} from {given.server}")
            for frame in session:
                if not rclpy.ok():
                    break
                for topic, message in messages(frame, given.stream):
                    publish(f"/{camera}/{topic}", message)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except depthcast.DepthcastError as error:
        raise SystemExit(str(error)) from None
