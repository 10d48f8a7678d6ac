"""The audit of a real shop's log: nothing while it is right, and every mistake planted in a copy."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'shop'))
import shop as kit  # noqa: E402
from shop import Customer, Store, wait_for_rest  # noqa: E402

SHOP = kit.Shop('audit', {'SNAPSHOT_EVENTS': '1', 'SNAPSHOT_EVERY': '1s'})
PLANT = os.environ.get('AUDIT_PLANT', str(kit.ROOT / 'build/dev/tests/integration/audit/audit_plant'))
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix='doorstep-audit-'))
COPY = FOLDER / 'log'
BEFORE = []
ORDERS = {}  # of this run

# A row of each table of the read model: how it is found by the order or its store (%o, %s), what
# changes it, and what makes another row of it.
TABLES = {
    'timeline': ("order_id = %o AND ce_type = 'order.created'",
                 "data = data || '{\"total_minor\": 1}'", 'event_offset = event_offset + 1000000'),
    'commands': ("target = %o AND topic = 'order.commands' AND status = 'done'", 'same_body = true',
                 'command_offset = command_offset + 1000000'),
    'orders': ('order_id = %o', "note = 'another'", "order_id = order_id || 'X'"),
    'order_lines': ('order_id = %o AND line = 1', 'cancelled = cancelled + 1', 'line = 77'),
    'order_addresses': ('order_id = %o', "street = 'another'", "order_id = order_id || 'X'"),
    'payments': ('order_id = %o', "provider_reference = 'another'", "order_id = order_id || 'X'"),
    'deliveries': ('order_id = %o', 'attempt = attempt + 1', "order_id = order_id || 'X'"),
    'offers': ('order_id = %o', "status = 'declined'", "offer_id = offer_id || 'X'"),
    'couriers': ('store_id = %s', 'capacity = capacity + 1', "courier_id = courier_id || 'X'"),
    'stock': ('store_id = %s', 'threshold = 77', "product_id = product_id || 'X'"),
    'stores': ('store_id = %s', "payment_methods = '{card}'", "store_id = store_id || 'X'"),
    'products': ('store_id = %s', 'removed = NOT removed', "product_id = product_id || 'X'"),
}
# The same of MongoDB's collections; order_facts is about an order, the others about its store.
COLLECTIONS = {
    'sales_by_hour': ({}, {'$inc': {'placed_minor': 1}}),
    'sales_by_store': ({}, {'$inc': {'cancelled_orders': 1}}),
    'sales_by_product': ({}, {'$inc': {'confirmed_quantity': -1}}),
    'order_funnel': ({}, {'$inc': {'refused': 1}}),
    'cancel_reasons': ({'_id.reason': 'by_customer'}, {'$inc': {'orders': 1}}),
    'order_facts': ({'status': 'fulfilled'}, {'$set': {'lines.0.cancelled': 1}}),
}


def tearDownModule():
    shutil.rmtree(FOLDER, ignore_errors=True)


def audit(*words):
    """The JSON that was printed; the exit code must say the same."""
    done = SHOP.tool('audit', 'verify', '--json', *words)
    assert done.stdout, f'audit verify {words}: {done.returncode} {done.stderr}'
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report['anomalies'] else 0), done.returncode
    return report


def found(report):
    """What was not there before: the log outlives a run of the tests, and others plant mistakes."""
    return [(one['invariant'], one['what']) for one in report['list'] if one not in BEFORE]


def read_models_are_up_to_date():
    lag = json.loads(SHOP.tool('lag', '--json').stdout)
    return not [row for row in lag['rows'] if row['lag'] > 0 and row['group'] in ('postgres', 'mongo')]


def snapshots_are_there():
    """Of all that the orders went through: an order's cancellation is the last thing in each."""
    return audit('--no-read-models', '--no-provider')['checked']['snapshots'] >= 5


def setUpModule():
    """Orders that end in each way, and a copy of the log when they have."""
    SHOP.start()
    BEFORE.extend(audit()['list'])
    store = Store(SHOP)
    courier = store.courier().online()
    customer = Customer(SHOP)
    card = customer.place(store.body())
    card.wait('confirmed')
    courier.deliver(card)
    card.wait('fulfilled')
    ORDERS['card'] = card.id
    cash = customer.place(store.body(method='cash_on_delivery'))
    cash.wait('confirmed')
    courier.deliver(cash, cash=cash.look()['total']['amount'])
    cash.wait('fulfilled')
    courier.offline()
    back = customer.place(store.body(quantity=3))
    back.wait('confirmed')
    assert back.cancel()['status'] == 'done'
    back.wait('cancelled')
    customer.place(store.body(token='tok_declined')).wait('cancelled')
    customer.place(store.body(quantity=500)).wait('cancelled', 'out_of_stock')
    wait_for_rest(store)
    kit.wait_until(snapshots_are_there, 'snapshots of each processor of the orders')
    # Tests put documents back as they found them: nothing may be folded into one meanwhile.
    kit.wait_until(read_models_are_up_to_date, 'the read models to have all of it')
    SHOP.tool('audit', 'verify', '--dump', str(COPY)).check_returncode()


class AuditOfALog(unittest.TestCase):
    def test_log_books_and_read_models_of_a_shop_at_rest_agree(self):
        report = audit()
        self.assertEqual(found(report), [])
        self.assertGreaterEqual(report['checked']['orders'], 5)
        self.assertGreater(report['checked']['charges'], 0)
        self.assertGreater(report['checked']['rows'], 100)
        self.assertEqual([], [note for note in report['notes'] if 'not compared' in note])

    def test_copy_of_the_log_says_the_same(self):
        self.assertEqual(found(audit('--from', str(COPY))), [])

    def check_planted(self, mistake, invariant, topic, what):
        """It is found, and where it is."""
        copy = FOLDER / mistake
        shutil.copytree(COPY, copy)
        subprocess.run([PLANT, str(copy), mistake], check=True, timeout=60)
        report = audit('--from', str(copy))
        mistakes = [one for one in report['list'] if one not in BEFORE]
        if invariant is None:
            self.assertEqual([], mistakes)
            return report
        self.assertTrue([True for one in mistakes if one['invariant'] == invariant and
                         one['topic'] == topic and one['offset'] >= 0 and what in one['what']],
                        mistakes)
        return report

    def test_doubled_decision_is_found(self):
        self.check_planted('doubled-decision', 'F', 'order.events', 'decided twice')

    def test_missing_seq_is_found(self):
        self.check_planted('missing-seq', 'I8', 'order.events', 'was wanted')

    def test_lost_decision_on_a_command_is_found(self):
        self.check_planted('lost-decision', 'I7', 'order.commands', 'without an outcome')

    def test_lost_answer_of_a_processor_is_found(self):
        self.check_planted('lost-answer', 'I4', 'order.events', 'at rest line 1 has')

    def test_torn_decision_that_was_answered_is_found(self):
        self.check_planted('torn-delivered', 'F', 'inventory.events', 'does not count')

    def test_record_of_an_old_epoch_that_was_answered_is_found(self):
        self.check_planted('old-epoch', 'F', 'inventory.events', 'does not count')

    def test_event_in_a_partition_that_is_not_its_stores_is_found(self):
        self.check_planted('foreign-key', 'F', 'order.events', 'its key belongs to another partition')

    def test_stock_below_zero_is_found(self):
        self.check_planted('stock-below-zero', 'I1', 'inventory.events', 'below zero')

    def test_second_charge_is_found(self):
        self.check_planted('second-charge', 'I2', 'payment.events', 'charged a second time')

    def test_charge_under_another_key_is_found(self):
        self.check_planted('foreign-charge', 'I3', 'payment.events', 'was asked for')

    def test_delivery_without_payment_is_found(self):
        self.check_planted('unpaid', 'I5', 'order.events', 'never paid')

    def test_price_that_the_catalogue_did_not_say_is_found(self):
        self.check_planted('wrong-price', 'I9', 'order.events', 'catalogue offset')

    def test_snapshot_that_differs_from_the_fold_is_found(self):
        self.check_planted('snapshot-differs', 'SNAP', 'inventory.snapshots', '.available')

    def test_snapshot_that_lacks_an_item_is_found(self):
        self.check_planted('snapshot-lacks', 'SNAP', 'inventory.snapshots', 'lacks the item')

    def test_snapshot_of_another_place_is_found(self):
        self.check_planted('snapshot-misplaced', 'SNAP', 'order.snapshots', 'another epoch or seq')

    def test_snapshot_that_nobody_would_use_is_counted_and_no_anomaly(self):
        before = audit('--from', str(COPY))
        for mistake, counter in (('snapshot-format', 'otherFormat'), ('snapshot-damaged', 'incomplete')):
            with self.subTest(mistake):
                after = self.check_planted(mistake, None, '', '')
                self.assertEqual(before['snapshotsNotChecked'][counter] + 1,
                                 after['snapshotsNotChecked'][counter])
                self.assertEqual(before['checked']['snapshots'] - 1, after['checked']['snapshots'])

    def test_wrong_row_in_a_read_model_is_found(self):
        (order, status), = kit.sql("SELECT order_id, status FROM read_v1.orders"
                                   " WHERE status = 'fulfilled' ORDER BY last_offset DESC LIMIT 1")
        try:
            kit.sql("UPDATE read_v1.orders SET status = 'confirmed' WHERE order_id = %s", order)
            self.assertIn(('I6', order), [(one['invariant'], one['orderId'])
                                          for one in audit('--no-provider')['list']])
        finally:
            kit.sql('UPDATE read_v1.orders SET status = %s WHERE order_id = %s', status, order)

    def place(self, table):
        """One row of the table, as a condition."""
        order = ORDERS['card']
        where = (TABLES[table][0].replace('%o', f"'{order}'")
                 .replace('%s', f"'{order.split('.')[0]}'"))
        (place,), = kit.sql(f'SELECT ctid FROM read_v1.{table} WHERE {where} LIMIT 1')
        return f"ctid = '{place}'"

    def save(self, table, place):
        """The row comes back after the test."""
        (row,), = kit.sql(f'SELECT to_json(t) FROM read_v1.{table} t WHERE {place}')

        def restore():
            kit.sql(f'DELETE FROM read_v1.{table} t WHERE to_jsonb(t) = %s::jsonb', row)
            kit.sql(f'INSERT INTO read_v1.{table} SELECT * FROM '
                    f'json_populate_record(NULL::read_v1.{table}, %s::json) ON CONFLICT DO NOTHING',
                    row)
        self.addCleanup(restore)

    def check_each_table(self, what):
        """Each of them has been changed: each is named, and nothing else is."""
        report = audit('--no-provider')
        rows = [text for invariant, text in found(report) if invariant == 'I6']
        for table in TABLES:
            with self.subTest(table):
                self.assertEqual(1, sum(f'read_v1.{table}' in text and what in text
                                        for text in rows), rows)
        strangers = [text for text in rows if 'read_v1.' in text and what not in text]
        self.assertEqual([], strangers)
        return report

    def test_changed_row_of_each_table_is_found(self):
        for table, (_, change, _) in TABLES.items():
            place = self.place(table)
            self.save(table, place)
            (after,), = kit.sql(f'UPDATE read_v1.{table} SET {change} WHERE {place} RETURNING ctid')
            self.addCleanup(kit.sql, f"DELETE FROM read_v1.{table} WHERE ctid = '{after}'")
        report = self.check_each_table('differs from the fold')
        self.assertIn(('order.events', ORDERS['card']),
                      [(one['topic'], one['orderId']) for one in report['list']
                       if one['what'].endswith('cancelled 1, the fold gives 0')])
        self.assertNotIn('another', json.dumps(report), 'texts may be personal')

    def test_missing_row_of_each_table_is_found(self):
        for table in TABLES:
            place = self.place(table)
            self.save(table, place)
            kit.sql(f'DELETE FROM read_v1.{table} WHERE {place}')
        self.check_each_table('lacks the row')

    def test_row_too_many_in_each_table_is_found(self):
        for table, (_, _, change) in TABLES.items():
            column, value = change.split(' = ')
            names = [name for name, in kit.sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'read_v1'"
                ' AND table_name = %s ORDER BY ordinal_position', table)]
            values = ', '.join(value if name == column else name for name in names)
            (place,), = kit.sql(f'INSERT INTO read_v1.{table} SELECT {values} FROM read_v1.{table}'
                                f' WHERE {self.place(table)} RETURNING ctid')
            self.addCleanup(kit.sql, f"DELETE FROM read_v1.{table} WHERE ctid = '{place}'")
        self.check_each_table('has a row of')

    def test_row_outside_the_partitions_of_the_shop_is_found(self):
        """Of each table that has a partition: in another one, and where there is a topic of another."""
        planted = 0
        for table in ('position', 'timeline', 'commands', 'orders', 'payments', 'deliveries', 'stores'):
            columns = [name for name, in kit.sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'read_v1'"
                ' AND table_name = %s ORDER BY ordinal_position', table)]
            changes = [{'partition': '99'}, {'partition': '-1'}]
            if 'topic' in columns:
                changes.append({'topic': "'nobodys.events'"})
            else:
                key = 'store_id' if table == 'stores' else 'order_id'
                changes = [{**change, key: f"{key} || '{change['partition']}'"} for change in changes]
            for change in changes:
                values = ', '.join(change.get(name, name) for name in columns)
                (place,), = kit.sql(f'INSERT INTO read_v1.{table} SELECT {values} FROM read_v1.{table}'
                                    ' LIMIT 1 RETURNING ctid')
                self.addCleanup(kit.sql, f"DELETE FROM read_v1.{table} WHERE ctid = '{place}'")
                planted += 1
        rows = [text for invariant, text in found(audit('--no-provider')) if invariant == 'I6']
        self.assertEqual(planted, len(rows), rows)
        self.assertTrue(all('has a row of' in text and 'which the log does not have' in text
                            for text in rows), rows)

    def finds_position(self, partition, column, planted, what):
        """The projection works meanwhile: what it has written itself is right, and stays."""
        where = "topic = 'order.events' AND partition = %s"
        (before, after), = kit.sql(
            f'UPDATE read_v1.position p SET {column} = {planted} FROM (SELECT {column} AS before, '
            f'topic, partition FROM read_v1.position WHERE {where} FOR UPDATE) o WHERE p.topic = '
            f'o.topic AND p.partition = o.partition RETURNING o.before, p.{column}', partition)
        try:
            mistakes = found(audit('--no-provider'))
        finally:
            stayed = kit.sql(f'UPDATE read_v1.position SET {column} = %s WHERE {where} AND '
                             f'{column} = %s RETURNING 1', before, partition, after)
        is_found = any(invariant == 'I6' and what in text for invariant, text in mistakes)
        self.assertTrue(is_found or not stayed, mistakes)
        return is_found

    def test_position_that_is_not_the_logs_is_found(self):
        (partition,), = kit.sql('SELECT partition FROM read_v1.orders WHERE order_id = %s',
                                ORDERS['card'])
        for column, planted, what in (
                ('seq', 'p.seq + 1', 'read_v1.position is at'),
                ('log_id', "'Y' || p.log_id", 'is of log Y'),
                ('commands_through', 'p.commands_through - 1', 'commands_through'),
                ('last_offset', 'p.last_offset + 1000000', 'outside the log')):
            with self.subTest(column):
                self.assertTrue(any(self.finds_position(partition, column, planted, what)
                                    for _ in range(5)))

    def documents(self):
        """(collection, one of its documents) of this run; they come back after the test."""
        client = pymongo.MongoClient(kit.profile_env()['MONGODB_URL'], serverSelectionTimeoutMS=5000)
        self.addCleanup(client.close)
        store = ORDERS['card'].split('.')[0]
        for name, (also, _) in COLLECTIONS.items():
            collection = client.get_default_database()[name]
            which = {'_id.order': ORDERS['card']} if name == 'order_facts' else {'_id.store': store}
            document = collection.find_one({**which, **also})
            self.addCleanup(collection.replace_one, {'_id': document['_id']}, document, upsert=True)
            yield collection, document

    def check_each_collection(self, what):
        report = audit('--no-provider')
        rows = [text for invariant, text in found(report) if invariant == 'I6']
        for name in COLLECTIONS:
            with self.subTest(name):
                self.assertEqual(1, sum(f'MongoDB {name}' in text and what in text for text in rows),
                                 rows)
        self.assertEqual(len(COLLECTIONS), len(rows), rows)

    def test_changed_document_of_each_collection_is_found(self):
        for collection, document in self.documents():
            collection.update_one({'_id': document['_id']}, COLLECTIONS[collection.name][1])
        self.check_each_collection('the fold gives')

    def test_missing_document_of_each_collection_is_found(self):
        for collection, document in self.documents():
            collection.delete_one({'_id': document['_id']})
        self.check_each_collection('no document of it')

    def test_document_too_many_in_each_collection_is_found(self):
        for collection, document in self.documents():
            key = 'order' if collection.name == 'order_facts' else 'store'
            another = {**document, '_id': {**document['_id'], key: document['_id'][key] + 'X'}}
            self.addCleanup(collection.delete_one, {'_id': another['_id']})
            collection.insert_one(another)
        self.check_each_collection('the log ')

    def test_document_outside_the_partitions_of_the_shop_is_found(self):
        planted = 0
        for collection, document in self.documents():
            for change in {'partition': 99}, {'partition': -1}, {'topic': 'nobodys.events'}:
                another = {**document, '_id': {**document['_id'], **change}}
                self.addCleanup(collection.delete_one, {'_id': another['_id']})
                collection.insert_one(another)
                planted += 1
        rows = [text for invariant, text in found(audit('--no-provider')) if invariant == 'I6']
        self.assertEqual(planted, len(rows), rows)
        self.assertTrue(all('of a partition that the log does not have' in text for text in rows), rows)

    def test_document_ahead_of_the_position_is_not_judged(self):
        """A batch is being written, or its writer was killed: its next turn will tell."""
        collection, document = next(self.documents())
        collection.update_one({'_id': document['_id']}, {'$inc': {'pos': 1000000}})
        report = audit('--no-provider', '--patience', '0s')
        self.assertEqual([], found(report))
        self.assertTrue([note for note in report['notes'] if 'ahead of its position' in note])

    def spoilt(self, name, topic, change):
        """Audit a copy in which change(low, settled, end, records) made other bytes of one file."""
        copy = FOLDER / name
        shutil.copytree(COPY, copy)
        file = max(copy.glob(f'{topic}-*.dump'), key=lambda path: path.stat().st_size)
        before = file.read_bytes()
        low, settled, end, records = change(*struct.unpack('<qqq', before[8:32]), before[32:])
        file.write_bytes(before[:8] + struct.pack('<qqq', low, settled, end) + records)
        return [one for one in audit('--from', str(copy))['list'] if one not in BEFORE]

    def append(self, name, topic, value):
        """One more record, and the places behind which nothing else may be told."""
        def change(low, settled, end, records):
            head = struct.pack('<qqii', end, 0, -1, len(value))
            return low, end + 1, end + 1, records + head + value
        return self.spoilt(name, topic, change)

    def test_record_that_nobody_can_read_is_found(self):
        (one,) = self.append('garbage', 'order.events', b'hello')
        self.assertEqual(('I8', 'order.events'), (one['invariant'], one['topic']))
        self.assertIn('no processor wrote', one['what'])

    def test_unknown_schema_is_one_anomaly_and_what_is_behind_it_is_not_judged(self):
        (one,) = self.append('unknown', 'delivery.events', b'\xc3\x01' + bytes(range(8)) + b'\0')
        self.assertEqual(('F', 'delivery.events'), (one['invariant'], one['topic']))
        self.assertIn('not known here, nothing behind it was read', one['what'])

    def test_deleted_events_are_one_anomaly(self):
        (one,) = self.spoilt('deleted', 'payment.events', lambda _, *rest: (4, *rest))
        self.assertEqual(('F', 'payment.events', 4), (one['invariant'], one['topic'], one['offset']))
        self.assertIn('records in front of it are gone', one['what'])

    def test_commands_past_their_retention_are_no_anomaly(self):
        self.assertEqual([], self.spoilt('retained', 'order.commands',
                                         lambda _, settled, end, records: (end, settled, end, b'')))

    def test_commands_topic_that_was_made_anew_is_found(self):
        mistakes = self.spoilt('anew', 'order.commands', lambda *_: (0, 0, 0, b''))
        self.assertEqual({('F', 'order.events')},
                         {(one['invariant'], one['topic']) for one in mistakes})
        self.assertIn('which is not there: the topic ends at 0', mistakes[0]['what'])

    def test_partition_that_is_not_there_is_exit_code_3(self):
        copy = FOLDER / 'partition'
        shutil.copytree(COPY, copy)
        (copy / 'inventory.events-1.dump').unlink()
        done = SHOP.tool('audit', 'verify', '--json', '--from', str(copy))
        self.assertEqual((3, ''), (done.returncode, done.stdout))
        self.assertIn('inventory.events-1.dump', done.stderr)

    def test_partition_that_cannot_be_read_is_exit_code_3_and_what_was_found_before_it(self):
        copy = FOLDER / 'cut'
        shutil.copytree(COPY, copy)
        last = max(int(path.stem.rsplit('-', 1)[1]) for path in copy.glob('order.events-*.dump'))
        with open(copy / f'order.events-{last}.dump', 'ab') as file:
            file.write(b'cut')
        done = SHOP.tool('audit', 'verify', '--json', '--from', str(copy))
        self.assertEqual(3, done.returncode, done.stderr)
        report = json.loads(done.stdout)
        self.assertIs(False, report['complete'])
        self.assertGreater(report['checked']['orders'], 0)
        self.assertTrue([note for note in report['notes'] if note.startswith(f'partition {last} and ')],
                        report['notes'])

    def test_broker_that_is_away_is_exit_code_3(self):
        done = SHOP.tool('audit', 'verify', '--kafka-brokers', '127.0.0.1:1', '--timeout', '2s')
        self.assertEqual((3, ''), (done.returncode, done.stdout))

    def without(self, *names, **environment):
        """What is said of a shop at rest when these cannot be compared."""
        done = subprocess.run([SHOP.binary, 'audit', 'verify', '--json', '--timeout', '5s'],
                              env={**SHOP.env, **environment}, text=True, capture_output=True, timeout=300)
        self.assertEqual((1 if BEFORE else 3, ''), (done.returncode, done.stderr))
        report = json.loads(done.stdout)
        self.assertEqual([], found(report))
        self.assertIs(False, report['complete'])
        for name in names:
            self.assertTrue([note for note in report['notes']
                             if note.startswith(name) and 'not compared: ' in note], report['notes'])
        return report

    def test_read_model_or_provider_that_is_away_is_exit_code_3_and_a_report(self):
        nowhere = '127.0.0.1:1'
        self.without('PostgreSQL, partition 0, ', "PostgreSQL's rows, partition 1 and those behind it, ",
                     DATABASE_URL=f'postgresql://doorstep@{nowhere}/doorstep')
        self.without('MongoDB, ', MONGODB_URL=f'mongodb://{nowhere}/doorstep')
        report = self.without("the provider's books ", PAYMENT_PROVIDER_URL=f'http://{nowhere}')
        self.assertGreater(report['checked']['rows'], 100)

    def test_partition_that_is_answered_too_late_takes_no_other_with_it(self):
        holder = subprocess.Popen(['psql', '-qX', kit.profile_env()['DATABASE_URL']], text=True,
                                  stdin=subprocess.PIPE)
        waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'doorstep-audit'"

        def hold_until_it_gave_up():
            holder.stdin.write('BEGIN; LOCK TABLE read_v1.orders;\n')
            holder.stdin.flush()
            (first,), = kit.wait_until(lambda: kit.sql(f"{waiting} AND wait_event_type = 'Lock'"),
                                       'the audit to wait for a table')
            kit.wait_until(lambda: [first] not in kit.sql(waiting), 'it to go on')
            holder.stdin.close()  # which ends the transaction
        release = threading.Thread(target=hold_until_it_gave_up)
        release.start()
        try:
            kit.wait_until(lambda: kit.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND"
                                           " granted AND relation = 'read_v1.orders'::regclass"), 'the lock')
            report = self.without('PostgreSQL, partition 0, ')
        finally:
            release.join()
            holder.wait(60)
        self.assertEqual([], [note for note in report['notes'] if 'behind it' in note])

    def test_running_shop_has_orders_in_flight_and_no_anomaly(self):
        """It is audited while orders are placed, without a pause, until five audits have met some."""
        store = Store(SHOP)
        customer = Customer(SHOP)
        stop = threading.Event()

        def place():
            while not stop.is_set():
                # 503: a server pauses.
                placed = customer.post(store.body(method='cash_on_delivery'), kit.unique('order'))
                assert placed.status in (202, 503), placed
        buyer = threading.Thread(target=place)
        buyer.start()
        try:
            met = 0
            while met < 5 and buyer.is_alive():
                report = audit('--no-read-models', '--no-provider')
                self.assertEqual([], found(report))
                met += report['inFlight'] > 0
            self.assertEqual(5, met)
        finally:
            stop.set()
            buyer.join()

    def test_wrong_usage_is_exit_code_2(self):
        self.assertEqual(SHOP.tool('audit').returncode, 2)
        self.assertEqual(SHOP.tool('audit', 'verify', '--no-such-thing').returncode, 2)

    def test_lag_is_none_at_rest(self):
        def none():
            report = json.loads(SHOP.tool('lag', '--json').stdout)
            behind = [row for row in report['rows'] if row['lag'] > 0]
            assert not behind, behind
            return report['rows']
        rows = kit.wait_until(none, 'no reader to be behind')
        self.assertEqual({row['group'] for row in rows} & {'doorstep-order', 'postgres', 'mongo'},
                         {'doorstep-order', 'postgres', 'mongo'})


if __name__ == '__main__':
    kit.main(SHOP)
