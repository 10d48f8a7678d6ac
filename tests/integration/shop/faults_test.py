"""Roles and servers that go away under a running shop, and rubbish on its topics."""
import json
import subprocess
import threading
import unittest

import shop as kit
from shop import Customer, Store, wait_for_rest, wait_until

SHOP = kit.Shop('faults')

# Away at start: what a role may do without Kafka. The sandbox is no part of the shop.
NEED_KAFKA = [role for role in kit.ROLES if role != 'sandbox']


def setUpModule():
    """The first fault comes before the start: Kafka is away."""
    SHOP.prepare()
    kit.stack('stop', 'kafka')
    try:
        SHOP.launch()
        wait_until(lambda: all(SHOP.pid(role) for role in kit.ROLES), 'all roles to be started')
        SHOP.answers_without_kafka = {role: wait_until(lambda role=role: kit.http_call(
            SHOP.metrics_url(role), 'GET', '/readyz'), f'an answer of {role}') for role in NEED_KAFKA}
        wait_until(lambda: SHOP.get('/livez').status == 200, 'the api to live')
        SHOP.order_without_kafka = Customer(SHOP).post({
            'lines': [{'productId': 'nowhere.milk', 'quantity': 1}],
            'deliveryAddress': {'street': '1 Market Square', 'city': 'Berlin'}}, kit.unique('key'))
        SHOP.api_ready_without_kafka = SHOP.get('/readyz')
        SHOP.restarts_without_kafka = SHOP.restarts()
    finally:
        kit.stack('start', 'kafka')
    SHOP.wait_ready()
    SHOP.old_anomalies = SHOP.audit()


class KafkaAwayAtStart(unittest.TestCase):
    def test_every_role_waits_and_says_so(self):
        for role in NEED_KAFKA:
            self.assertEqual(SHOP.answers_without_kafka[role].status, 503, role)
        self.assertEqual(SHOP.restarts_without_kafka, 0)
        SHOP.api_ready_without_kafka.expect(503)

    def test_nothing_is_acknowledged(self):
        self.assertEqual(SHOP.order_without_kafka.status, 503, SHOP.order_without_kafka)
        self.assertIn('retry-after', SHOP.order_without_kafka.headers)

    def test_the_shop_goes_on_when_kafka_is_back(self):
        """The roles that waited are those that work now."""
        self.assertEqual(SHOP.restarts(), 0)
        deliver_one(Store(SHOP))


def deliver_one(store):
    """One order of the store, all the way."""
    courier = store.only_courier()
    order = Customer(SHOP).place(store.body())
    courier.deliver(order)
    order.wait('fulfilled')
    wait_for_rest(store)
    return order


def partition_of(store):
    """The partition of a store is the same in every topic; an order of it tells."""
    order = deliver_one(store)
    return int(kit.sql('select partition from shop.orders where order_id = %s', order.id)[0][0])


class GarbageCommands(unittest.TestCase):
    def check(self, processor, value):
        """The value among a processor's commands: a dead letter, and the partition goes on."""
        store = Store(SHOP)
        topic, dlq = f'{processor}.commands', f'{processor}.dlq'
        partition = partition_of(store)
        before = kit.consume(dlq)
        kit.produce(topic, partition, value)
        letters = wait_until(lambda: [letter for letter in kit.consume(dlq) if letter not in before],
                             f'a dead letter on {dlq}')
        self.assertEqual(len(letters), 1)
        self.assertEqual(letters[0]['payload'], value.decode('utf-8', 'replace'))
        headers = dict(zip(letters[0]['headers'][::2], letters[0]['headers'][1::2]))
        self.assertEqual(headers['__connect.errors.topic'], topic)
        self.assertEqual(headers['__connect.errors.partition'], str(partition))
        self.assertTrue(headers['__connect.errors.exception.message'])
        deliver_one(store)
        return letters[0]['key']

    def test_plain_text_is_set_aside_with_its_reason(self):
        self.check('order', b'this is no command')

    def test_cut_header_is_set_aside_with_its_reason(self):
        self.check('inventory', b'\xc3\x01')

    def test_command_in_the_partition_of_another_store_is_set_aside_and_retried_where_it_belongs(self):
        store = Store(SHOP)
        partition = partition_of(store)
        elsewhere = (partition + 1) % 12
        key, command = kit.last_record('inventory.commands', partition)
        kit.produce('inventory.commands', elsewhere, command, key)
        letter = wait_until(lambda: self.dlq('list', '--processor', 'inventory', '--error',
                                             'WRONG_PARTITION')['letters'], 'its dead letter')[0]
        self.assertTrue(letter['key'].startswith(f'inventory.commands/{elsewhere}/'), letter)
        retried = self.dlq('retry', letter['key'], '--actor', 'anna', '--reason', 'to see')['letters'][0]
        # It was decided there before, so it is a repeat; it changes nothing and is no letter again.
        self.assertTrue(retried['retriedAs'].startswith(f'inventory.commands/{partition}/'), retried)
        deliver_one(store)
        self.assertEqual(self.dlq('list', '--processor', 'inventory', '--error', 'WRONG_PARTITION')['letters'],
                         [])

    def dlq(self, *words, code=0):
        done = SHOP.tool('dlq', *words, '--json')
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def test_a_letter_is_tried_again_and_dropped_and_says_by_whom(self):
        who = ('--actor', 'anna', '--reason', 'to see')
        first = self.check('delivery', b'once more, please')
        shown = self.dlq('show', first)
        self.assertEqual(bytes.fromhex(shown['valueHex']), b'once more, please')
        self.assertEqual((shown['processor'], shown['state'], shown['decoded']), ('delivery', 'open', None))
        self.assertIn('--actor', self.dlq('retry', first, code=2))
        retried = self.dlq('retry', first, *who)['letters'][0]
        self.assertEqual((retried['state'], retried['actor']), ('retried', 'anna'))
        # It is a new command, and no better than before.
        again = wait_until(lambda: [letter for letter in self.dlq('list', '--processor', 'delivery')['letters']
                                    if letter['key'] == retried['retriedAs']], 'a letter of the retry')[0]
        self.assertIn('already', self.dlq('retry', first, *who, code=1))
        self.dlq('drop', '--all', '--processor', 'delivery', '--error', again['error'], *who)
        self.assertEqual(self.dlq('list', '--processor', 'delivery')['letters'], [])
        handled = self.dlq('list', '--processor', 'delivery', '--state', 'all')['letters']
        self.assertEqual({letter['key']: letter['state'] for letter in handled
                          if letter['key'] in (first, again['key'])},
                         {first: 'retried', again['key']: 'dropped'})
        page = self.dlq('list', '--state', 'all', '--limit', '1')
        self.assertEqual(len(page['letters']), 1)
        rest = self.dlq('list', '--state', 'all', '--after', page['next'])
        self.assertNotIn(page['letters'][0]['key'], [letter['key'] for letter in rest['letters']])


class ServersAway(unittest.TestCase):
    def setUp(self):
        self.store = Store(SHOP)
        self.customer = Customer(SHOP)

    def test_kafka_away_nothing_is_acknowledged_and_the_same_keys_work_later(self):
        keys = [kit.unique('key') for _ in range(4)]
        kit.stack('stop', 'kafka')
        try:
            for key in keys:
                answer = self.customer.post(self.store.body(), key)
                self.assertEqual(answer.status, 503, answer)
                self.assertIn(answer.code, ('kafka_unavailable', 'catalog_stale', 'outcome_unknown'))
                self.assertGreater(int(answer.headers['retry-after']), 0)
            self.assertEqual(self.store.orders(), [])
            SHOP.get(f'/api/products/{self.store.milk}').expect(200)
            SHOP.get('/livez').expect(200)
            self.assertEqual(SHOP.get('/health').expect(200).data['status'], 'degraded')
        finally:
            kit.stack('start', 'kafka')
        orders = []
        for key in keys:
            kept = wait_until(lambda key=key: self.customer.post(self.store.body(), key).expect(202),
                              'orders to be taken again')
            orders.append(kit.Order(self.customer, kept.data['orderId']))
        for order in orders:
            order.wait('confirmed')
        self.assertEqual(len(self.store.orders()), len(keys))
        deliver_one(Store(SHOP))

    def test_postgres_away_ordering_goes_on_and_the_projection_catches_up(self):
        order = self.customer.place(self.store.body())
        order.wait('confirmed')
        kit.stack('stop', 'postgres')
        try:
            placed = [self.customer.place(self.store.body(quantity=1)) for _ in range(5)]
            answer = SHOP.get(f'/api/orders/{order.id}', self.customer.token)
            answer.expect(503)
            self.assertIn('retry-after', answer.headers)
            SHOP.get('/readyz').expect(200)
            SHOP.get('/readyz/queries').expect(503)
            SHOP.get('/readyz/commands').expect(200)
            SHOP.get(f'/api/products/{self.store.milk}').expect(200)
            charged = wait_until(lambda: all(one.id in SHOP.books() for one in placed),
                                 'the orders to be charged while the database is away')
            self.assertTrue(charged)
        finally:
            kit.stack('start', 'postgres')
        wait_until(lambda: SHOP.get('/readyz/queries').status == 200, 'queries to work again')
        for one in placed:
            wait_until(lambda one=one: one.look()['status'] == 'confirmed', 'the projection')

    def test_mongo_away_ordering_goes_on(self):
        kit.stack('stop', 'mongo')
        try:
            order = deliver_one(self.store)
            self.assertEqual(order.look()['status'], 'fulfilled')
        finally:
            kit.stack('start', 'mongo')
        wait_until(lambda: SHOP.is_ready('project-mongo'), 'the projection to MongoDB')


class KilledRoles(unittest.TestCase):
    ORDERS = 450
    RATE = 15

    def test_kill_of_each_role_under_load_loses_and_doubles_nothing(self):
        seeded = SHOP.tool('seed')
        self.assertEqual(seeded.returncode, 0, seeded.stderr)
        waiting = list(kit.ROLES)
        while waiting:  # a slow machine may need more than one load
            killed = self.kill_under_load(waiting)
            self.assertTrue(killed, f'the load ended before {waiting[0]} was back')
            waiting = waiting[len(killed):]

    def kill_under_load(self, roles):
        """One load, which must be right. Returns those of the roles that were killed and back while it lasted."""
        killed = []
        load = subprocess.Popen(
            [SHOP.binary, 'load', '--orders', str(self.ORDERS), '--rate', str(self.RATE), '--json'],
            env=SHOP.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        collected = {}
        reader = threading.Thread(target=lambda: collected.update(out=load.communicate()))
        reader.start()
        try:
            for role in roles:
                kit.say(f'{role} was ready again {SHOP.kill(role):.1f} s after kill -9')
                if load.poll() is not None:
                    break
                killed.append(role)
            reader.join(300)
        finally:
            if load.poll() is None:
                load.kill()
            reader.join(10)
        out, err = collected['out']
        self.assertEqual(load.returncode, 0, out + err)
        result = json.loads(out)
        self.assertEqual((result['lost'], result['doubled'], result['strangers']), (0, 0, 0), out)
        self.assertEqual(result['accepted'], self.ORDERS, out)
        self.assertEqual(result['fulfilled'] + result['cancelled'], self.ORDERS, out)
        return killed


class TheLogAfterAllThat(unittest.TestCase):
    def test_audit_finds_nothing(self):
        self.assertEqual(SHOP.new_anomalies(), [])

    def test_garbage_among_events_stops_nobody_and_is_found_by_the_audit(self):
        """A foreign record bears no epoch and seq: every reader passes it over."""
        store = Store(SHOP)
        partition = partition_of(store)
        topics = [f'{name}.events' for name in ('catalog', 'order', 'inventory', 'payment', 'delivery')]
        for topic in topics:
            kit.produce(topic, partition, b'this is no event')
        deliver_one(store)
        SHOP.wait_ready()
        self.assertEqual(sorted((found['invariant'], found['topic'], found['partition'])
                                for found in SHOP.new_anomalies()),
                         sorted(('I8', topic, partition) for topic in topics))


def load_tests(loader, _tests, _pattern):
    # The audit comes last: it looks back on all of it.
    classes = [KafkaAwayAtStart, GarbageCommands, ServersAway, KilledRoles, TheLogAfterAllThat]
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in classes)


if __name__ == '__main__':
    kit.main(SHOP)
