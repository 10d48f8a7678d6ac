"""The shop with a schema registry: what it writes, and the registry away, empty, or of another mind.

On servers of its own (profile registry-test): a log with registry ids is of no use to a shop that
knows no registry, and the other tests have one.
"""
import atexit
import json
import os
import unittest

os.environ['DOORSTEP_PROFILE'] = 'registry-test'
import shop as kit
from shop import Customer, Order, Store, wait_for_rest, wait_until

atexit.register(kit.stack, 'stop')
kit.stack('reset')
kit.stack('start', '--with', 'registry')
# An order is offered before the registry is there, and the offer taken when it is.
OFFER_LASTS = {'DELIVERY_OFFER_TIMEOUT': '10m'}
WITH_REGISTRY = {'SCHEMA_REGISTRY_URL': kit.profile_env()['REGISTRY_URL'],
                 'SCHEMA_REGISTRY_TIMEOUT': '10s', **OFFER_LASTS}
SHOP = kit.Shop('registry', WITH_REGISTRY)

# The sandbox is no part of the shop.
ROLES = [role for role in kit.ROLES if role != 'sandbox']
# What writes to the log, or cannot read it: everything but the read models, whose log can be read.
WRITERS = [role for role in ROLES if not role.startswith('project-')]


def why_not_ready(role):
    """What a role waits for, once it says so."""
    answer = kit.http_call(SHOP.metrics_url(role), 'GET', '/readyz', timeout_s=5)
    return answer.text if answer.status == 503 else None


def wait_for_words(roles, words):
    for role in roles:
        wait_until(lambda role=role: words in (why_not_ready(role) or ''), f'{role} to say {words!r}',
                   90)


def order_in_the_old_framing():
    """A shop without a registry takes an order, and stops before it is delivered."""
    old = kit.Shop('registry-before', OFFER_LASTS)
    old.start()
    try:
        store = Store(old)
        courier = store.only_courier()
        order = Customer(old).place(store.body())
        order.wait('confirmed')
        courier.wait_offer(order)
    finally:
        old.stop()
    return store, courier, order


def setUpModule():
    """The first faults come before the start: the registry is away, then it is empty."""
    store, courier, order = order_in_the_old_framing()
    SHOP.old_order = order
    for thing in (store, courier, order, order.customer):
        thing.shop = SHOP
    SHOP.old_store, SHOP.old_courier = store, courier
    kit.stack('stop', 'registry')
    try:
        SHOP.launch()
        wait_for_words(WRITERS, 'the schema registry is away')
        SHOP.order_without_registry = order.customer.post(store.body(), kit.unique('key'))
    finally:
        kit.stack('start', 'registry')
    wait_for_words(WRITERS, 'not registered')
    registered = SHOP.tool('schemas', 'register', '--json')
    assert registered.returncode == 0, registered.stderr
    SHOP.ids = {subject['subject']: subject['id'] for subject in json.loads(registered.stdout)['subjects']}
    SHOP.wait_ready()
    SHOP.old_anomalies = SHOP.audit()


def deliver_one(store):
    """One order of the store, all the way."""
    courier = store.only_courier()
    order = Customer(SHOP).place(store.body())
    courier.deliver(order)
    order.wait('fulfilled')
    wait_for_rest(store)
    return order


def partition_of(order):
    return int(kit.sql('select partition from shop.orders where order_id = %s', order.id)[0][0])


def frame(number):
    return b'\x00' + number.to_bytes(4, 'big')


def framed_by_registry(topic):
    """The ids in front of a topic's records; None: single-object encoding."""
    ids = set()
    for record in kit.consume(topic):
        payload = record['payload']
        ids.add(int.from_bytes(payload[1:5].encode('latin-1'), 'big') if payload[0] == '\0' else None)
    return ids


def letters_of(dlq, before):
    return [letter for letter in kit.consume(dlq) if letter not in before]


def reason_of(letter):
    headers = dict(zip(letter['headers'][::2], letter['headers'][1::2]))
    return (headers['__connect.errors.exception.class.name'],
            headers['__connect.errors.exception.message'])


class AwayAtStart(unittest.TestCase):
    """What setUpModule saw: the waits for the words are the assertions."""

    def test_nothing_is_acknowledged_without_ids(self):
        self.assertEqual(SHOP.order_without_registry.status, 503, SHOP.order_without_registry)

    def test_the_roles_that_waited_are_those_that_work_now(self):
        self.assertEqual(SHOP.restarts(), 0)


class Framing(unittest.TestCase):
    def test_an_order_begun_before_the_registry_is_delivered_with_it(self):
        SHOP.old_courier.deliver(SHOP.old_order)
        SHOP.old_order.wait('fulfilled')
        wait_for_rest(SHOP.old_store)
        both = framed_by_registry('order.events')
        self.assertEqual(both, {None, SHOP.ids['order.events-value']})
        timeline = SHOP.tool('order', SHOP.old_order.id)
        self.assertEqual(timeline.returncode, 0, timeline.stderr)
        for step in ('order.created', 'order.fulfilled'):
            self.assertIn(step, timeline.stdout)

    def test_every_topic_carries_the_id_of_its_own_subject(self):
        deliver_one(Store(SHOP))
        for topic in ('catalog.commands', 'catalog.events', 'order.commands', 'order.events',
                      'inventory.commands', 'inventory.events', 'payment.commands', 'payment.events',
                      'delivery.commands', 'delivery.events'):
            self.assertIn(SHOP.ids[f'{topic}-value'], framed_by_registry(topic), topic)

    def test_log_read_models_and_books_agree(self):
        deliver_one(Store(SHOP))
        self.assertEqual(SHOP.new_anomalies(), [])


class StrangeIds(unittest.TestCase):
    def check(self, number, word):
        order = deliver_one(Store(SHOP))
        before = kit.consume('order.dlq')
        kit.produce('order.commands', partition_of(order), frame(number) + b'rest')
        letters = wait_until(lambda: letters_of('order.dlq', before), 'a dead letter')
        self.assertEqual(len(letters), 1)
        reason, detail = reason_of(letters[0])
        self.assertEqual(reason, 'UNKNOWN_SCHEMA')
        self.assertIn(word, detail)
        deliver_one(Store(SHOP))

    def test_an_id_the_registry_does_not_have_is_set_aside(self):
        self.check(99999, 'the registry has no such schema')

    def test_an_id_of_another_subject_is_set_aside(self):
        # kcat takes a line feed for the end of a record.
        other = next(number for subject, number in SHOP.ids.items()
                     if subject != 'order.commands-value' and b'\n' not in frame(number))
        self.check(other, 'not one of this topic')


class AwayWhileRunning(unittest.TestCase):
    def tearDown(self):
        kit.stack('start', 'registry')
        SHOP.wait_ready()

    def test_what_is_known_goes_on(self):
        kit.stack('stop', 'registry')
        deliver_one(Store(SHOP))

    def test_frozen_is_away(self):
        kit.stack('pause', 'registry')
        try:
            deliver_one(Store(SHOP))
        finally:
            kit.stack('resume', 'registry')

    def test_what_is_not_known_waits_and_is_not_set_aside(self):
        store = Store(SHOP)
        first = deliver_one(store)
        before = kit.consume('order.dlq')
        log = SHOP.log_dir / 'processor-order.log'
        said = log.read_text().count('"registry.away"')
        kit.stack('stop', 'registry')
        kit.produce('order.commands', partition_of(first), frame(88888) + b'rest')
        later = Customer(SHOP).place(store.body())
        wait_until(lambda: log.read_text().count('"registry.away"') > said,
                   'the processor to say so')
        self.assertEqual(letters_of('order.dlq', before), [])
        # The token in the address asks for the decision, and that waits.
        SHOP.get(later.answer.data['statusUrl'], later.customer.token).expect(503, 'behind')
        kit.stack('start', 'registry')
        store.only_courier().deliver(later)
        later.wait('fulfilled')
        self.assertEqual(len(letters_of('order.dlq', before)), 1)

    def test_a_role_that_starts_without_it_waits_and_says_so(self):
        kit.stack('stop', 'registry')
        old = SHOP.pid('processor-order')
        os.kill(old, 9)
        wait_until(lambda: SHOP.pid('processor-order') not in (None, old), 'a new processor')
        wait_for_words(['processor-order'], 'the schema registry is away')
        kit.stack('start', 'registry')
        SHOP.wait_ready()
        deliver_one(Store(SHOP))


class Tools(unittest.TestCase):
    def test_registering_again_changes_nothing(self):
        done = SHOP.tool('schemas', 'register')
        self.assertEqual(done.returncode, 0, done.stderr)
        ids = {subject: int(number) for subject, number in map(str.split, done.stdout.splitlines())}
        self.assertEqual(ids, SHOP.ids)

    def test_the_compatibility_is_set(self):
        url = WITH_REGISTRY['SCHEMA_REGISTRY_URL']
        answer = kit.http_call(url, 'GET', f'{kit.urllib.parse.urlsplit(url).path}/config/order.events-value')
        self.assertIn('BACKWARD_TRANSITIVE', answer.text)

    def test_all_that_was_released_can_be_read(self):
        done = SHOP.tool('schemas', 'check', '--schemas', str(kit.ROOT / 'schemas'))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_without_a_registry_a_reader_says_what_it_lacks(self):
        env = {name: value for name, value in SHOP.env.items() if name != 'SCHEMA_REGISTRY_URL'}
        done = kit.subprocess.run([SHOP.binary, 'order', SHOP.old_order.id], env=env, text=True,
                                  capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('schema', done.stderr)


if __name__ == '__main__':
    kit.main(SHOP)
