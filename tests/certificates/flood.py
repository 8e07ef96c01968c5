"""A flood of strangers: connections that begin a handshake and stop, and some that end it and prove nothing.

Whoever is sent away comes again. Prints a line of JSON once as many as were asked for have come, and ends with its
standard input.
"""

import argparse
import asyncio
import json
import resource
import ssl
import sys

# The head of a ClientHello that never comes.
BEGUN = bytes.fromhex("160301020001")
# What HTTP/2 begins with, and no settings.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
COME = {"begun": 0, "strangers": 0, "sent_away": 0}


async def stranger(host, port, context):
    """Comes, stays until it is sent away, and comes again."""
    while True:
        kind, first = ("begun", BEGUN) if context is None else ("strangers", PREFACE)
        try:
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            writer.write(first)
            COME[kind] += 1
            while await reader.read(4096):
                pass
        except (OSError, asyncio.TimeoutError):
            pass
        else:
            writer.close()
        COME["sent_away"] += 1
        await asyncio.sleep(0.1)


async def main():
    """Floods."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    for name in ("begun", "strangers", "come"):
        parser.add_argument(f"--{name}", type=int, default=0)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, port = arguments.address.rsplit(":", 1)
    kinds = [None] * arguments.begun + [context] * arguments.strangers
    flood = [asyncio.create_task(stranger(host, int(port), kind)) for kind in kinds]
    while COME["begun"] + COME["strangers"] < arguments.come or not COME["strangers"]:
        await asyncio.sleep(0.1)
    print(json.dumps(COME), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in flood:
        task.cancel()


asyncio.run(main())
