"""Drives until something is near: prints go or stop, and the distance of the nearest thing in the middle of the picture.

npm run example -- robot-python [SOURCE] [--server URL] [--stop METRES] [--anchor X Y METRES]...

Or, where the package is installed (pip install ./client/python): python robot.py, with the same arguments.

SOURCE is a camera's number or a video file. Relative depth needs one anchor at least: a place of the picture (shares of its
width and height) whose distance is known, as an ultrasonic sensor that looks straight ahead gives: --anchor 0.5 0.5 1.8
"""

import argparse

import depthcast


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("source", nargs="?", default="0", help="a camera's number, or a video")
    options.add_argument("--server", default="http://127.0.0.1:8080", help="address of a depth server")
    options.add_argument("--stop", type=float, default=0.8, help="metres at which the robot stops")
    options.add_argument("--anchor", nargs=3, type=float, action="append", default=[], metavar=("X", "Y", "METRES"))
    given = options.parse_args()
    source = int(given.source) if given.source.isdigit() else given.source
    moving = None
    with depthcast.open(given.server, source) as session:
        told = None
        for frame in session:
            if given.anchor and told != frame.epoch:
                session.anchor([(x, y, metres) for x, y, metres in given.anchor])
                told = frame.epoch
            if frame.unit != "metres":
                if not given.anchor:
                    raise SystemExit("this depth is relative: give an --anchor, or start the server with a metric model")
                continue
            distance = depthcast.nearest(frame)
            # Two thresholds, so that it does not start and stop at one distance again and again.
            go = distance > given.stop * (1.1 if moving is False else 1.0)
            if go != moving:
                print("go" if go else "stop", f"{distance:.2f} m", flush=True)
                moving = go


if __name__ == "__main__":
    try:
        main()
    except depthcast.DepthcastError as error:
        raise SystemExit(str(error)) from None
