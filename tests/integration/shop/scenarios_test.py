"""The ways of an order through the whole shop, on a real Kafka, PostgreSQL and MongoDB.

Deadlines are short here, but longer than a busy machine takes for what must come before them. The
orders that wait for one are placed first and looked at last, so that they wait while the others run.
After each way stock and money are as the invariants demand.
"""
import json
import unittest

import pymongo

import shop as kit
from shop import Customer, Store, wait_for_rest, wait_until

SHOP = kit.Shop('scenarios', {
    'ORDER_PAYMENT_TIMEOUT': '20s', 'DELIVERY_OFFER_TIMEOUT': '8s', 'DELIVERY_SEARCH_TIMEOUT': '40s',
    'PAYMENT_PROVIDER_TIMEOUT': '1s', 'PAYMENT_REFUND_RETRY_FIRST': '1s'})

WAITING = {}


def setUpModule():
    SHOP.start()
    for name, token in [('never_answered', 'tok_silent'), ('late', 'tok_late_25000'),
                        ('no_courier', 'tok_ok')]:
        store = Store(SHOP)
        WAITING[name] = (store, Customer(SHOP).place(store.body(token=token)))


class WaysOfAnOrder(unittest.TestCase):
    def setUp(self):
        self.store = Store(SHOP)
        self.customer = Customer(SHOP)

    def confirmed(self, **body):
        order = self.customer.place(self.store.body(**body))
        order.wait('confirmed')
        return order

    def test_card_order_is_reserved_paid_carried_and_fulfilled(self):
        courier = self.store.courier().online()
        order = self.customer.place(self.store.body(quantity=2, bread=1))
        total = 2 * Store.MILK_MINOR + Store.BREAD_MINOR + Store.FEE_MINOR
        seen = order.wait('confirmed')
        self.assertEqual((seen['total']['amount'], seen['payment']['method']), (total, 'card'))
        wait_until(lambda: self.store.stock()[self.store.milk]['reserved'] == 2, 'a reservation')
        courier.deliver(order)
        order.wait('fulfilled')
        wait_for_rest(self.store)
        self.assertEqual(order.look()['payment']['captured']['amount'], total)
        self.assertEqual(self.store.stock()[self.store.milk]['available'], 98)

    def test_cash_order_is_paid_at_the_door(self):
        courier = self.store.courier().online()
        order = self.confirmed(method='cash_on_delivery')
        self.assertEqual(order.look()['payment']['captured']['amount'], 0)
        courier.accept(order)
        courier.pick_up(order)
        total = order.look()['total']['amount']
        path = f'/api/deliveries/{order.id}/handover'
        short = courier.act(path, {'cashCollected': kit.money(total - 1)})
        self.assertEqual((short['status'], short['reason']), ('refused', 'cash_short'))
        courier.hand_over(order, cash=total)
        order.wait('fulfilled')
        wait_for_rest(self.store)
        self.assertEqual(order.look()['payment']['captured']['amount'], total)
        self.assertNotIn(order.id, SHOP.books())

    def test_order_for_more_than_there_is_is_cancelled_whole(self):
        order = self.customer.place(self.store.body(quantity=101, bread=1))
        order.wait('cancelled', 'out_of_stock')
        wait_for_rest(self.store)
        self.assertEqual(self.store.stock()[self.store.bread]['available'], 100)
        self.assertNotIn(order.id, SHOP.books())

    def test_two_orders_for_the_last_piece_end_in_one_confirmation(self):
        store = Store(SHOP, stock=1)
        orders = [self.customer.place(store.body(quantity=1)) for _ in range(2)]
        orders[0].wait('confirmed')
        orders[1].wait('cancelled', 'out_of_stock')
        self.assertEqual(orders[0].cancel()['status'], 'done')
        orders[0].wait('cancelled', 'by_customer')
        wait_for_rest(store)

    def test_declined_card_cancels_the_order(self):
        order = self.customer.place(self.store.body(token='tok_declined'))
        order.wait('cancelled', 'payment_failed')
        wait_for_rest(self.store)
        wait_until(lambda: order.look()['payment']['status'] == 'failed', 'the failed payment')

    def test_lost_answer_of_the_provider_does_not_charge_twice(self):
        courier = self.store.courier().online()
        order = self.customer.place(self.store.body(token='tok_drop'))
        order.wait('confirmed')
        courier.deliver(order)
        order.wait('fulfilled')
        wait_for_rest(self.store)
        self.assertEqual(len(SHOP.books()[order.id]), 1)

    def test_customer_cancels_before_confirmation_and_a_late_charge_is_refunded(self):
        order = self.customer.place(self.store.body(token='tok_late_10000'))
        order.wait('awaiting_payment')
        self.assertEqual(order.cancel()['status'], 'done')
        order.wait('cancelled', 'by_customer')
        wait_until(lambda: order.look()['payment']['status'] == 'refunded', 'the refund')
        wait_for_rest(self.store)

    def test_customer_cancels_after_confirmation_and_is_refunded(self):
        order = self.confirmed()
        self.assertEqual(order.cancel()['status'], 'done')
        order.wait('cancelled', 'by_customer')
        wait_until(lambda: order.look()['payment']['status'] == 'refunded', 'the refund')
        wait_for_rest(self.store)

    def test_refused_refund_is_tried_again(self):
        order = self.confirmed(token='tok_refund_fail')
        order.cancel()
        order.wait('cancelled', 'by_customer')
        wait_until(lambda: order.look()['payment']['status'] == 'refunded', 'the second refund')
        wait_for_rest(self.store)
        self.assertEqual([refund['status'] for refund in SHOP.books()[order.id][0]['refunds']],
                         ['failed', 'succeeded'])

    def test_staff_cancel_an_assigned_order_and_the_courier_is_free_again(self):
        courier = self.store.courier(capacity=1).online()
        order = self.confirmed()
        courier.accept(order)
        self.assertEqual(order.cancel(self.store.staff)['status'], 'done')
        order.wait('cancelled', 'by_staff')
        wait_for_rest(self.store)
        following = self.confirmed()
        courier.deliver(following)
        following.wait('fulfilled')

    def test_cancel_after_pick_up_is_refused_and_says_why(self):
        courier = self.store.courier().online()
        order = self.confirmed()
        courier.accept(order)
        courier.pick_up(order)
        order.wait('picked_up')
        outcome = order.cancel()
        self.assertEqual((outcome['status'], outcome['reason']), ('refused', 'order_picked_up'))
        courier.hand_over(order)
        order.wait('fulfilled')
        wait_for_rest(self.store)

    def test_cancel_of_a_stranger_is_refused_and_changes_nothing(self):
        order = self.confirmed()
        outcome = order.cancel(Customer(SHOP).token)
        self.assertEqual((outcome['status'], outcome['reason']), ('refused', 'order_unknown'))
        self.assertEqual(order.look()['status'], 'confirmed')
        SHOP.get(f'/api/orders/{order.id}', Customer(SHOP).token).expect(404, 'order_unknown')

    def test_declined_offer_goes_to_another_courier(self):
        first = self.store.courier('first').online()
        order = self.confirmed()
        offer = first.wait_offer(order)
        first.done(f'/api/offers/{offer}/decline')
        second = self.store.courier('second').online()
        second.deliver(order)
        seen = order.wait('fulfilled')
        self.assertEqual(seen['delivery']['courierId'], second.id)
        late = first.act(f'/api/offers/{offer}/accept')
        self.assertEqual((late['status'], late['reason']), ('refused', 'delivery_over'))
        wait_for_rest(self.store)

    def test_expired_offer_is_refused_and_another_courier_gets_one(self):
        first = self.store.courier('first', capacity=1).online()
        order = self.confirmed()
        offer = first.wait_offer(order)
        second = self.store.courier('second', capacity=1).online()
        second.accept(order)
        late = first.act(f'/api/offers/{offer}/accept')
        self.assertEqual((late['status'], late['reason']), ('refused', 'offer_ended'))
        second.pick_up(order)
        second.hand_over(order)
        order.wait('fulfilled')
        wait_for_rest(self.store)
        self.assertEqual(kit.sql('select status from shop.offers where offer_id = %s', offer),
                         [['expired']])

    def test_track_shows_the_way_of_a_delivery(self):
        courier = self.store.courier().online()
        order = self.confirmed()
        path = f'/api/deliveries/{order.id}/track'
        courier.deliver(order)
        order.wait('fulfilled')
        seen = wait_until(lambda: (lambda seen: seen['status'] == 'completed' and seen)(
            SHOP.get(path, self.customer.token).expect(200).data), 'the completed delivery')
        self.assertEqual(seen['orderId'], order.id)
        self.assertEqual([event['type'] for event in seen['events']],
                         ['delivery.requested', 'delivery.offered', 'delivery.assigned',
                          'delivery.in_transit', 'delivery.completed'])
        SHOP.get(path, Customer(SHOP).token).expect(404, 'delivery_unknown')


class Deadlines(unittest.TestCase):
    def test_payment_that_is_never_answered_cancels_the_order(self):
        store, order = WAITING['never_answered']
        order.wait('cancelled', 'payment_timeout')
        wait_for_rest(store)

    def test_success_after_the_deadline_is_refunded(self):
        store, order = WAITING['late']
        order.wait('cancelled', 'payment_timeout')
        wait_until(lambda: order.look()['payment']['status'] == 'refunded', 'the refund')
        wait_for_rest(store)
        self.assertEqual(order.look()['payment']['captured']['amount'],
                         order.look()['total']['amount'])

    def test_order_without_a_courier_in_time_is_cancelled_and_refunded(self):
        store, order = WAITING['no_courier']
        order.wait('cancelled', 'no_courier')
        wait_until(lambda: order.look()['payment']['status'] == 'refunded', 'the refund')
        wait_for_rest(store)


class TheDomainComplete(unittest.TestCase):
    """What staff, couriers and the shop's rules add to an order's way."""

    def setUp(self):
        self.store = Store(SHOP)
        self.customer = Customer(SHOP)

    def confirmed(self, **body):
        order = self.customer.place(self.store.body(**body))
        order.wait('confirmed')
        return order

    def staff(self, path, body=None, key=None, method='POST', token=None):
        token = token or self.store.staff
        kept = SHOP.call(method, path, body or {}, token, key).expect(202)
        return SHOP.outcome(kept.data['commandId'], token)

    def test_hand_over_needs_the_code_that_only_the_customer_sees(self):
        self.staff(f'/api/stores/{self.store.id}', {'handOverCode': True}, method='PATCH', token=SHOP.admin)
        wait_until(lambda: SHOP.get(f'/api/stores/{self.store.id}').data['handOverCode'], 'the new rule')
        courier = self.store.courier().online()
        order = self.confirmed()
        code = order.look()['handOverCode']
        self.assertRegex(code, '^[0-9]{6}$')
        courier.accept(order)
        courier.pick_up(order)
        seen = SHOP.get(f'/api/orders/{order.id}', courier.token).expect(200).data
        self.assertIsNone(seen['handOverCode'])
        self.assertEqual(kit.sql("SELECT count(*) FROM shop.timeline WHERE order_id = %s AND data::text LIKE '%hand_over%'",
                                 order.id), [['0']])
        path = f'/api/deliveries/{order.id}/handover'
        wrong = courier.act(path, {'code': '000000' if code != '000000' else '111111'})
        self.assertEqual((wrong['status'], wrong['reason']), ('refused', 'code_wrong'))
        courier.done(path, {'code': code})
        order.wait('fulfilled')
        wait_for_rest(self.store)

    def test_goods_that_nobody_takes_come_back_and_the_money_too(self):
        courier = self.store.courier().online()
        order = self.confirmed()
        courier.accept(order)
        courier.pick_up(order)
        courier.done(f'/api/deliveries/{order.id}/arrived')
        for _ in range(2):
            courier.done(f'/api/deliveries/{order.id}/failed', {'reason': 'nobody opens'})
        self.assertEqual(self.staff(f'/api/deliveries/{order.id}/returned')['status'], 'done')
        order.wait('cancelled', 'not_delivered')
        wait_for_rest(self.store)
        self.assertEqual(self.store.stock()[self.store.milk]['available'], 100)

    def test_order_is_given_back_and_reassigned(self):
        first = self.store.courier('first').online()
        order = self.confirmed()
        first.accept(order)
        first.done(f'/api/deliveries/{order.id}/giveback')
        second = self.store.courier('second').online()
        second.accept(order)
        second.pick_up(order)
        third = self.store.courier('third').online()
        self.assertEqual(self.staff(f'/api/deliveries/{order.id}/reassign', {'courierId': third.id})['status'],
                         'done')
        third.hand_over(order)
        order.wait('fulfilled')
        wait_for_rest(self.store)

    def test_nearest_courier_is_asked(self):
        self.staff(f'/api/stores/{self.store.id}', {'location': {'lat': 52.5, 'lng': 13.4}}, method='PATCH',
                   token=SHOP.admin)
        wait_until(lambda: SHOP.get(f'/api/stores/{self.store.id}').data['location'], 'the place')
        couriers = [self.store.courier(name).online() for name in ('far', 'near')]
        couriers[0].see(52.6, 13.4)
        couriers[1].see(52.501, 13.4)
        wait_until(lambda: all(row[0] for row in kit.sql(
            'SELECT lat_e6 FROM shop.couriers WHERE store_id = %s', self.store.id)), 'both places')
        order = self.confirmed()
        couriers[1].wait_offer(order)
        self.assertEqual(kit.sql('SELECT distance_m FROM shop.offers WHERE order_id = %s', order.id), [['111']])
        self.assertEqual(order.cancel()['status'], 'done')
        wait_for_rest(self.store)

    def test_lines_are_cancelled_and_goodwill_is_given(self):
        courier = self.store.courier().online()
        order = self.confirmed(quantity=2, bread=1)
        kept = SHOP.call('POST', f'/api/orders/{order.id}/lines/2/cancel', {}, self.customer.token).expect(202)
        self.assertEqual(SHOP.outcome(kept.data['commandId'], self.customer.token)['status'], 'done')
        total = 2 * Store.MILK_MINOR + Store.FEE_MINOR
        wait_until(lambda: order.look()['total']['amount'] == total, 'the new total')
        courier.deliver(order)
        order.wait('fulfilled')
        path = f'/api/orders/{order.id}/refunds'
        much = self.staff(path, {'amount': kit.money(total + 1), 'reason': 'cold'}, kit.unique('gift'))
        self.assertEqual((much['status'], much['reason']), ('refused', 'refund_too_large'))
        given = self.staff(path, {'amount': kit.money(100), 'reason': 'cold'}, kit.unique('gift'))
        self.assertEqual(given['status'], 'done')
        wait_for_rest(self.store)
        refunds = wait_until(lambda: (lambda rows: rows if [row['status'] for row in rows] == ['succeeded'] * 2
                                      else None)(SHOP.get(path, self.customer.token).expect(200).data), 'both refunds')
        self.assertEqual([(row['amount']['amount'], row['reason']) for row in refunds],
                         [(Store.BREAD_MINOR, None), (100, 'cold')])

    def test_stock_is_counted_adjusted_and_told_to_be_low(self):
        milk = self.store.milk

        def items(quantity, **more):
            return {'items': [{'productId': milk, 'quantity': quantity}], **more}
        stock = f'/api/stores/{self.store.id}/stock'
        self.staff(stock + '/threshold', items(50))
        self.staff(stock + '/count', items(40, reason='inventory day'))
        wait_until(lambda: self.store.stock()[milk]['low'], 'the product to be low')
        self.assertEqual(self.staff(stock + '/adjust', items(-41, reason='broken'), kit.unique('key'))['reason'],
                         'stock_reserved')
        self.staff(stock + '/adjust', items(20, reason='found'), kit.unique('key'))
        wait_until(lambda: not self.store.stock()[milk]['low'], 'the product to be there again')
        self.assertEqual(self.store.stock()[milk]['available'], 60)


class Repeats(unittest.TestCase):
    def setUp(self):
        self.store = Store(SHOP)
        self.customer = Customer(SHOP)

    def test_same_key_and_body_is_one_order_and_one_answer(self):
        key = kit.unique('key')
        answers = [self.customer.post(self.store.body(), key).expect(202) for _ in range(3)]
        self.assertEqual(len({json.dumps(answer.data) for answer in answers}), 1)
        self.assertEqual([answer.headers.get('idempotent-replayed') for answer in answers],
                         [None, 'true', 'true'])
        kit.Order(self.customer, answers[0].data['orderId']).wait('confirmed')
        self.assertEqual(len(self.store.orders()), 1)

    def test_same_key_and_another_body_is_refused(self):
        key = kit.unique('key')
        order = self.customer.place(self.store.body(quantity=1), key)
        self.customer.post(self.store.body(quantity=2), key).expect(422, 'idempotency_mismatch')
        self.assertEqual(order.wait('confirmed')['lines'][0]['quantity'], 1)

    def test_same_key_in_another_order_of_members_is_the_same_body(self):
        key = kit.unique('key')
        body = self.store.body()
        order = self.customer.place(body, key)
        turned = dict(reversed(list(body.items())))
        self.assertEqual(self.customer.post(turned, key).expect(202).data['orderId'], order.id)

    def test_same_key_of_another_customer_or_store_is_another_order(self):
        key = kit.unique('key')
        ids = {self.customer.place(self.store.body(), key).id,
               Customer(SHOP).place(self.store.body(), key).id,
               self.customer.place(Store(SHOP).body(), key).id}
        self.assertEqual(len(ids), 3)

    def test_repeat_is_recognised_after_a_restart_of_the_api(self):
        key = kit.unique('key')
        order = self.customer.place(self.store.body(), key)
        order.wait('confirmed')
        SHOP.kill('api')
        again = self.customer.post(self.store.body(), key).expect(202)
        self.assertEqual(again.data['orderId'], order.id)
        self.customer.post(self.store.body(quantity=7), key).expect(422, 'idempotency_mismatch')
        self.assertEqual(len(self.store.orders()), 1)

    def test_repeat_that_passes_the_api_is_recognised_in_the_log(self):
        """A replica that knows nothing and may not look: the decider says that it is a repeat."""
        key = kit.unique('key')
        order = self.customer.place(self.store.body(), key)
        order.wait('confirmed')
        kit.stack('pause', 'postgres')
        try:
            SHOP.kill('api')
            again = self.customer.post(self.store.body(), key).expect(202)
        finally:
            kit.stack('resume', 'postgres')
        self.assertEqual(again.data['orderId'], order.id)
        seen = wait_until(lambda: SHOP.get(again.data['statusUrl'], self.customer.token).expect(200),
                          'queries to work again')
        self.assertEqual(seen.data['status'], 'confirmed')
        wait_until(lambda: kit.sql('select status from shop.commands where command_id = %s'
                                   ' order by command_offset', again.data['commandId'])
                   == [['done'], ['repeated']], 'both attempts in the read model')
        self.assertEqual(len(self.store.orders()), 1)

    def test_stock_is_received_once_a_key(self):
        body = {'items': [{'productId': self.store.milk, 'quantity': 5}]}
        path = f'/api/stores/{self.store.id}/stock/receive'
        SHOP.call('POST', path, body, self.store.staff).expect(400, 'idempotency_key_required')
        answers = [SHOP.call('POST', path, body, self.store.staff, 'one-key').expect(202)
                   for _ in range(2)]
        SHOP.outcome(answers[1].data['commandId'], self.store.staff)
        self.assertEqual(self.store.stock()[self.store.milk]['received'], 105)


class ReadModels(unittest.TestCase):
    """One delivered order, as everybody who may look sees it."""

    @classmethod
    def setUpClass(cls):
        cls.store = Store(SHOP)
        courier = cls.store.courier().online()
        cls.order = Customer(SHOP).place(cls.store.body(quantity=3, bread=1))
        cls.order.wait('confirmed')
        courier.deliver(cls.order)
        cls.seen = cls.order.wait('fulfilled')
        wait_for_rest(cls.store)
        # Each topic is projected on its own: the order may be fulfilled there before its delivery is over.
        wait_until(lambda: kit.sql('select count(*) from shop.timeline where order_id = %s', cls.order.id)
                   == [[str(len(cls.WAY))]], 'the whole way in the read model')

    WAY = ['order.created', 'inventory.reserved', 'order.payment_requested', 'payment.initiated',
           'payment.success', 'order.confirmed', 'delivery.requested', 'delivery.offered',
           'delivery.assigned', 'delivery.in_transit', 'order.picked_up', 'inventory.committed',
           'delivery.completed', 'order.fulfilled']

    def test_status_url_shows_at_least_the_decision(self):
        """A Consistency-Token waits for the projection, so the very first look finds the order, or says
        that it is still behind."""
        answer = Customer(SHOP, self.order.customer.name).post(self.store.body()).expect(202)

        def looked():
            seen = SHOP.get(answer.data['statusUrl'], self.order.customer.token)
            if seen.status != 200 and seen.code != 'behind':
                raise RuntimeError(seen)
            return seen.expect(200).data
        self.assertEqual(wait_until(looked, 'the decision')['orderId'], answer.data['orderId'])

    def test_etag_saves_the_body_of_an_unchanged_order(self):
        path = f'/api/orders/{self.order.id}'
        tag = SHOP.get(path, self.order.customer.token).expect(200).headers['etag']
        again = SHOP.get(path, self.order.customer.token, headers={'If-None-Match': tag})
        self.assertEqual((again.status, again.text), (304, ''))

    def test_postgres_views_show_the_order(self):
        rows = kit.sql('select status, total_minor, payment_status, delivery_status from shop.orders'
                       ' where order_id = %s', self.order.id)
        self.assertEqual(rows, [['fulfilled', str(self.seen['total']['amount']), 'succeeded',
                                 'completed']])
        lines = kit.sql('select product_id, quantity, unit_price_minor from shop.order_lines'
                        ' where order_id = %s order by line', self.order.id)
        self.assertEqual(lines, [[self.store.milk, '3', str(Store.MILK_MINOR)],
                                 [self.store.bread, '1', str(Store.BREAD_MINOR)]])
        self.assertEqual(kit.sql('select status, captured_minor from shop.payments where order_id ='
                                 ' %s', self.order.id), [['succeeded', rows[0][1]]])
        way = kit.sql('select ce_type from shop.timeline where order_id = %s', self.order.id)
        self.assertEqual(sorted(row[0] for row in way), sorted(self.WAY))

    def test_mongo_collections_show_the_order(self):
        client = pymongo.MongoClient(kit.profile_env()['MONGODB_URL'], serverSelectionTimeoutMS=5000)
        db = client.get_default_database()
        fact = wait_until(lambda: db.order_facts.find_one({'_id.order': self.order.id,
                                                           'status': 'fulfilled'}), 'the fact')
        self.assertEqual(fact['total_minor'], self.seen['total']['amount'])
        sales = wait_until(lambda: [row for row in db.sales_by_store.find({'_id.store': self.store.id})
                                    if row['fulfilled_orders'] == 1], 'the sales of the store')
        self.assertEqual(sales[0]['fulfilled_minor'], self.seen['total']['amount'])
        wait_until(lambda: sum(row.get('fulfilled_quantity', 0) for row in
                               db.sales_by_product.find({'_id.product': self.store.milk})) == 3,
                   'the sales of the product')
        client.close()

    def test_kafka_shows_the_events_with_their_types(self):
        types = {header for record in kit.consume('order.events')
                 for header in (record.get('headers') or []) if header.startswith('order.')}
        self.assertLessEqual({'order.created', 'order.confirmed', 'order.fulfilled'}, types)

    def test_tools_show_the_timeline_from_the_log_alone(self):
        shown = SHOP.tool('order', self.order.id, '--json')
        self.assertEqual(shown.returncode, 0, shown.stderr)
        steps = [step['type'] for step in json.loads(shown.stdout)['steps']]
        self.assertEqual(sorted(steps), sorted(self.WAY))
        self.assertEqual((steps[0], steps[-1]), ('order.created', 'order.fulfilled'))
        shown = SHOP.tool('events', 'order.events', '--order', self.order.id)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(len(shown.stdout.splitlines()), 5)


class TheLogAfterAllThat(unittest.TestCase):
    def test_audit_finds_nothing(self):
        self.assertEqual(SHOP.new_anomalies(), [])


def load_tests(loader, _tests, _pattern):
    # The longest waits come last.
    classes = [WaysOfAnOrder, TheDomainComplete, Repeats, ReadModels, Deadlines, TheLogAfterAllThat]
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in classes)


if __name__ == '__main__':
    kit.main(SHOP)
