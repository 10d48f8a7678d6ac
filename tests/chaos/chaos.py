"""Orders while roles, servers and connections fail by a random schedule; then the verdict.

`dev/test chaos` starts the servers, with a listener behind each proxy, and calls this. Each line
"ok NAME" or "FAILED NAME" on stdout is one check of the verdict; all else goes to stderr. The
schedule follows from the seed and the minutes alone.
"""
import argparse
import collections
import json
import pathlib
import secrets
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration/shop'))
import shop as kit  # noqa: E402
import verdict as judge  # noqa: E402
from faults import DOUBLED, is_broker, schedule  # noqa: E402
from injector import Injector  # noqa: E402
from instances import Instances  # noqa: E402
from planted import MISTAKES, not_found  # noqa: E402
from proxy import Proxy  # noqa: E402

START_S = 30  # of the minutes, for opening the shop
END_S = 45  # and for the last orders and the audit
CHUNK_S = 300
LEAST_CHUNK_S = 5
# Only a hang reaches these. On a machine that others use a killed broker took three minutes to come back.
GIVE_UP_S = 900  # more than any fault lasts: in the end every order is taken
SETTLE_S = 900
SEED_S = 600
READY_S = 600
SHORT_MIN = 5
# So often that each run has them, and roles begin with them after a kill; of a long run they are larger.
SNAPSHOT_EVERY = {True: '20s', False: '60s'}  # is it short?


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=3)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--rate', type=int, default=None)
    parser.add_argument('--proxy', action='append', required=True, metavar='SERVER:PORT:SERVER_PORT')
    parser.add_argument('--full-disks', action='store_true', help='each server has a disk of its own')
    parser.add_argument('--plant', choices=MISTAKES, help='a mistake before the verdict, which must find it')
    given = parser.parse_args()
    given.seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    given.rate = given.rate or (10 if given.minutes <= SHORT_MIN else 60)
    given.seconds = given.minutes * 60 - START_S - END_S
    if given.seconds < 30:
        parser.error(f'at least {(START_S + END_S + 30) / 60:.2f} minutes')
    return given


class Orders:
    """`doorstep load` again and again while the faults go on, and what all of it came to."""

    NAMES = ('orders', 'accepted', 'notAccepted', 'fulfilled', 'cancelled', 'lost', 'doubled', 'strangers')

    def __init__(self, shop, brokers, rate):
        self.shop = shop
        self.brokers = brokers
        self.rate = rate
        self.sum = collections.Counter()
        self.failures = []

    def run(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > LEAST_CHUNK_S and not self.failures:
            self.chunk(min(CHUNK_S, left))

    def chunk(self, seconds):
        words = ['load', '--orders', str(int(seconds * self.rate)), '--rate', str(self.rate),
                 '--give-up', f'{GIVE_UP_S}s', '--settle', f'{SETTLE_S}s', '--json',
                 '--kafka-brokers', self.brokers]
        try:
            done = self.shop.tool(*words, timeout_s=seconds + 2 * GIVE_UP_S + SETTLE_S,
                                  preexec_fn=kit.end_with_the_test)
        except subprocess.TimeoutExpired:
            self.failures.append('load did not end')
            return
        (self.shop.log_dir / 'load.log').open('a').write(done.stdout + done.stderr)
        try:
            result = json.loads(done.stdout)
        except ValueError:
            self.failures.append(f'load ended with {done.returncode}: {done.stderr[-1000:]}')
            return
        self.sum.update({name: result[name] for name in self.NAMES})
        late = result['deliveredMs']['p99'] / 1000
        kit.say(f'{self.sum["orders"]} orders; of the last {result["orders"]} the slowest hundredth was '
                f'delivered after {late:.1f} s or more')
        if done.returncode != 0 or result['notAccepted'] != 0:
            self.failures.append(f'load ended with {done.returncode}: {done.stdout}')

    def __str__(self):
        return ', '.join(f'{name} {self.sum[name]}' for name in self.NAMES)


def open_proxies(words):
    """Lists of them by server; the brokers are one."""
    proxies = {}
    for word in words:
        server, port, server_port = word.split(':')
        kind = 'kafka' if is_broker(server) else server
        proxies.setdefault(kind, []).append(Proxy(int(port), int(server_port)).start())
    return proxies


def shop_behind(proxies, minutes):
    """Its roles reach no server but through a proxy."""
    postgres, mongo = proxies['postgres'][0].port, proxies['mongo'][0].port
    return kit.Shop('chaos', env={
        'SNAPSHOT_EVERY': SNAPSHOT_EVERY[minutes <= SHORT_MIN],
        'KAFKA_BROKERS': ','.join(f'127.0.0.1:{proxy.port}' for proxy in proxies['kafka']),
        'DATABASE_URL': f'postgresql://doorstep@127.0.0.1:{postgres}/doorstep',
        # Else the client would learn from the set itself where its members are.
        'MONGODB_URL': f'mongodb://127.0.0.1:{mongo}/doorstep?directConnection=true&retryWrites=false',
        'TOPIC_REPLICATION': str(len(proxies['kafka']))})


def chaos(shop, injector, orders, given, verdict):
    seeded = shop.tool('seed', '--stock', '1000000', timeout_s=SEED_S)
    assert seeded.returncode == 0, seeded.stderr
    faults = schedule(given.seed, given.seconds, given.brokers, given.full_disks)
    kit.say(f'chaos: seed {given.seed}, {given.minutes:g} minutes, {given.rate} orders a second, '
            f'{len(given.brokers)} broker(s), {len(faults)} faults in {given.seconds:g} s')
    injector.start(faults)
    loading = threading.Thread(target=orders.run, args=(given.seconds,), daemon=True)
    loading.start()
    injector.join()
    kit.say(f'{injector.clock()}  the faults are over')
    back = judge.not_back(shop)
    loading.join()
    if given.plant:
        MISTAKES[given.plant](shop)
    verdict.check('every_fault_was_done', injector.failures)
    verdict.check('every_role_is_back', back)
    verdict.check('every_order_was_taken_and_is_over_once', orders.failures)
    verdict.check('nothing_is_stuck', judge.stuck())
    verdict.check('no_partition_was_stopped', judge.stopped(shop))
    verdict.check('no_role_crashed', judge.crashed(shop) + injector.instances.crashes)
    verdict.check('audit_finds_no_anomaly', judge.anomalies(shop, orders.sum['fulfilled']))
    verdict.check('the_providers_books_are_equal', judge.books_differ(shop))
    verdict.check('no_dead_letters', judge.dead_letters())
    kit.say(f'the roles said: {judge.felt(shop)}')
    if verdict.good:
        verdict.check('each_planted_mistake_is_found', not_found(shop))


def stop(shop, instances, verdict):
    failures = instances.stop()
    try:
        shop.stop()
    except AssertionError as error:
        failures.append(error)
    verdict.check('the_shop_stops_cleanly', failures)


def main():
    given = arguments()
    given.brokers = [word.split(':')[0] for word in given.proxy if is_broker(word)]
    proxies = open_proxies(given.proxy)
    shop = shop_behind(proxies, given.minutes)
    instances = Instances(shop, DOUBLED)
    injector = Injector(shop, instances, proxies)
    orders = Orders(shop, kit.profile_env()['KAFKA_BROKERS'], given.rate)
    verdict = judge.Verdict()
    try:
        shop.prepare().launch()
        kit.wait_until(shop.all_ready, 'all roles to be ready', READY_S)
        instances.start()
        chaos(shop, injector, orders, given, verdict)
    finally:
        injector.stop()
        stop(shop, instances, verdict)
        for proxy in [proxy for some in proxies.values() for proxy in some]:
            proxy.stop()
    kit.say(f'chaos: seed {given.seed}, {injector.done} faults, {orders}')
    if not verdict.good:
        kit.say(f'the same schedule again: dev/test chaos --minutes {given.minutes:g} --seed {given.seed} '
                f'--rate {given.rate} --brokers {len(given.brokers)}')
        kit.say(f'the logs: {shop.log_dir} and {kit.HOME / "log"}')
    return 0 if verdict.good else 1


if __name__ == '__main__':
    sys.exit(main())
