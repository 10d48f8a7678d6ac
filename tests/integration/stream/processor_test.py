"""The role `doorstep processor` itself on a real Kafka: several workers in one process, a stop that
is over at once, and a worker that hangs.

Environment: DOORSTEP_BIN; KAFKA_BROKERS, FIRST_METRICS_PORT (dev/stack env --profile test).
"""
import contextlib
import ctypes
import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

PATIENCE_S = 90
SESSION_S = 6
STUCK_S = 5  # a call may take so long on a busy machine, and hang no worker
EXIT_STUCK = 70
DRAIN_MS = 300  # so long a host that is stopped waits for its last records to be confirmed


# Behind those of the shop's roles, and below those that the system hands out to any connection.
PORTS = itertools.cycle(range(*(int(os.environ['FIRST_METRICS_PORT']) + place for place in (11, 31))))


def free_port():
    for port in itertools.islice(PORTS, 20):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(('127.0.0.1', port))
            return port
    raise AssertionError('none of the ports for tests is free')


def wait_until(look, what):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f'waited {PATIENCE_S} s for {what}')


def setUpModule():
    """The topics, unless they are there."""
    subprocess.run([os.environ['DOORSTEP_BIN'], 'topics', 'create'], check=True, timeout=PATIENCE_S)


class Processor:
    """`doorstep processor catalog` as a child, with its log and its metrics."""

    def __init__(self, *options, binary=None, **environment):
        self.port = free_port()
        self.log = tempfile.NamedTemporaryFile('a')
        self.child = subprocess.Popen(
            [binary or os.environ['DOORSTEP_BIN'], 'processor', 'catalog', *options],
            env={**os.environ, 'METRICS_PORT': str(self.port), 'SESSION_TIMEOUT': f'{SESSION_S}s',
                 **environment},
            stdout=self.log, stderr=subprocess.STDOUT)

    def metric(self, name):
        """The sum over a metric's series; None while nobody answers."""
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/metrics', timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        return sum(float(line.rsplit(' ', 1)[1]) for line in lines
                   if line.startswith((name + '{', name + ' ')))

    def wait_running(self, partitions):
        wait_until(lambda: self.metric('doorstep_partitions_running') == partitions
                   or self.child.poll() is not None, f'{partitions} partitions that run')
        assert self.child.poll() is None, f'it ended with {self.child.poll()}: {self.lines()}'

    def threads(self):
        """Its workers' thread ids by name."""
        base = f'/proc/{self.child.pid}/task'
        names = {}
        for task in os.listdir(base):
            with open(f'{base}/{task}/comm', encoding='ascii') as file:
                names[file.read().strip()] = int(task)
        return names

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(PATIENCE_S)

    def lines(self):
        """What it logged, as objects."""
        with open(self.log.name, encoding='utf-8') as log:
            return [json.loads(line) for line in log if line.startswith('{') and line.endswith('}\n')]

    def line(self, code):
        found = [line for line in self.lines() if line['code'] == code]
        assert found, f'no line {code} in {self.lines()}'
        return found[-1]

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(PATIENCE_S)
        self.log.close()


def hang(thread):
    """Stop one thread of a child for good, as if it hung in a call."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt = 0x4206, 0x4207
    if libc.ptrace(seize, thread, None, None) != 0 or libc.ptrace(interrupt, thread, None, None) != 0:
        raise unittest.SkipTest(f'ptrace: {os.strerror(ctypes.get_errno())}')
    os.waitpid(thread, 0x40000000)  # __WALL: it stands


class Workers(unittest.TestCase):
    def start(self, *options, **environment):
        processor = Processor(*options, **environment)
        self.addCleanup(processor.close)
        return processor

    def test_several_workers_share_the_partitions_and_stop_together(self):
        # A broker that pauses confirms nothing meanwhile: once more, then.
        self.assertTrue(any(self.stops_at_once() for _ in range(5)))

    def stops_at_once(self):
        """Three workers leave nothing unconfirmed, and take no longer for it than the group's patience."""
        one = self.start('--workers', '3')
        one.wait_running(12)
        wait_until(lambda: one.metric('doorstep_unacked_records') == 0, 'all to be confirmed')
        self.assertEqual(len([name for name in one.threads() if name.startswith('catalog-')]), 3)
        self.assertEqual(one.stop(), 0)
        stopped = one.line('processor.stopped')
        self.assertEqual(stopped['workers'], 3)
        hosts = [line for line in one.lines() if line['code'] == 'host.stopped']
        self.assertEqual(len(hosts), 3)
        for host in hosts:
            self.assertTrue(host['unconfirmed'] == 0 or host['drain_ms'] >= DRAIN_MS, host)
        # The next has the partitions long before the group would have missed a dead member.
        began = time.monotonic()
        two = self.start('--workers', '2')
        two.wait_running(12)
        self.assertEqual(two.stop(), 0)
        print(f'stopped in {stopped["ms"]} ms, the hosts in {[host["ms"] for host in hosts]}; all '
              f'partitions ran again after {time.monotonic() - began:.2f} s')
        return stopped['ms'] / 1000 < SESSION_S and all(host['unconfirmed'] == 0 for host in hosts)

    def test_static_members_differ_by_worker_and_come_back_to_their_partitions(self):
        for _ in range(2):
            one = self.start('--workers', '2', GROUP_INSTANCE_ID='members-test')
            one.wait_running(12)
            self.assertEqual(one.stop(), 0)
            self.assertEqual([line for line in one.lines() if line['level'] == 'error'], [])

    def test_worker_that_hangs_ends_the_process_so_that_it_is_started_anew(self):
        one = self.start('--workers', '2', '--stuck-after', f'{STUCK_S}s')
        one.wait_running(12)
        thread = one.threads()['catalog-2']
        hang(thread)
        wait_until(lambda: os.waitpid(thread, os.WNOHANG | 0x40000000)[0] == thread, 'its end')
        self.assertEqual(one.child.wait(PATIENCE_S), EXIT_STUCK)
        stuck = one.line('processor.stuck')
        self.assertEqual((stuck['processor'], stuck['worker']), ('catalog', 2))
        self.assertGreaterEqual(stuck['still_ms'], STUCK_S * 1000)

    def test_process_that_was_frozen_as_a_whole_goes_on(self):
        one = self.start('--stuck-after', f'{STUCK_S}s')
        one.wait_running(12)
        won = wait_until(lambda: one.metric('doorstep_claims_won_total'), 'its claims')
        one.child.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_S + 2)  # nothing to wait for: it is the time that passes
        other = self.start()
        other.wait_running(12)  # a broker that paused too has missed it only by then
        self.assertEqual(other.stop(), 0)
        one.child.send_signal(signal.SIGCONT)
        wait_until(lambda: (one.metric('doorstep_claims_won_total') or 0) >= won + 12, 'new epochs')
        one.wait_running(12)
        self.assertIsNone(one.child.poll())
        self.assertEqual(one.stop(), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
