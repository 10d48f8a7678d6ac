"""Which faults come when: from a seed alone."""
import random
from typing import NamedTuple

import shop as kit
from proxy import WAYS

# How often each kind comes in a round. A round begins with one of each, so that a short run has them
# all; the order is the seed's.
ROUND = {'kill role': 4, 'freeze role': 4, 'kill instance': 4, 'freeze instance': 4, 'kill processor': 1,
         'join': 2, 'kill broker': 1, 'freeze broker': 2, 'cut': 4, 'jam': 4, 'restart': 2, 'full disk': 1}
PAUSE_S = (1, 6)
OVERLAP = 0.3  # how often the next fault does not wait for the end of the one before
LONG_S = 20  # nor does it wait for a role that is away for so long
# How long, as packs of cards: each length comes as often as it is in the pack.
FREEZES_S = [2] * 14 + [20] * 4 + [60]
BROKER_FREEZES_S = [2] * 8 + [20] * 2 + [60]
DOWN_S = [0, 0, 3]
INSTANCE_DOWN_S = [0] * 6 + [2] * 4 + [20] * 2 + [60]
JAMS_S = [2] * 5 + [6] * 4 + [20]
FULL_S = [3, 6, 12]
JOIN_S = (4, 12)
START_S = {'kafka': 10, 'postgres': 2, 'mongo': 3}  # about what a start takes, for the plan
NETWORKS = ['kafka', 'kafka', 'kafka', 'postgres', 'mongo']  # half of all cuts are to the brokers

PROCESSORS = [role for role in kit.ROLES if role.startswith('processor-')]
# These have a second instance throughout, a dynamic member of the group: partitions move to and fro.
DOUBLED = ['processor-order', 'processor-payment', 'processor-delivery']
SECONDS = [f'{role}-2' for role in DOUBLED]
SINGLE = [role for role in kit.ROLES if role not in DOUBLED]


class Fault(NamedTuple):
    at_s: float
    kind: str
    target: str
    for_s: float
    how: str = ''
    share: float = 1
    ways: tuple = WAYS

    def __str__(self):
        words = [self.kind, self.target, self.how]
        if self.kind in ('cut', 'jam'):
            words.append('all' if self.share == 1 else 'half of the connections')
            words.append('' if self.ways == WAYS else f'{self.ways[0]} the server')
        words.append(f'for {self.for_s:g} s' if self.for_s else '')
        return ' '.join(word for word in words if word)


def is_broker(target):
    return target.startswith('kafka')


class Packs:
    """What comes next of each list: all of it in an order of the seed's, then all of it again. So a long run
    has each length and each target, whatever its seed."""

    def __init__(self, rng):
        self.rng = rng
        self.left = {}

    def draw(self, use, cards, shortest_first=False):
        """use: what the cards are for; each use has a pack of its own. shortest_first: a run begins with the
        shortest, since others wait for it."""
        if not self.left.get(use):
            pack = self.rng.sample(cards, len(cards))
            if shortest_first and use not in self.left:
                pack.remove(min(cards))
                pack.append(min(cards))
            self.left[use] = pack
        return self.left[use].pop()


def draw(rng, packs, kind, at_s, brokers):
    def one(use, cards, **how):
        return packs.draw(f'{use} of {kind}', cards, **how)

    if kind == 'kill role':
        return Fault(at_s, kind, one('target', SINGLE), 0)
    if kind == 'freeze role':
        return Fault(at_s, kind, one('target', SINGLE), one('length', FREEZES_S))
    if kind == 'kill instance':
        target = one('target', DOUBLED + SECONDS)
        return Fault(at_s, kind, target, one('length', INSTANCE_DOWN_S) if target in SECONDS else 0)
    if kind == 'freeze instance':
        return Fault(at_s, kind, one('target', DOUBLED + SECONDS), one('length', FREEZES_S))
    if kind == 'kill processor':
        return Fault(at_s, kind, one('target', DOUBLED), 0)
    if kind == 'join':
        return Fault(at_s, kind, one('target', PROCESSORS), round(rng.uniform(*JOIN_S), 1),
                     one('end', ['and be killed', 'and leave']))
    if kind == 'kill broker':
        return Fault(at_s, kind, one('target', brokers), one('length', DOWN_S, shortest_first=True))
    if kind == 'freeze broker':
        return Fault(at_s, kind, one('target', brokers), one('length', BROKER_FREEZES_S, shortest_first=True))
    if kind == 'cut':
        return Fault(at_s, kind, one('target', NETWORKS), 0, share=rng.choice([0.5, 1]))
    if kind == 'jam':
        return Fault(at_s, kind, one('target', NETWORKS), one('length', JAMS_S, shortest_first=True),
                     share=rng.choice([0.5, 1]), ways=rng.choice([WAYS, ('to',), ('from',)]))
    if kind == 'restart':
        return Fault(at_s, kind, one('target', ['postgres', 'mongo']), one('length', DOWN_S, shortest_first=True),
                     rng.choice(['killed', 'stopped']))
    target = one('target', ['postgres', 'mongo', 'kafka'])
    return Fault(at_s, 'full disk', one('broker', brokers) if is_broker(target) else target,
                 one('length', FULL_S, shortest_first=True))


def planned_end(fault):
    starts = fault.kind in ('kill broker', 'restart', 'full disk')
    name = 'kafka' if is_broker(fault.target) else fault.target
    return fault.at_s + fault.for_s + (START_S[name] if starts else 0)


def takes(fault):
    """What no two faults may have in hand, sorted: one broker of several is away at a time."""
    if fault.kind == 'kill processor':
        return [fault.target, f'{fault.target}-2']
    if fault.kind in ('join', 'cut', 'jam'):
        return [f'{fault.kind if fault.kind == "join" else "network"} {fault.target}']
    return ['broker' if is_broker(fault.target) else fault.target]


def round_of(rng, kinds):
    """The kinds of a round, the last one first."""
    first, rest = list(kinds), [kind for kind in kinds for _ in range(ROUND[kind] - 1)]
    rng.shuffle(first)
    rng.shuffle(rest)
    return rest + first


def schedule(seed, seconds, brokers, full_disks=True):
    """Faults that all end within the seconds, in the order of their times."""
    rng = random.Random(seed)
    packs = Packs(rng)
    kinds = [kind for kind in ROUND if full_disks or kind != 'full disk']
    faults, coming, free_at, at_s = [], [], {}, 1.0
    while True:
        coming = coming or round_of(rng, kinds)
        fault = draw(rng, packs, coming.pop(), at_s, brokers)
        start = max([at_s] + [free_at.get(name, 0) for name in takes(fault)])
        fault = fault._replace(at_s=round(start, 1))
        if start > seconds - PAUSE_S[1]:
            return faults
        if planned_end(fault) > seconds:
            continue
        free_at.update((name, planned_end(fault)) for name in takes(fault))
        faults.append(fault)
        goes_on = rng.random() < OVERLAP or (fault.for_s >= LONG_S and fault.target in kit.ROLES + SECONDS)
        at_s = (fault.at_s if goes_on else planned_end(fault)) + rng.uniform(*PAUSE_S)
