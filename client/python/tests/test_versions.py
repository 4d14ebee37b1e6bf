"""What a client hears of its server's version and settings when it connects, and how a difference reads."""

import asyncio
import json
import unittest
from typing import Any

import numpy as np
from aiohttp import web

import depthcast

PICTURE = np.zeros((16, 16, 3), np.uint8)


async def refused(welcome: dict[str, Any], **options: Any) -> tuple[list[dict[str, Any]], depthcast.DepthcastError]:
    """Connects to a server that greets in this way; what it heard, and the error."""
    heard: list[dict[str, Any]] = []

    async def socket(request: web.Request) -> web.WebSocketResponse:
        opened = web.WebSocketResponse()
        await opened.prepare(request)
        async for message in opened:
            heard.append(json.loads(message.data))
            if heard[-1]["type"] == "hello":
                await opened.send_json({"type": "welcome", **welcome})
        return opened

    app = web.Application()
    app.router.add_get("/ws", socket)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with depthcast.AsyncSession(f"http://127.0.0.1:{port}", [PICTURE], **options):
            raise AssertionError("it connected")
    except depthcast.DepthcastError as error:
        return heard, error
    finally:
        await runner.cleanup()


class Versions(unittest.TestCase):
    def test_a_server_of_another_protocol_is_named_and_what_to_update(self) -> None:
        for protocol, update in ((7, "the client"), (1, "the server"), (None, "the server")):
            with self.subTest(protocol):
                greeting = {"protocol": protocol, "server": "depthcast 9.1.0", "output": {}}
                heard, error = asyncio.run(refused(greeting))
                self.assertEqual((heard[0]["type"], heard[0]["protocol"]), ("hello", 2))
                self.assertEqual(heard[0]["client"], f"depthcast-python/{depthcast.__version__}")
                self.assertEqual(error.code, "PROTOCOL_VERSION")
                self.assertEqual(
                    error.message,
                    f"depthcast 9.1.0 speaks version {protocol}, {heard[0]['client']} version 2: update {update}",
                )
                # Neither camera nor offer went to a server that may read them otherwise.
                self.assertNotIn("offer", [message["type"] for message in heard])

    def test_what_the_server_cannot_do_is_said_before_anything_is_sent(self) -> None:
        greeting = {"protocol": 2, "server": "depthcast 0.2.0", "output": {"track": "gray", "data": "off"}}
        heard, error = asyncio.run(refused(greeting, output={"hologram": "on", "upsampling": "fast"}))
        self.assertEqual(error.code, "NOT_IN_SERVER")
        self.assertIn("depthcast 0.2.0 has no setting hologram, upsampling", error.message)
        self.assertNotIn("offer", [message["type"] for message in heard])


if __name__ == "__main__":
    unittest.main()
