"""How each fault is done to a shop and its servers, and healed."""
import contextlib
import os
import signal
import threading
import time

import shop as kit
from faults import takes
from instances import POLL_S, end_now, start_processor, stop_processor

BACK_S = 600  # a hang: `up` waits 5 s at most before it starts a role again
STACK_S = 1200  # more than DOORSTEP_START_TIMEOUT_S (dev/lib/chaos.sh)


class Injector:
    """Does the faults of a schedule, each in a thread of its own, which also heals it.

    proxies: lists of them by server.
    """

    def __init__(self, shop, instances, proxies):
        self.shop = shop
        self.instances = instances
        self.proxies = proxies
        self.locks = {}
        self.stack_lock = threading.Lock()  # dev/stack starts and stops for one caller at a time
        self.failures = []
        self.done = 0
        self.stopping = threading.Event()
        self.begin = time.monotonic()
        self.thread = threading.Thread(target=self._run_all, daemon=True)

    def start(self, faults):
        self.faults = faults
        self.locks = {name: threading.Lock() for fault in faults for name in takes(fault)}
        self.begin = time.monotonic()
        self.thread.start()

    def stop(self):
        """No more faults; those that go on end early and are healed."""
        self.stopping.set()
        if self.thread.is_alive():
            self.join()

    def join(self):
        self.thread.join()

    def clock(self):
        return f'{time.monotonic() - self.begin:7.1f} s'

    def _run_all(self):
        threads = []
        for fault in self.faults:
            if self.stopping.wait(max(0, self.begin + fault.at_s - time.monotonic())):
                break
            thread = threading.Thread(target=self._run, args=(fault,))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def _run(self, fault):
        with contextlib.ExitStack() as held:
            # A start may take longer than planned: the next fault of the same thing waits.
            for name in takes(fault):
                held.enter_context(self.locks[name])
            kit.say(f'{self.clock()}  {fault}')
            try:
                getattr(self, '_' + fault.kind.replace(' ', '_'))(fault)
                self.done += 1
            except Exception as error:  # whatever it was, the verdict must show it
                self.failures.append(f'{fault}: {error!r}')
                kit.say(f'{self.clock()}  {self.failures[-1]}')

    def _hold(self, fault):
        self.stopping.wait(fault.for_s)

    # roles and instances

    def _pid(self, name):
        return self.instances.pid(name) if name in self.instances.roles else self.shop.pid(name)

    def _signal(self, name, number):
        """To the process of that name that runs now. One may end by itself at any time: then to its
        successor."""
        def sent():
            pid = self._pid(name)
            if pid is None:
                return None
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                return pid
            return None
        return kit.wait_until(sent, f'{name} to be started', BACK_S)

    def _kill(self, name, away_s=0):
        if name in self.instances.roles:
            kit.wait_until(lambda: self.instances.kill(name, away_s), f'{name} to be started', BACK_S)
            return lambda: self.instances.pid(name)
        old = self._signal(name, signal.SIGKILL)
        return lambda: self.shop.pid(name) not in (None, old)

    def _kill_role(self, fault):
        back = self._kill(fault.target, fault.for_s)
        self._hold(fault)
        kit.wait_until(back, f'{fault.target} to be started again', BACK_S)

    _kill_instance = _kill_role

    def _kill_processor(self, fault):
        """All of its instances at once."""
        for name in takes(fault):
            kit.wait_until(self._kill(name), f'{name} to be started again', BACK_S)

    def _freeze_role(self, fault):
        pid = self._signal(fault.target, signal.SIGSTOP)
        self._hold(fault)
        os.kill(pid, signal.SIGCONT)

    _freeze_instance = _freeze_role

    def _join(self, fault):
        """One more, under a name in the group of its own, for a while. A join that the broker did not hear
        to its end can cost it that name: then it ends and is started again, as by any supervisor."""
        name = f'{fault.target}-3'
        end = time.monotonic() + fault.for_s
        process = start_processor(self.shop, fault.target, name, name)
        try:
            while not self.stopping.wait(POLL_S) and time.monotonic() < end:
                if process.poll() is not None:
                    self.instances.note_end(name, process)
                    process = start_processor(self.shop, fault.target, name, name)
            if fault.how == 'and leave':
                stop_processor(process)
        finally:
            end_now(process)

    # servers

    def _stack(self, command, server):
        with self.stack_lock:
            kit.stack(command, server, timeout_s=STACK_S)

    def _kill_broker(self, fault):
        kit.stack('kill', fault.target)
        self._hold(fault)
        self._stack('start', fault.target)

    def _freeze_broker(self, fault):
        kit.stack('pause', fault.target)
        self._hold(fault)
        kit.stack('resume', fault.target)

    def _restart(self, fault):
        if fault.how == 'killed':
            kit.stack('kill', fault.target)
        else:
            self._stack('stop', fault.target)
        self._hold(fault)
        self._stack('start', fault.target)

    def _full_disk(self, fault):
        """A server may end over it: with room it is started again, as a person would."""
        self._stack('full', fault.target)
        self._hold(fault)
        self._stack('room', fault.target)
        self._stack('start', fault.target)

    # connections

    def _cut(self, fault):
        for proxy in self.proxies[fault.target]:
            proxy.cut(fault.share)

    def _jam(self, fault):
        for proxy in self.proxies[fault.target]:
            proxy.jam(fault.share, fault.ways)
        self._hold(fault)
        for proxy in self.proxies[fault.target]:
            proxy.release()
