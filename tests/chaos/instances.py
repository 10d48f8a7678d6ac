"""Further instances of processors beside those that `doorstep up` runs: dynamic members of their groups.

One thread starts them, and starts again what ended. It lives as long as they do: a child is told of the
end of the thread that started it.
"""
import contextlib
import os
import signal
import subprocess
import threading
import time

import shop as kit
from verdict import CRASHES

POLL_S = 0.1
PAUSE_S = 1  # before one that ended by itself is started again
STOP_S = 120
STANDBY = '12'  # follows all partitions that it does not own


def start_processor(shop, role, name, member):
    """A process of this role. member: its name in the group; empty: the group makes one up."""
    with open(shop.log_dir / f'{name}.log', 'ab') as log:
        return subprocess.Popen(
            [shop.binary, 'processor', role.removeprefix('processor-')],
            env=dict(shop.env, GROUP_INSTANCE_ID=member, METRICS_PORT='0', STANDBY=STANDBY),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=kit.end_with_the_test)


def stop_processor(process):
    """As it should end."""
    process.send_signal(signal.SIGTERM)
    code = process.wait(STOP_S)
    assert code == 0, f'it ended with {code}'


def end_now(process):
    if process.poll() is None:
        process.kill()
        process.wait()


class Instances:
    def __init__(self, shop, roles):
        self.shop = shop
        self.roles = {f'{role}-2': role for role in roles}
        self.running = {}
        self.away_until = {name: 0 for name in self.roles}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.failures = []
        self.crashes = []  # of them
        self.thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        """All end cleanly; what does not is a failure."""
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()
        return self.failures

    def pid(self, name):
        """None: it does not run now."""
        with self.lock:
            process = self.running.get(name)
            return process.pid if process is not None and process.poll() is None else None

    def kill(self, name, away_s):
        """And start it again after that time. False: it does not run."""
        with self.lock:
            process = self.running.get(name)
            if process is None or process.poll() is not None:
                return False
            self.away_until[name] = time.monotonic() + away_s
            process.kill()
            process.wait()
            del self.running[name]
            return True

    def note_end(self, name, process):
        """It ended by itself, as one does that lost its name in the group; a bug's signal is remembered."""
        kit.say(f'{name} ended with {process.returncode}')
        if -process.returncode in CRASHES:
            self.crashes.append(f'{name} ended by signal {-process.returncode}')

    def _look(self, name):
        with self.lock:
            process = self.running.get(name)
            if process is not None and process.poll() is None:
                return
            if process is not None:
                self.away_until[name] = time.monotonic() + PAUSE_S
                del self.running[name]
                self.note_end(name, process)
            elif time.monotonic() >= self.away_until[name]:
                self.running[name] = start_processor(self.shop, self.roles[name], name, '')

    def _supervise(self):
        while not self.stopping.is_set():
            for name in self.roles:
                self._look(name)
            self.stopping.wait(POLL_S)
        for name, process in self.running.items():
            if process.poll() is not None:
                continue
            try:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
                stop_processor(process)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                self.failures.append(f'{name}: {error}')
            finally:
                end_now(process)
