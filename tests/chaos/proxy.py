"""A TCP proxy on 127.0.0.1 whose connections can be cut, or jammed and later released.

It stands between the roles and a server: PostgreSQL, mongod, or a broker that names the proxy's port as
its own. A jam keeps what was
sent, in order, for as long as it lasts, also when the sender gives up meanwhile: the append whose
acknowledgement nobody waits for any more. A cut is a reset in both directions. One thread runs the
event loop; the methods of Proxy may be called from any other.
"""
import asyncio
import random
import threading

CHUNK_BYTES = 64 * 1024
HELD_BYTES = 4 * 1024 * 1024  # of a direction; a sender that is beyond it has to wait
CONNECT_S = 5
CALL_S = 60  # a hang, and no slow machine
WAYS = ('to', 'from')  # the server


class Link:
    """One connection of a role and its counterpart to the server."""

    def __init__(self, writers):
        self.writers = writers
        self.gates = {way: asyncio.Event() for way in WAYS}
        self.release()

    def jam(self, ways):
        for way in ways:
            self.gates[way].clear()

    def release(self):
        for gate in self.gates.values():
            gate.set()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()

    def close(self):
        """After what is still in the buffers."""
        for writer in self.writers:
            writer.close()

    async def pump(self, way, reader, writer):
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self.gates[way].wait()
                writer.write(data)
                await writer.drain()
            await self.gates[way].wait()
            writer.write_eof()
        except (OSError, RuntimeError):  # RuntimeError: the transport was closed meanwhile
            self.close()


class Proxy:
    def __init__(self, port, server_port):
        self.port = port
        self.server_port = server_port
        self.links = set()
        self.jammed_ways = ()  # of connections that are made during a jam of all
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self):
        self.thread.start()
        self._call(self._listen())
        return self

    def stop(self):
        self._call(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(CALL_S)

    def cut(self, share):
        """Resets that share (0 to 1) of the connections, drawn at random; how many."""
        return self._call(self._cut(share))

    def jam(self, share, ways=WAYS):
        """Nothing passes the ways of that share of the connections; how many. Share 1: nor of new ones."""
        return self._call(self._jam(share, ways))

    def release(self):
        return self._call(self._release())

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(CALL_S)

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, '127.0.0.1', self.port, limit=HELD_BYTES)

    async def _serve(self, reader, writer):
        try:
            server = asyncio.open_connection('127.0.0.1', self.server_port, limit=HELD_BYTES)
            server_reader, server_writer = await asyncio.wait_for(server, CONNECT_S)
        except (OSError, asyncio.TimeoutError):
            writer.transport.abort()
            return
        link = Link((writer, server_writer))
        link.jam(self.jammed_ways)
        self.links.add(link)
        try:
            await asyncio.gather(link.pump('to', reader, server_writer),
                                 link.pump('from', server_reader, writer))
        finally:
            self.links.discard(link)
            link.close()

    def _draw(self, share):
        return random.sample(list(self.links), round(share * len(self.links)))

    async def _cut(self, share):
        drawn = self._draw(share)
        for link in drawn:
            link.cut()
        return len(drawn)

    async def _jam(self, share, ways):
        drawn = self._draw(share)
        for link in drawn:
            link.jam(ways)
        self.jammed_ways = ways if share == 1 else ()
        return len(drawn)

    async def _release(self):
        self.jammed_ways = ()
        for link in self.links:
            link.release()

    async def _close(self):
        self.server.close()
        await self._cut(1)
        await self.server.wait_closed()
