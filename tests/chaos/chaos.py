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
from faults import Injector, schedule  # noqa: E402
from proxy import Proxy  # noqa: E402

START_S = 30  # of the minutes, for opening the shop
END_S = 45  # and for the last orders and the audit
CHUNK_S = 120
LEAST_CHUNK_S = 5
GIVE_UP_S = 300  # more than any fault lasts: in the end every order is taken
SETTLE_S = 300
BACK_S = 120
AUDITS = 5


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=3)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--rate', type=int, default=None)
    parser.add_argument('--proxy', action='append', required=True, metavar='BROKER:PORT:BROKER_PORT')
    given = parser.parse_args()
    given.seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    given.rate = given.rate or (10 if given.minutes <= 5 else 60)
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


class Verdict:
    def __init__(self):
        self.good = True

    def check(self, name, faults):
        """One check: what is wrong, if anything."""
        self.good = self.good and not faults
        print(f'FAILED  {name}' if faults else f'ok      {name}', flush=True)
        for fault in faults:
            kit.say(f'    {fault}')


def not_back(shop):
    try:
        kit.wait_until(shop.all_ready, 'all roles to be ready again', BACK_S)
        return []
    except (kit.NotYet, RuntimeError) as error:
        return [error]


def audit(shop):
    done = shop.tool('audit', 'verify', '--json', '--patience', '60s', timeout_s=900)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f'audit ended with {done.returncode}: {done.stdout}{done.stderr}') from None
    kit.say(f'audit: {json.dumps({key: value for key, value in report.items() if key != "list"})}')
    assert done.returncode == (1 if report['list'] else 0), f'audit ended with {done.returncode}'
    return report


def anomalies(shop):
    """A partition that went on while the audit read is not compared with its read models; the last
    Progress records come a while after the last order, so another audit does compare it."""
    try:
        for _ in range(AUDITS):
            report = audit(shop)
            passed_over = [note for note in report['notes'] if 'not compared' in note]
            if report['list'] or not passed_over:
                return report['list']
        return passed_over
    except AssertionError as error:
        return [error]


def dead_letters():
    """Nothing that was sent here is beyond reading."""
    topics = [f'{role.removeprefix("processor-")}.dlq' for role in kit.ROLES if role.startswith('processor-')]
    return [f'{topic}: {letter}' for topic in topics for letter in kit.consume(topic)]


def chaos(shop, injector, orders, given, verdict):
    seeded = shop.tool('seed', '--stock', '1000000')
    assert seeded.returncode == 0, seeded.stderr
    faults = schedule(given.seed, given.seconds, [name for name, _, _ in given.servers])
    kit.say(f'chaos: seed {given.seed}, {given.minutes:g} minutes, {given.rate} orders a second, '
            f'{len(given.servers)} broker(s), {len(faults)} faults in {given.seconds:g} s')
    injector.start(faults)
    loading = threading.Thread(target=orders.run, args=(given.seconds,), daemon=True)
    loading.start()
    injector.join()
    kit.say(f'{injector.clock()}  the faults are over')
    back = not_back(shop)
    loading.join()
    verdict.check('every_fault_was_done', injector.failures)
    verdict.check('every_role_is_back', back)
    verdict.check('every_order_was_taken_and_is_over_once', orders.failures)
    verdict.check('audit_finds_no_anomaly', anomalies(shop))
    verdict.check('no_dead_letters', dead_letters())


def stop(shop, verdict):
    try:
        shop.stop()
        verdict.check('the_shop_stops_cleanly', [])
    except AssertionError as error:
        verdict.check('the_shop_stops_cleanly', [error])


def main():
    given = arguments()
    given.servers = [word.split(':') for word in given.proxy]
    proxies = [Proxy(int(port), int(broker)).start() for _, port, broker in given.servers]
    direct = kit.profile_env()['KAFKA_BROKERS']
    shop = kit.Shop('chaos', env={
        'KAFKA_BROKERS': ','.join(f'127.0.0.1:{proxy.port}' for proxy in proxies),
        'TOPIC_REPLICATION': str(len(proxies))})
    injector = Injector(shop, proxies)
    orders = Orders(shop, direct, given.rate)
    verdict = Verdict()
    try:
        shop.prepare().launch().wait_ready()
        chaos(shop, injector, orders, given, verdict)
    finally:
        injector.stop()
        stop(shop, verdict)
        for proxy in proxies:
            proxy.stop()
    kit.say(f'chaos: seed {given.seed}, {injector.done} faults, {orders}')
    if not verdict.good:
        kit.say(f'the same schedule again: dev/test chaos --minutes {given.minutes:g} --seed {given.seed} '
                f'--rate {given.rate} --brokers {len(given.servers)}')
        kit.say(f'the logs: {shop.log_dir} and {kit.HOME / "log"}')
    return 0 if verdict.good else 1


if __name__ == '__main__':
    sys.exit(main())
