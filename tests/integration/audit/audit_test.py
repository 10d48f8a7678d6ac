"""The audit of a real shop's log: nothing while it is right, and every mistake planted in a copy."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'shop'))
import shop as kit  # noqa: E402
from shop import Customer, Store, wait_for_rest  # noqa: E402

SHOP = kit.Shop('audit')
PLANT = os.environ.get('AUDIT_PLANT', str(kit.ROOT / 'build/dev/tests/integration/audit/audit_plant'))
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix='doorstep-audit-'))
COPY = FOLDER / 'log'
BEFORE = []


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
    SHOP.tool('audit', 'verify', '--dump', str(COPY)).check_returncode()


class AuditOfALog(unittest.TestCase):
    def test_log_books_and_read_models_of_a_shop_at_rest_agree(self):
        report = audit()
        self.assertEqual(found(report), [])
        self.assertGreaterEqual(report['checked']['orders'], 5)
        self.assertGreater(report['checked']['charges'], 0)
        self.assertGreater(report['checked']['rows'], 0)

    def test_copy_of_the_log_says_the_same(self):
        self.assertEqual(found(audit('--from', str(COPY))), [])

    def check_planted(self, mistake, invariant, what):
        copy = FOLDER / mistake
        shutil.copytree(COPY, copy)
        subprocess.run([PLANT, str(copy), mistake], check=True, timeout=60)
        mistakes = found(audit('--from', str(copy)))
        self.assertTrue([True for one in mistakes if one[0] == invariant and what in one[1]],
                        mistakes)

    def test_doubled_decision_is_found(self):
        self.check_planted('doubled-decision', 'F', 'decided twice')

    def test_missing_seq_is_found(self):
        self.check_planted('missing-seq', 'I8', 'was wanted')

    def test_stock_below_zero_is_found(self):
        self.check_planted('stock-below-zero', 'I1', 'below zero')

    def test_second_charge_is_found(self):
        self.check_planted('second-charge', 'I2', 'charged a second time')

    def test_wrong_row_in_a_read_model_is_found(self):
        (order, status), = kit.sql("SELECT order_id, status FROM read_v1.orders"
                                   " WHERE status = 'fulfilled' ORDER BY last_offset DESC LIMIT 1")
        try:
            kit.sql("UPDATE read_v1.orders SET status = 'confirmed' WHERE order_id = %s", order)
            self.assertIn(('I6', order), [(one['invariant'], one['orderId'])
                                          for one in audit('--no-provider')['list']])
        finally:
            kit.sql('UPDATE read_v1.orders SET status = %s WHERE order_id = %s', status, order)

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
