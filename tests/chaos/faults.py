"""Which faults come when, from a seed alone, and how each is done to a shop and its servers."""
import os
import random
import signal
import subprocess
import threading
import time
from typing import NamedTuple

import shop as kit
from proxy import WAYS

# How often each kind comes in a round. Every round has all of them, in an order of its own.
ROUND = {'kill role': 5, 'freeze role': 5, 'second instance': 3, 'kill broker': 1, 'freeze broker': 2,
         'cut': 3, 'jam': 3, 'restart postgres': 1, 'restart mongo': 1}
PAUSE_S = (1, 5)
OVERLAP = 0.25  # how often the next fault does not wait for the end of the one before
FREEZES_S = [2] * 15 + [20] * 4 + [60]
JAMS_S = [2] * 5 + [6] * 4 + [20]
SECOND_S = (4, 12)
DOWN_S = [0, 0, 3]
START_S = {'broker': 10, 'postgres': 2, 'mongo': 3}  # about what a start takes, for the plan
PROCESSORS = [role for role in kit.ROLES if role.startswith('processor-')]
BACK_S = 60


class Fault(NamedTuple):
    at_s: float
    kind: str
    target: str
    for_s: float
    how: str = ''
    share: float = 1
    ways: tuple = WAYS

    def __str__(self):
        words = [self.kind, '' if self.target == 'network' else self.target, self.how]
        if self.target == 'network':
            words.append('all' if self.share == 1 else 'half of the connections')
            words.append('' if self.ways == WAYS else f'{self.ways[0]} the broker')
        words.append(f'for {self.for_s:g} s' if self.for_s else '')
        return ' '.join(word for word in words if word)


def draw(rng, kind, at_s, brokers):
    if kind == 'kill role':
        return Fault(at_s, kind, rng.choice(kit.ROLES), 0)
    if kind == 'freeze role':
        return Fault(at_s, kind, rng.choice(kit.ROLES), rng.choice(FREEZES_S))
    if kind == 'second instance':
        return Fault(at_s, kind, rng.choice(PROCESSORS), round(rng.uniform(*SECOND_S), 1),
                     rng.choice(['killed', 'stopped']))
    if kind == 'kill broker':
        return Fault(at_s, kind, rng.choice(brokers), rng.choice(DOWN_S))
    if kind == 'freeze broker':
        return Fault(at_s, kind, rng.choice(brokers), rng.choice(FREEZES_S))
    if kind == 'cut':
        return Fault(at_s, kind, 'network', 0, share=rng.choice([0.5, 1]))
    if kind == 'jam':
        return Fault(at_s, kind, 'network', rng.choice(JAMS_S), share=rng.choice([0.5, 1]),
                     ways=rng.choice([WAYS, ('to',), ('from',)]))
    return Fault(at_s, 'restart', kind.split()[1], rng.choice(DOWN_S), rng.choice(['killed', 'stopped']))


def planned_end(fault):
    name = 'broker' if fault.kind == 'kill broker' else fault.target
    return fault.at_s + fault.for_s + START_S.get(name, 0)


def one_at_a_time(fault):
    """What no two faults may have in hand: one broker of several is away at a time."""
    if fault.kind == 'second instance':
        return f'second {fault.target}'
    return 'broker' if fault.kind.endswith('broker') else fault.target


def schedule(seed, seconds, brokers):
    """Faults that all end within the seconds, in the order of their times."""
    rng = random.Random(seed)
    faults, kinds, free_at, at_s = [], [], {}, 1.0
    while True:
        if not kinds:
            kinds = [kind for kind, count in ROUND.items() for _ in range(count)]
            rng.shuffle(kinds)
        fault = draw(rng, kinds.pop(), at_s, brokers)
        start = max(at_s, free_at.get(one_at_a_time(fault), 0))
        fault = fault._replace(at_s=round(start, 1))
        if start > seconds - PAUSE_S[1]:
            return faults
        if planned_end(fault) > seconds:
            continue
        free_at[one_at_a_time(fault)] = planned_end(fault)
        faults.append(fault)
        after = fault.at_s if rng.random() < OVERLAP else planned_end(fault)
        at_s = after + rng.uniform(*PAUSE_S)


class Injector:
    """Does the faults of a schedule, each in a thread of its own, which also heals it."""

    def __init__(self, shop, proxies):
        self.shop = shop
        self.proxies = proxies
        self.locks = {}
        self.failures = []
        self.done = 0
        self.stopping = threading.Event()
        self.begin = time.monotonic()
        self.thread = threading.Thread(target=self._run_all, daemon=True)

    def start(self, faults):
        self.faults = faults
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
        # A start may take longer than planned: the next fault of the same thing waits.
        with self.locks.setdefault(one_at_a_time(fault), threading.Lock()):
            kit.say(f'{self.clock()}  {fault}')
            try:
                getattr(self, '_' + fault.kind.replace(' ', '_'))(fault)
                self.done += 1
            except Exception as error:  # whatever it was, the verdict must show it
                self.failures.append(f'{fault}: {error!r}')
                kit.say(f'{self.clock()}  {self.failures[-1]}')

    def _hold(self, fault):
        self.stopping.wait(fault.for_s)

    def _pid(self, role):
        return kit.wait_until(lambda: self.shop.pid(role), f'{role} to be started', BACK_S)

    def _kill_role(self, fault):
        old = self._pid(fault.target)
        os.kill(old, signal.SIGKILL)
        kit.wait_until(lambda: self.shop.pid(fault.target) not in (None, old),
                       f'{fault.target} to be started again', BACK_S)

    def _freeze_role(self, fault):
        pid = self._pid(fault.target)
        os.kill(pid, signal.SIGSTOP)
        self._hold(fault)
        os.kill(pid, signal.SIGCONT)

    def _second_instance(self, fault):
        """Beside the one that `up` runs, under another name in the group: partitions move to and fro."""
        name = f'{fault.target}-second'
        with open(self.shop.log_dir / f'{name}.log', 'ab') as log:
            second = subprocess.Popen(
                [self.shop.binary, 'processor', fault.target.removeprefix('processor-')],
                env=dict(self.shop.env, GROUP_INSTANCE_ID=name, METRICS_PORT='0'),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=kit.end_with_the_test)
        try:
            self._hold(fault)
            assert second.poll() is None, f'it ended by itself with {second.returncode}'
            second.send_signal(signal.SIGKILL if fault.how == 'killed' else signal.SIGTERM)
            code = second.wait(BACK_S)
            assert fault.how == 'killed' or code == 0, f'it ended with {code}'
        finally:
            if second.poll() is None:
                second.kill()
                second.wait()

    def _kill_broker(self, fault):
        kit.stack('kill', fault.target)
        self._hold(fault)
        kit.stack('start', fault.target)

    def _freeze_broker(self, fault):
        kit.stack('pause', fault.target)
        self._hold(fault)
        kit.stack('resume', fault.target)

    def _restart(self, fault):
        kit.stack('kill' if fault.how == 'killed' else 'stop', fault.target)
        self._hold(fault)
        kit.stack('start', fault.target)

    def _cut(self, fault):
        for proxy in self.proxies:
            proxy.cut(fault.share)

    def _jam(self, fault):
        for proxy in self.proxies:
            proxy.jam(fault.share, fault.ways)
        self._hold(fault)
        for proxy in self.proxies:
            proxy.release()
