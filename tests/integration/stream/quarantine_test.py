"""Quarantine on a real Kafka, from the planted bug to the release, and dead letters that are edited:
`doorstep processor` and `doorstep dlq`.

Environment: DOORSTEP_BIN, DOORSTEP_PLANTED_BIN (the same with a planted bug); KAFKA_BROKERS,
FIRST_METRICS_PORT (dev/stack env --profile test).
"""
import json
import os
import secrets
import subprocess
import tempfile
import threading
import unittest

import avro
import processor_test
from processor_test import PATIENCE_S, wait_until

CATALOG = avro.Schema('catalog.commands')
PARTITIONS = 12


def setUpModule():
    processor_test.setUpModule()


def partition_of(key):
    """Kafka's murmur2, as Java has it."""
    data, seed, m, mask = key.encode(), 0x9747b28c, 0x5bd1e995, 0xffffffff
    h = seed ^ len(data)
    for i in range(0, len(data) // 4 * 4, 4):
        k = int.from_bytes(data[i:i + 4], 'little') * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[len(data) // 4 * 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, 'little')) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7fffffff) % PARTITIONS


def two_stores():
    """Names of two stores of one partition."""
    first = f'q-{secrets.token_hex(5)}'
    while True:
        second = f'q-{secrets.token_hex(5)}'
        if partition_of(second) == partition_of(first):
            return first, second


def produce(store, value, with_key=True):
    with tempfile.NamedTemporaryFile() as file:
        file.write(value)
        file.flush()
        subprocess.run(['kcat', '-P', '-b', os.environ['KAFKA_BROKERS'], '-t', 'catalog.commands', '-p',
                        str(partition_of(store)), *(('-k', store) if with_key else ()), file.name],
                       check=True, timeout=PATIENCE_S)


def create_command(store):
    return CATALOG.command('CreateStore', {'store': {
        'store_id': store, 'name': 'A store', 'currency': 'EUR', 'time_zone': 'UTC',
        'payment_methods': ['CARD'], 'open': True}})


def create(store):
    produce(store, create_command(store))


def set_open(store, is_open):
    value = CATALOG.command('SetStoreOpen', {'store_id': store, 'open': is_open})
    produce(store, value)
    return value


def tool(*words, code=0):
    done = subprocess.run([os.environ['DOORSTEP_BIN'], *words], text=True, capture_output=True,
                          timeout=PATIENCE_S)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def dlq(*words, code=0):
    done = tool('dlq', *words, '--json', code=code)
    return json.loads(done.stdout) if code == 0 else done.stderr


def events(store):
    """What the log says of a store, the protocol's records included."""
    return [event for event in map(json.loads, tool('events', 'catalog.events', '--protocol')
                                   .stdout.splitlines()) if store in json.dumps(event['value'])]


def types(store):
    return [next(iter(event['value']['body'])) for event in events(store)]


def quarantined(store):
    return [entry for entry in dlq('list', '--processor', 'catalog', '--state', 'all',
                                   '--limit', '10000')['quarantined'] if entry['aggregate'] == store]


def letters(state):
    return {letter['key']: letter for letter in
            dlq('list', '--processor', 'catalog', '--state', state, '--limit', '10000')['letters']}


WHO = ('--actor', 'ann', '--reason', 'the bug is mended')
PATIENTLY = ('--wait', '60s')


def edit(key, value, *options, code=0):
    with tempfile.NamedTemporaryFile() as file:
        file.write(value)
        file.flush()
        return dlq('edit', key, '--value', file.name, *(options or PATIENTLY), *WHO, code=code)


class Case(unittest.TestCase):
    def start(self, binary='DOORSTEP_BIN', planted='', **environment):
        processor = processor_test.Processor(binary=os.environ[binary], DOORSTEP_PLANTED=planted,
                                             **environment)
        self.addCleanup(processor.close)
        processor.wait_running(PARTITIONS)
        return processor


class Quarantine(Case):
    def held(self, processor, store, count):
        wait_until(lambda: (found := quarantined(store)) and found[0]['heldCount'] == count,
                   f'{count} inputs that wait')
        wait_until(lambda: (processor.metric('doorstep_held_inputs') or 0) >= count
                   and (processor.metric('doorstep_quarantined_aggregates') or 0) >= 1, 'its metrics to say so')

    def walk(self, **environment):
        """From the planted bug to the release. Returns the mended processor and the store."""
        broken, other = two_stores()
        processor = self.start('DOORSTEP_PLANTED_BIN', broken, **environment)
        create(broken)
        set_open(broken, False)
        create(other)
        wait_until(lambda: 'store.opened' in types(other), 'the other store to flow')
        self.held(processor, broken, 2)
        if environment:
            for turn in range(30):
                set_open(other, turn % 2 == 0)
            wait_until(lambda: processor.metric('doorstep_snapshots_written_total'), 'a snapshot')
        processor.child.kill()
        processor.child.wait(PATIENCE_S)
        processor = self.start('DOORSTEP_PLANTED_BIN', broken, **environment)
        if environment:
            wait_until(lambda: processor.metric('doorstep_snapshots_restored_total'), 'a snapshot to be restored')
        set_open(broken, True)
        set_open(broken, True)
        self.held(processor, broken, 4)
        self.assertEqual(processor.stop(), 0)
        self.look(broken)
        processor = self.start('DOORSTEP_BIN', broken, **environment)
        self.held(processor, broken, 4)
        return processor, broken

    def look(self, broken):
        """What the tools say of it. Nobody decides meanwhile."""
        entry = quarantined(broken)[0]
        partition = partition_of(broken)
        self.assertEqual((entry['processor'], entry['partition'], entry['state'], entry['reason']),
                         ('catalog', partition, 'holding', 'IMPOSSIBLE'))
        self.assertEqual(entry['detail'], f'the store {broken} is broken')
        self.assertEqual([held['cause'] for held in entry['held']], ['IMPOSSIBLE'] + 3 * ['HELD'])
        self.assertEqual({(held['topic'], held['partition']) for held in entry['held']},
                         {('catalog.commands', partition)})
        offsets = [held['offset'] for held in entry['held']]
        self.assertEqual(offsets, sorted(set(offsets)))
        page = dlq('show', broken, '--limit', '3')
        self.assertEqual([held['offset'] for held in page['held']], offsets[:3])
        rest = dlq('show', broken, '--after', page['next'])
        self.assertEqual([held['offset'] for held in rest['held']], offsets[3:])
        self.assertIsNone(rest['next'])
        shown = dlq('show', entry['held'][1]['key'])
        self.assertIn('store.set_open', json.dumps(shown['decoded']))
        self.assertEqual([], [entry for entry in dlq('list', '--error', 'INPUT_GONE')['quarantined']
                              if entry['aggregate'] == broken])
        self.assertIn('--actor', dlq('release', broken, code=2))
        self.assertIn('is not quarantined', dlq('release', 'nobody', *WHO, code=2))

    def release(self, processor, broken, outcomes):
        """What waits is decided, in order and once."""
        offsets = [held['offset'] for held in quarantined(broken)[0]['held']]
        asked = dlq('release', broken, *PATIENTLY, *WHO)['asked'][0]
        self.assertEqual((asked['aggregate'], asked['outcome']), (broken, 'done'))
        wait_until(lambda: not quarantined(broken), 'all to be decided')
        decided = [event['value'] for event in events(broken)
                   if 'held_cause' in (event['value']['meta']['cause'] or {})]
        self.assertEqual([event['meta']['cause']['held_cause']['offset'] for event in decided], offsets)
        self.assertEqual([next(iter(event['body'])) for event in decided], outcomes)
        said = [event['value'] for event in events(broken) if 'doorstep.aggregate_released' in event['value']['body']]
        self.assertEqual(said[0]['body']['doorstep.aggregate_released']['reason'], WHO[3])
        self.assertEqual(said[0]['context']['actor'], {'kind': 'ADMIN', 'id': 'ann'})
        self.assertIn('is not quarantined', dlq('release', broken, *WHO, code=2))
        self.assertEqual(processor.stop(), 0)

    ALL = ['store.opened', 'store.closed', 'store.changed', 'store.changed']

    def test_released_inputs_are_decided_in_order_after_kill_9_from_the_log(self):
        self.release(*self.walk(), self.ALL)

    def test_released_inputs_are_decided_in_order_after_kill_9_from_a_snapshot(self):
        self.release(*self.walk(SNAPSHOT_EVENTS='5'), self.ALL)

    def test_one_that_waits_can_be_edited_and_dropped(self):
        processor, broken = self.walk()
        keys = [held['key'] for held in quarantined(broken)[0]['held']]
        edited = edit(keys[1], CATALOG.command('SetStoreOpen', {'store_id': broken, 'open': True}))
        self.assertEqual(edited['outcome'], 'done')
        self.assertIn('--value', edit(keys[0], b'rubbish', code=2))
        self.assertEqual(dlq('drop', keys[2], *PATIENTLY, *WHO)['letters'][0]['outcome'], 'done')
        held = [held['key'] for held in quarantined(broken)[0]['held']]
        self.assertEqual(held, [keys[0], edited['command'], keys[3]])
        self.assertIn('/nowhere', dlq('edit', keys[0], '--value', '/nowhere', *WHO, code=2))
        said = [event['value']['body'] for event in events(broken)]
        texts = next(body['doorstep.input_edited'] for body in said if 'doorstep.input_edited' in body)
        self.assertEqual(texts['reason'], WHO[3])
        self.assertNotEqual(texts['old_value'], texts['new_value'])
        # What was a closing is an opening now.
        self.release(processor, broken, ['store.opened', 'store.changed', 'store.changed'])


class DeadLetters(Case):
    def letter(self, store, value=b'garbage', with_key=True):
        """A new dead letter's key."""
        before = letters('all')
        produce(store, value, with_key)
        return wait_until(lambda: letters('open').keys() - before.keys(), 'a dead letter').pop()

    def test_letter_is_edited_only_when_its_processor_has_done_it(self):
        self.start()
        store = two_stores()[0]
        key = self.letter(store)
        self.assertIn('catalog.commands: ', edit(key, b'rubbish', code=2))
        self.assertIn('cut off', edit(key, create_command(store)[:5], code=2))
        # An operator's command: read here, refused there.
        release = CATALOG.command('ReleaseAggregate', {'aggregate': store, 'reason': 'a mistake'})
        self.assertIn('catalog refused it: INVALID', edit(key, release, code=1))
        self.assertIn(key, letters('open'))
        edited = edit(key, create_command(store))
        self.assertEqual(edited['outcome'], 'done')
        self.assertEqual(letters('edited')[key]['retriedAs'], edited['command'])
        self.assertIn('store.opened', types(store))
        self.assertIn('was edited by ann', edit(key, create_command(store), code=1))

    def test_letter_whose_edit_is_not_decided_yet_stays_open(self):
        processor = self.start()
        store = two_stores()[0]
        key = self.letter(store)
        self.assertEqual(processor.stop(), 0)
        value = create_command(store)
        self.assertEqual(edit(key, value, '--wait', '1s')['outcome'], 'sent')
        self.assertIn(key, letters('open'))
        self.start()
        self.assertEqual(edit(key, value)['outcome'], 'done')
        self.assertIn(key, letters('edited'))
        self.assertEqual(types(store).count('store.opened'), 1)

    def test_letter_without_a_key_is_not_edited(self):
        self.start()
        store = two_stores()[0]
        key = self.letter(store, create_command(store), with_key=False)
        self.assertIn('has no key', edit(key, create_command(store), code=2))
        self.assertIn(key, letters('open'))
        self.assertEqual(dlq('drop', key, *WHO)['letters'][0]['state'], 'dropped')

    def test_event_that_several_processors_could_not_read_is_on_one_page_of_each(self):
        key, error = f'catalog.events/0/{secrets.randbelow(1 << 40)}', f'TEST_{secrets.token_hex(4)}'
        processors = ['delivery', 'inventory', 'order']
        for processor in processors:
            subprocess.run(['kcat', '-P', '-b', os.environ['KAFKA_BROKERS'], '-t', f'{processor}.dlq', '-p', '0',
                            '-k', key, '-H', f'__connect.errors.exception.class.name={error}'],
                           input=b'rubbish', check=True, timeout=PATIENCE_S)
            self.addCleanup(dlq, 'drop', key, '--processor', processor, *WHO)
        seen, after = [], ()
        while after is not None and len(seen) <= len(processors):
            page = dlq('list', '--error', error, '--limit', '1', *after)
            seen += [letter['processor'] for letter in page['letters']]
            after = page['next'] and ('--after', page['next'])
        self.assertEqual(seen, processors)
        # The key alone: the first of them.
        page = dlq('list', '--error', error, '--after', key)
        self.assertEqual([letter['processor'] for letter in page['letters']], processors[1:])
        self.assertIn('no dead letter', dlq('list', '--after', f'payment:{key}', code=2))


class UnderTraffic(Case):
    """What reads the log to its end means the end that it had: a shop with customers has no other."""
    DELIMITER = b'<end of the command>'

    def write(self, store, producer, stop):
        """Fifty commands a second, on and on: there is no tenth of a second without an event."""
        is_open = False
        while not stop.wait(0.02):
            producer.stdin.write(CATALOG.command('SetStoreOpen', {'store_id': store, 'open': is_open})
                                 + self.DELIMITER)
            producer.stdin.flush()
            is_open = not is_open

    def test_what_reads_to_the_end_ends_while_a_processor_writes(self):
        processor = self.start()
        store = two_stores()[0]
        create(store)
        producer = subprocess.Popen(
            ['kcat', '-P', '-b', os.environ['KAFKA_BROKERS'], '-t', 'catalog.commands', '-p',
             str(partition_of(store)), '-k', store, '-D',
             self.DELIMITER.decode()], stdin=subprocess.PIPE)
        stop = threading.Event()
        writer = threading.Thread(target=self.write, args=(store, producer, stop))
        writer.start()
        try:
            def decided():
                # It begins with none, and is asked again where it did not answer.
                return wait_until(lambda: processor.metric('doorstep_decisions_total'), 'its decisions')
            before = decided()
            wait_until(lambda: decided() > before + 20, 'the traffic')
            for words in (('dlq', 'list', '--timeout', '60s'), ('events', 'catalog.events', '--no-json')):
                def ends_under_traffic(words=words):
                    before = decided()
                    tool(*words)
                    return decided() > before
                with self.subTest(words[0]):
                    # A broker may pause for longer than a reading takes: then it says nothing yet.
                    wait_until(ends_under_traffic, 'a reading with decisions beside it')
        finally:
            stop.set()
            writer.join()
            producer.stdin.close()
            producer.wait(PATIENCE_S)


if __name__ == '__main__':
    unittest.main(verbosity=2)
