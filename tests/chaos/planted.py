"""Mistakes made on purpose, each of which one check of the verdict must find: else it could not fail.

At the end of a run that found nothing all of them are planted; `--plant NAME` plants one before the verdict,
which makes the run fail.
"""
import json

import shop as kit
import verdict as judge

ORDER = 'planted-order'
TOPIC = 'order.commands'


def charge(shop):
    """The provider took money for an order that nobody placed."""
    shop.provider('POST', '/v1/charges', {'key': f'{ORDER}-c1', 'reference': ORDER, 'amount': 100,
                                          'currency': 'EUR', 'token': 'tok_ok'}).expect(200)
    return {
        'the_providers_books_are_equal': lambda _: any(ORDER in fault for fault in judge.books_differ(shop)),
        'audit_finds_no_anomaly': lambda anomalies: any(ORDER in json.dumps(one) for one in anomalies)}


def row(_shop):
    """A read model says that an order is under way which is over."""
    (order,), = kit.sql("UPDATE read_v1.orders SET status = 'confirmed' WHERE order_id = (SELECT order_id "
                        "FROM read_v1.orders WHERE status = 'fulfilled' LIMIT 1) RETURNING order_id")
    return {
        'nothing_is_stuck': lambda _: judge.stuck(0),
        'audit_finds_no_anomaly': lambda anomalies: any((one['invariant'], one['orderId']) == ('I6', order)
                                                        for one in anomalies)}


def letter(_shop):
    """Something on a topic that is no command."""
    kit.produce(TOPIC, 0, b'no command')
    return {'no_dead_letters': lambda _: kit.wait_until(judge.dead_letters, 'a dead letter', judge.BACK_S)}


def said(shop):
    """A role says that it stopped a partition, and `up` that one died of a bug."""
    with open(shop.log_dir / 'planted.log', 'w', encoding='utf-8') as log:
        for line in ({'code': 'log.damage'}, {'code': 'up.ended', 'name': 'api', 'signal': 11}):
            log.write(json.dumps(line) + '\n')
    return {'no_partition_was_stopped': lambda _: judge.stopped(shop),
            'no_role_crashed': lambda _: judge.crashed(shop)}


MISTAKES = {mistake.__name__: mistake for mistake in (charge, row, letter, said)}


def not_found(shop):
    """What of all that the verdict would have passed over."""
    checks = [(name, check, finds) for name, mistake in MISTAKES.items()
              for check, finds in mistake(shop).items()]
    anomalies = judge.audit(shop)['list']
    return [f'{check} passes over a planted {name}' for name, check, finds in checks if not finds(anomalies)]
