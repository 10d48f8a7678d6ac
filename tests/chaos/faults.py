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
FREEZES_S = [2] * 14 + [20] * 4 + [60]
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


def draw(rng, kind, at_s, brokers):
    if kind == 'kill role':
        return Fault(at_s, kind, rng.choice(SINGLE), 0)
    if kind == 'freeze role':
        return Fault(at_s, kind, rng.choice(SINGLE), rng.choice(FREEZES_S))
    if kind == 'kill instance':
        target = rng.choice(DOUBLED + SECONDS)
        down_s = rng.choice(INSTANCE_DOWN_S)
        return Fault(at_s, kind, target, down_s if target in SECONDS else 0)
    if kind == 'freeze instance':
        return Fault(at_s, kind, rng.choice(DOUBLED + SECONDS), rng.choice(FREEZES_S))
    if kind == 'kill processor':
        return Fault(at_s, kind, rng.choice(DOUBLED), 0)
    if kind == 'join':
        return Fault(at_s, kind, rng.choice(PROCESSORS), round(rng.uniform(*JOIN_S), 1),
                     rng.choice(['and be killed', 'and leave']))
    if kind == 'kill broker':
        return Fault(at_s, kind, rng.choice(brokers), rng.choice(DOWN_S))
    if kind == 'freeze broker':
        return Fault(at_s, kind, rng.choice(brokers), rng.choice(FREEZES_S))
    if kind == 'cut':
        return Fault(at_s, kind, rng.choice(NETWORKS), 0, share=rng.choice([0.5, 1]))
    if kind == 'jam':
        return Fault(at_s, kind, rng.choice(NETWORKS), rng.choice(JAMS_S), share=rng.choice([0.5, 1]),
                     ways=rng.choice([WAYS, ('to',), ('from',)]))
    if kind == 'restart':
        return Fault(at_s, kind, rng.choice(['postgres', 'mongo']), rng.choice(DOWN_S),
                     rng.choice(['killed', 'stopped']))
    return Fault(at_s, 'full disk', rng.choice(['postgres', 'mongo', rng.choice(brokers)]), rng.choice(FULL_S))


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
    kinds = [kind for kind in ROUND if full_disks or kind != 'full disk']
    faults, coming, free_at, at_s = [], [], {}, 1.0
    while True:
        coming = coming or round_of(rng, kinds)
        fault = draw(rng, coming.pop(), at_s, brokers)
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
