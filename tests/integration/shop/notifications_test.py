"""Customers are told what happens to their orders, once, whatever dies in between."""
import collections
import json
import os
import signal
import subprocess
import time
import unittest

import shop as kit
import sinks
from shop import Customer, Store, wait_until

SECRET = 'whsec_bm90IGEgc2VjcmV0LCBvbmx5IGEgdGVzdA=='
MAILS = sinks.SmtpSink()
PUSHES = sinks.PushSink(SECRET)
ROLE = 'notifications'
SHOP = kit.Shop('notifications', {
    'SMTP_URL': MAILS.url, 'SMTP_TLS': 'none', 'SMTP_FROM': 'shop@shop.example',
    'SMTP_FROM_NAME': 'Käse & "Co"', 'PUSH_URL': PUSHES.url, 'PUSH_SECRET': SECRET,
    # Longer than a machine pauses: what is not answered by then is told again.
    'NOTIFY_TIMEOUT': '8s', 'NOTIFY_PAUSE': '1s'})
NOTES = sinks.Avro(json.loads((kit.ROOT / 'schemas/avsc/notifications.sent.avsc').read_text()))
DELIVERED = ['confirmed', 'courier_assigned', 'arriving', 'delivered']
CANCELLED = ['confirmed', 'cancelled', 'refunded']
IN_SOCKETS_S = 5  # what a killed process has sent may reach a busy machine's sink so late


def setUpModule():
    SHOP.start()


def notes():
    """All notes of one settled notice each: (channel, event id, outcome, order id)."""
    brokers = kit.profile_env()['KAFKA_BROKERS']
    data = subprocess.run(['kcat', '-C', '-e', '-q', '-b', brokers, '-t', 'notifications.sent', '-f', '%S\n%s'],
                          stdout=subprocess.PIPE, check=True, timeout=60).stdout
    found = []
    while data:
        length, data = data.split(b'\n', 1)
        value, data = data[:int(length)], data[int(length):]
        settled = NOTES.value(value[10:])
        if settled['settled']:
            found.append((settled['channel'], settled['settled']['event_id'], settled['settled']['outcome'],
                          settled['settled']['order_id']))
    return found


class Told:
    """One order with an address of its own, and what its customer should hear."""

    def __init__(self, store, language='de-AT', **contact):
        self.store = store
        self.email = f'{kit.unique("anna")}@shop.example'
        contact = {'email': self.email, 'pushToken': kit.unique('device'), 'language': language, **contact}
        self.order = Customer(SHOP).place(store.body(contact=contact))

    def deliver(self):
        courier = self.store.only_courier()
        courier.accept(self.order)
        courier.pick_up(self.order)
        courier.done(f'/api/deliveries/{self.order.id}/arrived')
        courier.hand_over(self.order)
        self.order.wait('fulfilled')
        return self

    def cancel(self):
        self.order.wait('confirmed')
        self.order.cancel()
        self.order.wait('cancelled')
        return self

    def mails(self):
        return [mail for mail in MAILS.all() if mail.to == [self.email]]

    def pushes(self):
        return [push for push in PUSHES.all() if push.order == self.order.id]

    def wait_told(self, events, mails=True, pushes=True):
        """Both channels have told all of it; repeats are for the caller to judge."""
        if mails:
            wait_until(lambda: {mail.event for mail in self.mails()} == set(events), f'mails of {self.order.id}')
        if pushes:
            wait_until(lambda: {push.event for push in self.pushes()} == set(events), f'pushes of {self.order.id}')


def in_order(told):
    """The first of each, as they came."""
    return list(collections.OrderedDict.fromkeys(one.event for one in told))


class Plain(unittest.TestCase):
    def test_a_delivered_order_is_told_in_order_and_in_its_language(self):
        told = Told(Store(SHOP)).deliver()
        told.wait_told(DELIVERED)
        self.assertEqual([mail.event for mail in told.mails()], DELIVERED)
        self.assertEqual([push.event for push in told.pushes()], DELIVERED)
        self.assertEqual(PUSHES.wrong, [])
        first = told.mails()[0]
        self.assertEqual(first.sender, 'shop@shop.example')
        self.assertEqual(first.message['Subject'], 'Ihre Bestellung ist bestätigt')
        self.assertEqual(first.message['From'].addresses[0].display_name, 'Käse & "Co"')
        self.assertEqual(first.message['Content-Language'], 'de')
        self.assertIn('Guten Tag J. Doe,', first.text())
        self.assertIn('5.48 EUR', first.text())
        self.assertIn(told.order.id, first.text())
        push = told.pushes()[0]
        self.assertEqual(push.body['message']['notification']['title'], 'Ihre Bestellung ist bestätigt')
        self.assertEqual(first.id, f'<{push.key}@shop.example>')
        self.assertEqual(push.headers['webhook-id'], push.key)

    def test_a_cancelled_card_order_is_told_of_its_refund(self):
        told = Told(Store(SHOP), language='fr').cancel()
        told.wait_told(CANCELLED)
        self.assertEqual([mail.event for mail in told.mails()], CANCELLED)
        self.assertIn('you asked for it', told.mails()[1].text())
        self.assertEqual(told.mails()[2].message['Subject'], '5.48 EUR given back')

    def test_without_a_contact_nobody_is_told(self):
        store = Store(SHOP)
        order = Customer(SHOP).place(store.body())
        order.wait('confirmed')
        Told(store).cancel().wait_told(CANCELLED)  # whatever was to come has come
        self.assertEqual([push for push in PUSHES.all() if push.order == order.id], [])

    def test_a_hostile_name_stays_in_the_text(self):
        told = Told(Store(SHOP), language='en')
        body = told.store.body(contact={'email': f'{kit.unique("eve")}@shop.example'})
        body['deliveryAddress']['recipient'] = '=?UTF-8?B?QQ==?= {{email}} "}, <x@y.example>, Bcc:'
        order = Customer(SHOP).place(body)
        order.wait('confirmed')
        mail = wait_until(lambda: next((mail for mail in MAILS.all()
                                        if mail.to == [body['contact']['email']]), None), 'the mail')
        self.assertIsNone(mail.message['Bcc'])
        self.assertIn('Hello =?UTF-8?B?QQ==?= {{email}} "}, <x@y.example>, Bcc:,', mail.text())

    def test_no_address_and_no_secret_is_in_a_log(self):
        told = Told(Store(SHOP)).cancel()
        told.wait_told(CANCELLED)
        log = (SHOP.log_dir / f'{ROLE}.log').read_text()
        self.assertIn('"notifications.notice"', log)
        for word in (told.email, 'J. Doe', SECRET, SECRET.removeprefix('whsec_'), 'Market Square'):
            self.assertNotIn(word, log)


class OtherSideFails(unittest.TestCase):
    def tearDown(self):
        MAILS.mode, PUSHES.answer = None, 200

    def check_mails_wait(self, mode):
        MAILS.mode = mode
        told = Told(Store(SHOP)).deliver()
        told.wait_told(DELIVERED, mails=False)  # one channel does not hold up the other
        self.assertEqual(told.mails(), [])
        MAILS.mode = None
        told.wait_told(DELIVERED)
        self.assertEqual([mail.event for mail in told.mails()], DELIVERED)
        self.assertEqual([push.event for push in told.pushes()], DELIVERED)

    def test_a_mail_server_that_stalls(self):
        self.check_mails_wait('stall')

    def test_a_mail_server_that_hangs_up_within_a_mail(self):
        self.check_mails_wait('drop')

    def test_a_mail_server_that_has_no_time(self):
        self.check_mails_wait('busy')

    def test_a_mail_server_that_is_full(self):
        self.check_mails_wait('full')

    def test_a_push_service_that_fails_holds_up_no_mail(self):
        PUSHES.answer = 500
        told = Told(Store(SHOP)).deliver()
        told.wait_told(DELIVERED, pushes=False)
        self.assertEqual(told.pushes(), [])
        self.assertIn(500, PUSHES.answered)
        PUSHES.answer = 200
        told.wait_told(DELIVERED)
        self.assertEqual([push.event for push in told.pushes()], DELIVERED)

    def test_what_is_refused_for_good_is_noted_and_the_rest_goes_on(self):
        store = Store(SHOP)
        email = f'{kit.unique("nobody")}@shop.example'
        MAILS.refused.add(email)
        refused = Told(store, email=email).cancel()
        Told(store).cancel().wait_told(CANCELLED)
        outcomes = wait_until(lambda: [note for note in notes() if note[3] == refused.order.id
                                       and note[0] == 'EMAIL'][2:] and
                              [note[2] for note in notes() if note[3] == refused.order.id and note[0] == 'EMAIL'],
                              'the notes')
        self.assertEqual(outcomes, ['REFUSED'] * 3)
        refused.wait_told(CANCELLED, mails=False)


class KilledTenTimes(unittest.TestCase):
    """Twice at each point: within the envelope, within the mail, when it is read and not answered, behind
    the 250, and before the mail server has greeted."""
    POINTS = [sinks.RCPT, sinks.DATA, sinks.TAKEN, sinks.TOLD, sinks.GREETING] * 2

    def setUp(self):
        self.kills = []
        self.windows = []  # mails whose 250 was sent when the gateway was killed

    def kill(self, mail=None):
        os.kill(SHOP.pid(ROLE), signal.SIGKILL)
        self.kills.append(time.monotonic())
        self.windows.append(mail)
        raise sinks.Gone

    def wait_back(self, old):
        wait_until(lambda: SHOP.pid(ROLE) not in (None, old), 'the gateway to be started again')
        wait_until(lambda: SHOP.is_ready(ROLE), 'the gateway to be ready again')

    def wait_noted(self, one, events):
        """All of it is noted on both channels, so nothing but the next order's is open at the next kill."""
        one.wait_told(events)
        wait_until(lambda: len({note[:2] for note in notes() if note[3] == one.order.id and note[0] != 'LOG'})
                   == 2 * len(events), f'the notes of {one.order.id}')

    def test_each_notice_is_told_once(self):
        store = Store(SHOP, stock=1000)
        before = len(MAILS.all())
        told = []
        for number, point in enumerate(self.POINTS):
            old = SHOP.pid(ROLE)
            MAILS.trap(point, self.kill)
            if point == sinks.GREETING:
                MAILS.hang_up()  # what is kept open is not greeted again
            one = Told(store)
            told.append((one, CANCELLED if number % 3 == 2 else DELIVERED))
            one.cancel() if number % 3 == 2 else one.deliver()
            wait_until(MAILS.trapped, f'the kill at {point}')
            self.wait_back(old)
            self.wait_noted(*told[-1])
        self.assertEqual(len(self.kills), 10)
        orders = {one.order.id for one, _ in told}
        expected = sum(len(events) for _, events in told)

        # Nothing was told again that was noted: no event has two notes.
        noted = collections.Counter(note[:2] for note in notes() if note[3] in orders)
        self.assertEqual([event for event, count in noted.items() if count != 1], [])
        # Mails: nothing is missing, and twice came only what had its 250 when the gateway was killed.
        windows = {mail.id for mail in self.windows if mail is not None and mail in MAILS.all()}
        counts = collections.Counter(mail.id for mail in MAILS.all()[before:] if mail.to[0] in
                                     {one.email for one, _ in told})
        self.assertEqual(len(counts), expected)
        twice = {mail_id: count for mail_id, count in counts.items() if count > 1}
        kit.say(f'{expected} notices, {len(self.kills)} kills, {len(twice)} of {len(windows)} mails '
                'whose 250 and note were parted came again')
        self.assertLessEqual(set(twice), windows)
        self.assertTrue(all(count == 2 for count in twice.values()), twice)
        # Pushes: the same, by time: between a push and its repeat lies a kill, or the push was still in the
        # sockets when the gateway was killed, and met the sink a moment later.
        by_key = collections.defaultdict(list)
        for one, events in told:
            self.assertEqual(in_order(one.mails()), events)
            self.assertEqual(in_order(one.pushes()), events)
            for push in one.pushes():
                by_key[push.key].append(push.at)
        self.assertEqual(len(by_key), expected)
        for times in by_key.values():
            for first, again in zip(times, times[1:]):
                self.assertTrue(any(first - IN_SOCKETS_S < kill < again for kill in self.kills), times)


class ReplaysNeverSend(unittest.TestCase):
    @staticmethod
    def kafka(*words):
        done = subprocess.run([os.environ.get('KAFKA_ADMIN') or kit.ROOT / 'build/dev/tests/integration/shop/kafka_admin',
                               SHOP.env['KAFKA_BROKERS'], *words], text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return True

    def check_only_new(self, prepare):
        """Whatever prepare() does while the shop is stopped, only what happens from then on is told."""
        Told(Store(SHOP)).cancel().wait_told(CANCELLED)
        SHOP.stop()
        mails, pushes = len(MAILS.all()), len(PUSHES.all())
        prepare()
        SHOP.launch().wait_ready()
        told = Told(Store(SHOP)).cancel()
        told.wait_told(CANCELLED)
        self.assertEqual({mail.to[0] for mail in MAILS.all()[mails:]}, {told.email})
        self.assertEqual({push.order for push in PUSHES.all()[pushes:]}, {told.order.id})
        self.assertEqual(len(told.mails()), 3)

    def test_offsets_set_back_to_the_beginning(self):
        # The members have names and say no farewell: the group is theirs until their session is over.
        self.check_only_new(lambda: wait_until(
            lambda: self.kafka('rewind', 'doorstep-notifications', 'order.events'), 'the group to be empty', 60))

    def test_the_notes_are_gone(self):
        def forget():
            wait_until(lambda: self.kafka('delete', 'notifications.sent'), 'the notes to be gone', 60)
            wait_until(lambda: SHOP.tool('topics', 'create').returncode == 0, 'their topic to be there again')
        self.check_only_new(forget)


class TheLogAfterAllThat(unittest.TestCase):
    def test_audit_finds_nothing(self):
        self.assertEqual(SHOP.new_anomalies(), [])


def load_tests(loader, _tests, _pattern):
    classes = [Plain, OtherSideFails, KilledTenTimes, ReplaysNeverSend, TheLogAfterAllThat]
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in classes)


if __name__ == '__main__':
    kit.main(SHOP)
