#!/usr/bin/env python3
"""Links between processes that can be disturbed: a proxy for each, told on standard input what to do.

Usage: links.py NAME=TARGET [NAME=TARGET ...]

TARGET is host:port, or the path of a Unix socket. Prints `NAME ADDRESS` for each link: a port, or for a Unix socket the path
of one beside it. Then reads lines `NAME MODE`:

  pass        forwards at once
  delay MS    forwards every piece that much later
  reset       resets what is open, goes on with what comes
  cut         resets what is open and refuses what comes
  hole        takes everything and forwards nothing; what was open then is reset by the next other mode

Answers `ok` to each line, and ends with its input.
"""

import asyncio
import os
import socket
import struct
import sys
import tempfile

PIECE = 1 << 16


class Link:
    def __init__(self, name, target):
        self.name = name
        self.target = target
        self.is_unix = target.startswith("/")
        self.mode = "pass"
        self.delay = 0.0
        self.open = set()
        self.swallowed = set()
        self.server = None
        self.address = None

    async def listen(self):
        if self.is_unix:
            if self.address is None:
                self.address = os.path.join(tempfile.mkdtemp(prefix="cadre-link-"), os.path.basename(self.target))
            elif os.path.exists(self.address):
                os.unlink(self.address)
            self.server = await asyncio.start_unix_server(self.accept, self.address)
            os.chmod(os.path.dirname(self.address), 0o755)
            os.chmod(self.address, 0o777)
        else:
            self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.address or 0, reuse_address=True)
            self.address = self.server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        try:
            if self.is_unix:
                far = await asyncio.open_unix_connection(self.target)
            else:
                host, port = self.target.rsplit(":", 1)
                far = await asyncio.open_connection(host, int(port))
        except OSError:
            self.abort(writer)
            return
        pair = (writer, far[1])
        self.open.add(pair)
        if self.mode == "hole":
            self.swallowed.add(pair)
        await asyncio.gather(self.forward(reader, far[1], pair), self.forward(far[0], writer, pair))
        self.end(pair)

    async def forward(self, reader, writer, pair):
        loop = asyncio.get_running_loop()
        pieces = asyncio.Queue(maxsize=64)

        async def send():
            while True:
                due, piece = await pieces.get()
                if (pause := due - loop.time()) > 0:
                    await asyncio.sleep(pause)
                if pair in self.swallowed:
                    continue
                if piece is None:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()

        sending = asyncio.create_task(send())
        try:
            while True:
                piece = await reader.read(PIECE)
                await pieces.put((loop.time() + self.delay, piece or None))
                if not piece:
                    break
            await sending
        except (OSError, RuntimeError):
            pass
        finally:
            sending.cancel()

    def abort(self, writer):
        """Ends a connection without a farewell."""
        if not self.is_unix:
            raw = writer.get_extra_info("socket")
            try:
                if raw is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                # It is closed already: the peer was faster.
                pass
        writer.transport.abort()

    def end(self, pair):
        self.open.discard(pair)
        self.swallowed.discard(pair)
        for writer in pair:
            self.abort(writer)

    async def set(self, mode, argument):
        if mode not in ("pass", "delay", "reset", "cut", "hole"):
            raise ValueError(mode)
        if self.mode == "hole" and mode != "hole":
            for pair in list(self.swallowed):
                self.end(pair)
        if mode in ("reset", "cut"):
            for pair in list(self.open):
                self.end(pair)
        if mode == "cut" and self.server is not None:
            self.server.close()
            self.server = None
        if mode != "cut" and self.server is None:
            await self.listen()
        if mode == "hole":
            self.swallowed |= self.open
        self.delay = float(argument) / 1000 if mode == "delay" else 0.0
        self.mode = "pass" if mode == "reset" else mode


async def main():
    links = {}
    for text in sys.argv[1:]:
        name, target = text.split("=", 1)
        links[name] = Link(name, target)
        await links[name].listen()
        print(name, links[name].address, flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        await links[line[0]].set(line[1], line[2] if len(line) > 2 else 0)
        print("ok", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    asyncio.run(main())
