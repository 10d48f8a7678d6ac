"""A mail server and a push service that keep what they are told, and misbehave when asked to.

Both listen on a free port of the loopback. A trap is an action that runs once, in the server's thread,
when a mail has come to a certain point: TAKEN is the mail read whole and not answered yet, TOLD the
moment after the 250. A mail counts as received only when its 250 was sent.
"""
import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import socket
import socketserver
import threading
import time

GREETING, RCPT, DATA, TAKEN, TOLD = 'greeting', 'rcpt', 'data', 'taken', 'told'


class Gone(Exception):
    """The other side hung up, or we do."""


class Mail:
    def __init__(self, sender, to, raw):
        self.sender, self.to, self.raw = sender, to, raw
        self.at = time.monotonic()
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.id = self.message['Message-ID']
        self.event = self.message['X-Doorstep-Event']

    def text(self):
        return self.message.get_content()


class SmtpSink:
    """mode: None, or what is wrong: 'stall' (no answer at all), 'drop' (hang up within a mail),
    'busy' (451 at its end), 'full' (452 to RCPT). refused: addresses that get 550."""

    def __init__(self):
        self.received = []
        self.mode = None
        self.refused = set()
        self.connections = 0
        self.lock = threading.Lock()
        self.traps = {}
        self.sessions = set()
        sink = self

        class Session(socketserver.StreamRequestHandler):
            timeout = 30

            def handle(self):
                with sink.lock:
                    sink.sessions.add(self)
                try:
                    sink.serve(self)
                except (Gone, OSError):
                    pass
                finally:
                    with sink.lock:
                        sink.sessions.remove(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(('127.0.0.1', 0), Session)
        self.port = self.server.server_address[1]
        self.url = f'smtp://127.0.0.1:{self.port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def trap(self, point, action):
        with self.lock:
            assert point not in self.traps
            self.traps[point] = action

    def trapped(self):
        """No trap is left: all have run."""
        with self.lock:
            return not self.traps

    def spring(self, point, *facts):
        with self.lock:
            action = self.traps.pop(point, None)
        if action is not None:
            action(*facts)

    def hang_up(self):
        """As a server does with those that say nothing for long: whoever has a mail must connect."""
        with self.lock:
            for session in self.sessions:
                try:
                    session.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was first

    def all(self):
        with self.lock:
            return list(self.received)

    # one session

    def serve(self, session):
        with self.lock:
            self.connections += 1
        self.spring(GREETING)
        if self.mode == 'stall':
            session.rfile.read(1)  # until the other side gives up
            raise Gone
        self.say(session, '220 sink')
        sender, to = None, []
        while True:
            line = self.line(session)
            verb = line.split(b':')[0].split(b' ')[0].upper()
            if self.mode == 'stall':  # on a connection that was kept open
                session.rfile.read(1)
                raise Gone
            if verb == b'EHLO':
                self.say(session, '250-sink\r\n250 8BITMIME')
            elif verb == b'MAIL':
                sender, to = line[10:].split(b'>')[0].strip(b'<').decode(), []
                self.say(session, '250 ok')
            elif verb == b'RCPT':
                self.spring(RCPT)
                address = line[8:].split(b'>')[0].strip(b'<').decode()
                if address in self.refused:
                    self.say(session, '550 no such user')
                elif self.mode == 'full':
                    self.say(session, '452 full')
                else:
                    to.append(address)
                    self.say(session, '250 ok')
            elif verb == b'DATA':
                self.take(session, sender, to)
            elif verb in (b'QUIT', b'RSET', b'NOOP'):
                self.say(session, '221 bye' if verb == b'QUIT' else '250 ok')
                if verb == b'QUIT':
                    raise Gone
            else:
                self.say(session, '502 what?')

    def take(self, session, sender, to):
        self.say(session, '354 go on')
        lines = [self.line(session)]
        self.spring(DATA)
        if self.mode == 'drop':
            raise Gone
        while lines[-1] != b'.':
            lines.append(self.line(session))
        raw = b'\r\n'.join(line[1:] if line.startswith(b'.') else line for line in lines[:-1])
        mail = Mail(sender, to, raw)
        self.spring(TAKEN, mail)
        if self.mode == 'busy':
            self.say(session, '451 later')
            return
        with self.lock:  # whoever sees the 250 finds the mail
            self.received.append(mail)
        try:
            self.say(session, '250 kept')
        except OSError:
            with self.lock:
                self.received.remove(mail)
            raise
        self.spring(TOLD, mail)

    @staticmethod
    def say(session, text):
        session.wfile.write(text.encode() + b'\r\n')
        session.wfile.flush()

    @staticmethod
    def line(session):
        line = session.rfile.readline(2000)
        if not line.endswith(b'\r\n'):
            raise Gone
        return line[:-2]


class Push:
    def __init__(self, headers, body):
        self.at = time.monotonic()
        self.key = headers['Idempotency-Key']
        self.headers = headers
        self.body = json.loads(body)
        self.event = self.body['message']['data']['event']
        self.order = self.body['message']['data']['orderId']


class PushSink:
    """answer: the status all posts get; 200 keeps them. wrong: posts whose signature does not match."""

    def __init__(self, secret):
        key = base64.b64decode(secret.removeprefix('whsec_'))
        self.received = []
        self.answer = 200
        self.answered = []
        self.wrong = []
        self.lock = threading.Lock()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                signed = b'.'.join([self.headers['webhook-id'].encode(),
                                    self.headers['webhook-timestamp'].encode(), body])
                mac = hmac.new(key, signed, hashlib.sha256).digest()
                with sink.lock:
                    status = sink.answer
                    sink.answered.append(status)
                    if self.headers['webhook-signature'] != 'v1,' + base64.b64encode(mac).decode():
                        sink.wrong.append(dict(self.headers))
                    if status == 200:
                        sink.received.append(Push(dict(self.headers), body))
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # whoever called was killed

        self.server = Server(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}/push'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.received)


# --- the notes -------------------------------------------------------------------------------------


class Avro:
    """Decodes a value of a schema from the .avsc; enough of Avro for our topics."""

    def __init__(self, schema):
        self.names = {}
        self.schema = schema

    def value(self, data):
        self.data, self.at = data, 0
        return self.read(self.schema)

    def long(self):
        shift = result = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return (result >> 1) ^ -(result & 1)

    def read(self, schema):
        if isinstance(schema, list):
            return self.read(schema[self.long()])
        kind = schema if isinstance(schema, str) else schema['type']
        if kind in ('int', 'long'):
            return self.long()
        if kind == 'null':
            return None
        if kind == 'string':
            length = self.long()
            self.at += length
            return self.data[self.at - length:self.at].decode()
        if kind == 'enum':
            return schema['symbols'][self.long()]
        if kind == 'record':
            return {field['name']: self.read(field['type']) for field in schema['fields']}
        if kind == 'array':
            items = []
            while True:
                count = self.long()
                if count == 0:
                    return items
                if count < 0:
                    self.long()
                items += [self.read(schema['items']) for _ in range(abs(count))]
        raise AssertionError(f'a type of another kind: {kind}')


def free_port():
    """One that nobody listens on."""
    with socket.socket() as place:
        place.bind(('127.0.0.1', 0))
        return place.getsockname()[1]
