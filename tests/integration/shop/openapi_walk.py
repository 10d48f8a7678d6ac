"""Walks every operation, status and error code of api/openapi.yaml on the running server.

Each answer is held against the document: its status and code must be listed, its body must fit the
schema, its headers must be there. What the document lists and the walk does not meet is a failure,
but for UNREACHABLE, which says why. Replicas of the api with tight limits bring what a calm shop
never answers.
"""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import re
import signal
import socket
import subprocess
import time
import unittest

import jsonschema
import yaml

import shop as kit
from shop import Customer, Store, wait_until

SPEC = yaml.safe_load((kit.ROOT / 'api/openapi.yaml').read_text())
RESOLVER = jsonschema.RefResolver.from_schema(SPEC)
SHOP = kit.Shop('openapi')

NO_FIELDS = ('courierOffline', 'acceptOffer', 'declineOffer', 'pickUp', 'openStore', 'closeStore', 'removeProduct',
             'giveBack', 'arrive', 'returned')
OPTIONAL_FIELDS = NO_FIELDS + ('cancelOrder', 'cancelLine', 'handOver', 'reassign')
UNREACHABLE = {
    ('*', 'internal'): 'a fault of our own',
    ('*', 'invalid_header'): 'the HTTP library refuses a broken Content-Length itself',
    **{(op, 'idempotency_mismatch'): 'no field could differ' for op in NO_FIELDS},
    **{(op, 'invalid_field'): 'no field could be wrong' for op in NO_FIELDS},
    **{(op, 'missing_field'): 'no field is required' for op in OPTIONAL_FIELDS},
}


def resolve(node):
    return resolve(RESOLVER.resolve(node['$ref'])[1]) if '$ref' in node else node


class Operation:
    """One operation of the document, and how a right request of it looks here."""

    def __init__(self, method, path, node):
        self.id = node['operationId']
        self.method = method.upper()
        self.template = path
        self.node = node
        self.responses = {int(status): resolve(answer)
                          for status, answer in node['responses'].items()}
        self.is_command = self.method in ('POST', 'PATCH', 'DELETE')
        self.is_public = node.get('x-roles') == ['anyone'] or node.get('security') == []
        # Filled in by describe():
        self.path = path
        self.token = None
        self.bodies = [{}]

    def codes(self, status):
        return self.responses[status].get('x-error-codes', [None]) if status in self.responses else []

    def has(self, code):
        return any(code in self.codes(status) for status in self.responses)


OPS = {node['operationId']: Operation(method, path, node)
       for path, item in SPEC['paths'].items()
       for method, node in item.items() if method != 'parameters'}
MET = set()


def check(op, answer, status, code=None):
    """The answer is the wanted one, and is as the document says."""
    answer.expect(status, code)
    node = op.responses.get(status)
    assert node is not None, f'{op.id} does not document {status}: {answer}'
    if status >= 400:
        assert answer.code in op.codes(status) or op.codes(status) == [None], \
            f'{op.id} {status} does not document {answer.code}: {answer}'
    for name in node.get('headers', {}):
        if name not in ('Idempotent-Replayed', 'Link'):
            assert name.lower() in answer.headers, f'{answer} lacks {name}'
    content = node.get('content', {})
    if 'application/json' in content:
        jsonschema.Draft202012Validator(content['application/json']['schema'],
                                        resolver=RESOLVER).validate(answer.body)
    elif 'text/plain' in content:
        assert answer.headers['content-type'].startswith('text/plain'), answer
    else:
        assert answer.text == '', answer
    assert answer.headers['x-content-type-options'] == 'nosniff', answer
    assert answer.headers.get('x-correlation-id'), answer
    MET.add((op.id, status, answer.code if status >= 400 else None))
    return answer


def jwt(subject, roles, expires_s=3600, secret=None):
    """A token that `doorstep token` would not print."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')
    now = int(time.time())
    claims = {'sub': subject, 'iss': 'doorstep', 'aud': 'doorstep', 'iat': now - 7200,
              'exp': now + expires_s, 'roles': roles}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b'.' + part(json.dumps(claims).encode())
    secret = secret or SHOP.env['JWT_SECRET']
    return (text + b'.' + part(hmac.digest(secret.encode(), text, 'sha256'))).decode()


def consistency_token(topic, offset, identity=''):
    """A token of ours for any place in a commands topic (by number: 0 is the catalogue's)."""
    payload = base64.urlsafe_b64encode(f'{identity}|{topic}|0|{offset}'.encode()).rstrip(b'=')
    text = b'ct1.' + payload
    mac = hmac.new(SHOP.env['TOKEN_SECRET'].encode(), text, hashlib.sha256).digest()[:16]
    return (text + b'.' + base64.urlsafe_b64encode(mac).rstrip(b'=')).decode()


def signed(body, webhook_id):
    """The headers of a webhook."""
    key = base64.b64decode(SHOP.env['WEBHOOK_SECRET'].removeprefix('whsec_'))
    now = str(int(time.time()))
    mac = hmac.digest(key, f'{webhook_id}.{now}.'.encode() + body, 'sha256')
    return {'webhook-id': webhook_id, 'webhook-timestamp': now, 'Content-Type': 'application/json',
            'webhook-signature': 'v1,' + base64.b64encode(mac).decode()}


def send(op, url=None, body=None, key=None, token=None, path=None, headers=None, method=None,
         timeout_s=30):
    """A right request of the operation, but for what is given. token='' sends none."""
    headers = dict(headers or {})
    path = path or op.path
    token = op.token if token is None else token
    if token:
        headers['Authorization'] = f'Bearer {token}'
    if op.has('idempotency_key_required') and key is None:
        key = kit.unique('key')
    if key:
        headers['Idempotency-Key'] = key
    if op.is_command and body is None:
        body = op.bodies[0]
    if op.id == 'paymentWebhook' and not headers.get('webhook-id'):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers.update(signed(body, kit.unique('webhook')))
    return kit.http_call(url or SHOP.url, method or op.method, path, body, headers,
                         timeout_s)


def raw(op, head, body=b''):
    """A request as bytes, of which the answer is read."""
    place = SHOP.url.removeprefix('http://')
    host, port = place.split(':')
    with socket.create_connection((host, int(port)), 20) as connection:
        token = f'Authorization: Bearer {op.token}\r\n' if op.token else ''
        connection.sendall(f'{op.method} {op.path} HTTP/1.1\r\nHost: {place}\r\n{token}{head}\r\n'
                           .encode() + body)
        response = http.client.HTTPResponse(connection, method=op.method)
        response.begin()
        return kit.Answer(op.method, op.path, response, response.read())


def commands():
    return [op for op in OPS.values() if op.is_command and 204 not in op.responses]


def queries():
    """Those that ask the database."""
    return [op for op in OPS.values() if op.has('behind') and op.has('database_unavailable')]


def together(ops, act):
    """act(op) for all at once, since each waits."""
    with concurrent.futures.ThreadPoolExecutor(len(ops)) as pool:
        return list(pool.map(act, ops))


class Replica:
    """One more api on a port of its own."""

    next_place = 2

    def __init__(self, name, **env):
        port = int(SHOP.env['API_PORT']) + Replica.next_place
        Replica.next_place += 1
        self.url = f'http://127.0.0.1:{port}'
        self.log = open(SHOP.log_dir / f'api-{name}.log', 'wb')
        env = dict(SHOP.env, API_PORT=str(port), METRICS_PORT='0', **env)
        self.process = subprocess.Popen([SHOP.binary, 'api'], env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        REPLICAS.append(self)

    def get(self, path):
        return kit.http_call(self.url, 'GET', path)

    def wait(self, path='/readyz'):
        wait_until(lambda: self.get(path).status == 200, f'{path} of {self.url}')
        return self

    def stop(self):
        self.process.terminate()
        try:
            code = self.process.wait(30)
        finally:
            self.process.kill()
            self.log.close()
        assert code == 0, f'a replica ended with {code}: {self.log.name}'


REPLICAS = []
STORE = None


def setUpModule():
    global STORE
    SHOP.start()
    STORE = Store(SHOP)
    describe()


def tearDownModule():
    for replica in REPLICAS:
        replica.stop()


def describe():
    """Right requests. There is a courier with an offer, and a delivered order."""
    courier = STORE.courier().online()
    customer = Customer(SHOP)
    order = customer.place(STORE.body())
    courier.deliver(order)
    order.wait('fulfilled')
    waiting = customer.place(STORE.body())
    offer = courier.wait_offer(waiting)
    command = order.answer.data['commandId']
    people = {'customer': customer.token, 'courier': courier.token, 'staff': STORE.staff,
              'admin': SHOP.admin}
    names = {'orderId': order.id, 'commandId': command, 'productId': STORE.milk,
             'storeId': STORE.id, 'courierId': courier.id, 'offerId': offer, 'provider': 'sandbox', 'line': '1'}
    for op in OPS.values():
        op.path = re.sub(r'\{(\w+)\}', lambda found: names[found.group(1)], op.template)
        role = next((role for role in op.node['x-roles'] if role in people), None)
        op.token = people.get(role)

    def store(name):
        return {'storeId': kit.unique('w'), 'name': name, 'currency': 'EUR',
                'timeZone': 'Europe/Berlin', 'paymentMethods': ['card']}

    def goods(quantity, **more):
        return {'items': [{'productId': STORE.milk, 'quantity': quantity}], **more}

    # Whether these are there does not matter to the answer, and the others go on selling.
    elsewhere = f'{kit.unique("w")}'
    for name in ('openStore', 'closeStore', 'changeStore'):
        OPS[name].path = OPS[name].template.replace('{storeId}', elsewhere)
        OPS[name].token = SHOP.admin
    for name in ('changeProduct', 'removeProduct'):
        OPS[name].path = OPS[name].template.replace('{productId}', f'{STORE.id}.gone')

    first = store('One')
    OPS['placeOrder'].bodies = [STORE.body(quantity=1), STORE.body(quantity=2)]
    OPS['cancelOrder'].bodies = [{'reason': 'one'}, {'reason': 'two'}]
    OPS['createStore'].bodies = [first, dict(first, name='Two')]
    OPS['addProducts'].bodies = [kit.product('soap', 100), kit.product('soap', 200)]
    OPS['receiveStock'].bodies = [goods(1), goods(2)]
    OPS['adjustStock'].bodies = [goods(1, reason='found'), goods(2, reason='found')]
    OPS['countStock'].bodies = [goods(1000), goods(1001, reason='the yearly count')]
    OPS['setThreshold'].bodies = [goods(1), goods(2)]
    OPS['changeStore'].bodies = [
        {'hours': [{'day': 'mon', 'from': '08:00', 'to': '22:00'}], 'zone': {'radiusMetres': 5000}},
        {'name': 'Two', 'handOverCode': True, 'zone': {}, 'hours': []}]
    OPS['changeProduct'].bodies = [{'name': 'One'}, {'price': kit.money(7), 'maxQuantity': 3}]
    OPS['refundOrder'].bodies = [{'amount': kit.money(1), 'reason': why} for why in ('late', 'cold')]
    OPS['cancelLine'].bodies = [{'quantity': 1}, {'reason': 'two'}]
    OPS['deliveryFailed'].bodies = [{'reason': 'nobody there'}, {'reason': 'no such house'}]
    OPS['reassign'].bodies = [{}, {'courierId': courier.id}]
    OPS['courierOnline'].bodies = [{'vehicle': 'bicycle', 'capacity': capacity} for capacity in (5, 6)]
    OPS['courierLocation'].bodies = [{'lat': 52.5, 'lng': 13.4, 'accuracy': 10, 'at': '2026-11-21T07:30:33Z'}]
    OPS['handOver'].bodies = [{}, {'cashCollected': kit.money(1)}]
    OPS['paymentWebhook'].bodies = [{'type': 'charge.failed', 'data': {
        'reference': order.id, 'key': f'{order.id}-c1', 'id': 'ch_1', 'amount': 1, 'currency': 'EUR'}}]


class CalmShop(unittest.TestCase):
    """What any client meets."""

    def each(self, code, act, ops=None):
        for op in ops or OPS.values():
            if op.has(code) and (op.id, code) not in UNREACHABLE:
                with self.subTest(operation=op.id, code=code):
                    status = next(status for status in op.responses if code in op.codes(status))
                    check(op, act(op), status, code)

    def test_right_requests_are_answered_as_documented(self):
        for op in OPS.values():
            with self.subTest(operation=op.id):
                status = next(good for good in (202, 204, 200) if good in op.responses)
                for body in op.bodies if op.is_command else []:
                    schema = resolve(op.node.get('requestBody', {'content': {}}))['content']
                    if schema:
                        jsonschema.Draft202012Validator(
                            schema['application/json']['schema'], resolver=RESOLVER).validate(body)
                check(op, send(op), status)

    def test_known_etags_are_304(self):
        for op in OPS.values():
            if 304 in op.responses:
                with self.subTest(operation=op.id):
                    tag = send(op).headers['etag']
                    check(op, send(op, headers={'If-None-Match': tag}), 304)

    def test_nobody_strangers_and_wrong_roles(self):
        secured = [op for op in OPS.values() if op.has('unauthenticated')]
        self.each('unauthenticated', lambda op: send(op, token=''), secured)
        self.each('token_invalid', lambda op: send(op, token='no.such.token'), secured)
        forged = jwt('mallory', ['admin'], secret='another secret of at least 32 bytes ..')
        self.each('token_invalid', lambda op: send(op, token=forged), secured)
        old = jwt('late', ['customer'], expires_s=-3600)
        self.each('token_expired', lambda op: send(op, token=old), secured)
        nobody = jwt('nobody', ['guest'])
        self.each('forbidden', lambda op: send(op, token=nobody), secured)
        self.each('bad_signature', lambda op: send(op, headers={
            **signed(b'another body', 'id'), 'webhook-id': 'another'}))

    def test_what_is_wrong_with_any_request(self):
        ops = OPS.values()
        self.each('method_not_allowed', lambda op: send(op, method='PUT'), ops)
        self.each('not_acceptable', lambda op: send(op, headers={'Accept': 'text/html'}), ops)
        self.each('uri_too_long', lambda op: send(op, path=op.path + '?x=' + 'a' * 3000), ops)
        self.each('headers_too_large',
                  lambda op: send(op, headers={f'X-{i}': 'x' for i in range(70)}), ops)
        self.each('invalid_parameter', lambda op: send(op, path=op.path + '?limit=%zz'), ops)
        self.each('ambiguous_length', lambda op: raw(
            op, 'Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n',
            b'{}'), ops)

    def test_wrong_bodies(self):
        def long(op):
            size = 300 * 1024 if op.id == 'paymentWebhook' else 1100 * 1024
            return json.dumps({'x': 'a' * size}).encode()
        as_json = {'Content-Type': 'application/json'}
        self.each('invalid_json', lambda op: send(op, body=b'{', headers=as_json))
        self.each('unknown_field', lambda op: send(op, body={**op.bodies[0], 'zzz': 1}))
        self.each('missing_field', lambda op: send(op, body={}))
        self.each('card_number_refused', lambda op: send(op, body={'x': '4111 1111 1111 1111'}))
        self.each('body_too_large', lambda op: send(op, body=long(op), headers=as_json))
        self.each('unsupported_media_type',
                  lambda op: send(op, body=b'{}', headers={'Content-Type': 'text/plain'}))
        self.each('idempotency_key_invalid', lambda op: send(op, key='k' * 200))
        wrong = {'placeOrder': {**OPS['placeOrder'].bodies[0], 'lines': 7}, 'cancelOrder': {'reason': 7},
                 'createStore': {**OPS['createStore'].bodies[0], 'storeId': 'NO!'},
                 'addProducts': {**OPS['addProducts'].bodies[0], 'price': 'cheap'},
                 'receiveStock': {'items': [{'productId': STORE.milk, 'quantity': -1}]},
                 'courierOnline': {'vehicle': 'rocket', 'capacity': 1}, 'courierLocation': {'lat': 91, 'lng': 0, 'at': 'now'}, 'handOver': {'code': 7},
                 'adjustStock': {'items': [{'productId': STORE.milk, 'quantity': 0}], 'reason': 'none'},
                 'countStock': {'items': [{'productId': STORE.milk, 'quantity': -1}]},
                 'setThreshold': {'items': [{'productId': STORE.milk, 'quantity': -1}]},
                 'changeStore': {'hours': [{'day': 'mon', 'from': '25:00', 'to': '26:00'}]},
                 'changeProduct': {'maxQuantity': 0}, 'cancelLine': {'quantity': 0},
                 'refundOrder': {'amount': kit.money(0), 'reason': 'none'}, 'deliveryFailed': {'reason': ''}, 'reassign': {'courierId': 'nowhere.none'}}
        self.each('invalid_field', lambda op: send(op, body=wrong.get(op.id, [])))
        self.each('unroutable', lambda op: send(op, body={'type': 'party.started', 'data': {}}))
        self.each('idempotency_key_required',
                  lambda op: SHOP.call(op.method, op.path, op.bodies[0], op.token))

    def test_repeats_with_another_body(self):
        def twice(op):
            key = kit.unique('key')
            body = [dict(body) for body in op.bodies]
            if op.id == 'createStore':
                body = [dict(one, storeId=kit.unique('w')) for one in [body[0]]] * 2
                body[1] = dict(body[0], name='Two')
                # The store is in the path of no other request: same target, or it is another key.
            send(op, body=body[0], key=key).expect(202)
            return send(op, body=body[1], key=key)
        self.each('idempotency_mismatch', twice)

    def test_repeat_is_marked(self):
        for op in commands():
            if op.id != 'paymentWebhook' and op.method == 'POST':
                with self.subTest(operation=op.id):
                    key = kit.unique('key')
                    first = check(op, send(op, key=key), 202)
                    again = check(op, send(op, key=key), 202)
                    self.assertEqual(first.text, again.text)
                    self.assertEqual(again.headers.get('idempotent-replayed'), 'true')

    def test_things_that_are_not_there(self):
        other = {'order_unknown': '{0}.none', 'delivery_unknown': 'nowhere.none',
                 'product_unknown': '{0}.none', 'store_unknown': 'nowhere',
                 'courier_unknown': 'nowhere.none', 'not_found': None}

        def missing(op, code):
            if op.id == 'getCommand':
                return send(op, path='/api/commands/' + '0' * 26)
            if op.id == 'paymentWebhook':
                return send(op, path='/api/webhooks/payments/nobody')
            # Whether there is one the log decides; this is no id at all.
            if op.id == 'cancelLine' and code == 'not_found':
                return send(op, path=op.path.replace('/1/', '/99/'))
            if op.id in ('cancelOrder', 'cancelLine', 'refundOrder', 'changeStore', 'changeProduct', 'removeProduct'):
                return send(op, path=re.sub(r'\{\w+\}', 'NOTHING', op.template))
            if op.id in ('acceptOffer', 'declineOffer'):
                return send(op, path=re.sub(r'\{\w+\}', 'nowhere.none-1', op.template))
            path = re.sub(r'\{\w+\}', other[code].format('nowhere'), op.template)
            return send(op, path=path, token=SHOP.admin if op.id == 'addProducts' else None)
        for code in other:
            self.each(code, lambda op, code=code: missing(op, code),
                      [op for op in OPS.values() if op.id != 'placeOrder'])
        place = OPS['placeOrder']
        body = place.bodies[0]
        for product_id, code in [('nowhere.milk', 'store_unknown'),
                                 (f'{STORE.id}.none', 'product_unknown')]:
            check(place, send(place, body=dict(body, lines=[{'productId': product_id, 'quantity': 1}])),
                  404, code)

    def test_orders_that_cannot_be_taken(self):
        place = OPS['placeOrder']
        body = place.bodies[0]
        lines = [{'productId': STORE.milk, 'quantity': 1}, {'productId': 'nowhere.milk', 'quantity': 1}]
        check(place, send(place, body=dict(body, lines=lines)), 400, 'mixed_stores')
        check(place, send(place, body={name: body[name] for name in body if name != 'lines'}), 409,
              'cart_empty')
        changed = check(place, send(place, body=dict(body, expectedTotal=kit.money(1))), 409,
                        'price_changed')
        self.assertEqual(changed.body['error']['details'][0]['total']['amount'],
                         Store.MILK_MINOR + Store.FEE_MINOR)
        doubled = [{'productId': STORE.milk, 'quantity': 999}] * 2
        check(place, send(place, body=dict(body, lines=doubled)), 409, 'quantity_limit')
        dear = {'storeId': kit.unique('w'), 'name': 'Dear', 'currency': 'EUR', 'timeZone': 'UTC',
                'paymentMethods': ['card'], 'minimumOrder': kit.money(10000)}
        SHOP.call('POST', '/api/stores', dear, SHOP.admin).expect(202)
        wait_until(lambda: SHOP.call('POST', f'/api/stores/{dear["storeId"]}/products',
                                     kit.product('pin', 1), SHOP.admin, 'pin').expect(202), 'a store')
        lines = [{'productId': f'{dear["storeId"]}.pin', 'quantity': 1}]
        wait_until(lambda: check(place, send(place, body=dict(body, lines=lines)), 409,
                                 'below_minimum'), 'the product')
        self.the_door_of(dear['storeId'], dict(body, lines=lines))

    def the_door_of(self, store_id, body):
        """A store with a zone, then closed, then open without the product."""
        place = OPS['placeOrder']

        def refused(code):
            wait_until(lambda: check(place, send(place, body=body), 409, code), code)

        def change(method, path, change=None):
            SHOP.call(method, path, change or {}, SHOP.admin).expect(202)
        change('PATCH', f'/api/stores/{store_id}', {'location': {'lat': 1, 'lng': 1},
                                                    'zone': {'radiusMetres': 10}})
        refused('outside_zone')
        change('POST', f'/api/stores/{store_id}/close')
        refused('store_closed')
        change('PATCH', f'/api/stores/{store_id}', {'zone': {}})
        change('POST', f'/api/stores/{store_id}/open')
        refused('below_minimum')
        change('DELETE', f'/api/products/{body["lines"][0]["productId"]}')
        refused('product_removed')

    def test_tokens_and_cursors_of_somebody_else(self):
        self.each('consistency_token_invalid', lambda op: send(op, path=op.path + '?after=ct1.x.y'))
        self.each('invalid_cursor', lambda op: send(op, path=op.path + '?cursor=x'))
        foreign = consistency_token(0, 1, 'another-log')
        self.each('consistency_token_foreign',
                  lambda op: send(op, headers={'Consistency-Token': foreign}))
        far = consistency_token(0, 10 ** 12)
        ops = [op for op in OPS.values() if op.has('behind')]
        for op, answer in zip(ops, together(ops, lambda op: send(op, headers={'Consistency-Token': far}))):
            check(op, answer, 503, 'behind')


class TightReplicas(unittest.TestCase):
    """What replicas answer whose limits are reached."""

    def test_rates(self):
        limited = Replica('limited', RATE_LIMIT_ANONYMOUS='1', RATE_LIMIT_PERSON='1',
                          RATE_LIMIT_STAFF='1').wait()
        for op in OPS.values():
            if not op.has('rate_limited'):
                continue
            with self.subTest(operation=op.id):
                token = jwt(kit.unique('p'), op.node['x-roles']) if op.token else None
                bad = {'headers': signed(b'', 'id')} if op.id == 'paymentWebhook' else {}
                send(op, limited.url, token=token, **bad)
                check(op, send(op, limited.url, token=token, **bad), 429, 'rate_limited')

        busy_store = Replica('store-quota', RATE_LIMIT_STORE='1').wait()
        place = OPS['placeOrder']
        wait_until(lambda: any([send(place, busy_store.url).status == 429 for _ in range(2)]),
                   'a store to have too many orders')
        check(place, wait_until(lambda: next((answer for answer in [
            send(place, busy_store.url), send(place, busy_store.url)] if answer.status == 429), None),
            'a store to have too many orders'), 429, 'store_quota')

    def test_before_the_first_look_at_kafka(self):
        early = Replica('early', KAFKA_BROKERS='127.0.0.1:1', REQUEST_TIMEOUT='4s').wait('/livez')
        for op in OPS.values():
            if op.has('starting'):
                with self.subTest(operation=op.id):
                    check(op, send(op, early.url), 503, 'starting')
        host, port = early.url.removeprefix('http://').split(':')

        def slow(op):
            with socket.create_connection((host, int(port)), 20) as connection:
                connection.sendall(f'{op.method} {op.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: '
                                   f'Bearer {op.token}\r\nContent-Type: application/json\r\n'
                                   'Content-Length: 10\r\n\r\n{'.encode())
                response = http.client.HTTPResponse(connection, method=op.method)
                response.begin()
                return kit.Answer(op.method, op.path, response, response.read())
        ops = [op for op in OPS.values() if op.has('request_timeout')]
        for op, answer in zip(ops, together(ops, slow)):
            with self.subTest(operation=op.id):
                check(op, answer, 408, 'request_timeout')


class ServersAway(unittest.TestCase):
    """What is answered while Kafka or PostgreSQL is frozen, or gone."""

    def test_commands_while_kafka_is_frozen(self):
        # Five requests may be on their way to a broker; what waits behind them is known to be unsent.
        groups = [commands()[i:i + 5] for i in range(0, len(commands()), 5)]
        short = [Replica(f'short-{i}', MESSAGE_TIMEOUT='2s', CATALOG_FRESH='10m').wait() for i in range(len(groups))]
        url_of = {op.id: replica.url for replica, group in zip(short, groups) for op in group}
        # Each holds one command for so long; `ending` for less than it drains.
        narrow = Replica('narrow', COMMANDS_IN_FLIGHT_MAX='1', MESSAGE_TIMEOUT='8s', REQUEST_TIMEOUT='20s',
                         CATALOG_FRESH='10m').wait()
        ending = Replica('ending', MESSAGE_TIMEOUT='4s').wait()
        stale = Replica('stale', CATALOG_FRESH='1s').wait()
        ops = [op for op in OPS.values() if op.has('draining')]
        connections = {op.id: self.keep(ending, op) for op in ops}
        kit.stack('pause', 'kafka')
        try:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                held = []

                def hold(replica):
                    held.append(pool.submit(send, OPS['placeOrder'], replica.url))
                    wait_until(lambda: self.in_flight(replica) == 1, 'a command in flight')
                hold(ending)
                self.drain(ending, ops, connections)
                hold(narrow)
                for op, answer in zip(commands(), together(commands(), lambda op: send(op, narrow.url))):
                    with self.subTest(operation=op.id):
                        check(op, answer, 503, 'busy')
                for op, answer in zip(commands(), together(commands(), lambda op: send(op, url_of[op.id]))):
                    with self.subTest(operation=op.id):
                        check(op, answer, 503, 'outcome_unknown')
                        self.assertIn('statusUrl', answer.body['error']['details'][0])
            place = OPS['placeOrder']
            wait_until(lambda: check(place, send(place, stale.url), 503, 'catalog_stale'),
                       'the prices to be too old')
        finally:
            kit.stack('resume', 'kafka')
        for one in held:
            self.assertEqual(one.result().status, 503)
        wait_until(lambda: self.taken(send(OPS['placeOrder'])), 'orders to be taken again')

    @staticmethod
    def taken(answer):
        """Names the answer where it is not the wanted one, for the message of wait_until."""
        if answer.status != 202:
            raise kit.NotYet(f'{answer.status} {answer.body}')
        return True

    @staticmethod
    def in_flight(replica):
        found = re.search(r'^doorstep_api_[a-z_]*in_flight\S* (\d+)', replica.get(
            '/metrics/prometheus').text, re.MULTILINE)
        return int(found.group(1))

    @staticmethod
    def keep(replica, op):
        """A connection that is open before the replica stops to listen."""
        place = replica.url.removeprefix('http://').split(':')
        connection = http.client.HTTPConnection(place[0], int(place[1]), timeout=20)
        connection.request('GET', '/livez')
        connection.getresponse().read()
        return connection

    def drain(self, replica, ops, connections):
        replica.process.send_signal(signal.SIGTERM)

        def ask(op):
            headers = {'Authorization': f'Bearer {op.token}'} if op.token else {}
            connections[op.id].request(op.method, op.path, headers=headers)
            response = connections[op.id].getresponse()
            return kit.Answer(op.method, op.path, response, response.read())

        def draining():
            """Its connection closes behind the answer: that one answer is the one to look at."""
            answer = ask(OPS['readyz'])
            return answer if answer.status == 503 else None
        ready = wait_until(draining, 'the replica to drain')
        for op, answer in zip(ops, together(ops, lambda op: ready if op.id == 'readyz' else ask(op))):
            with self.subTest(operation=op.id):
                check(op, answer, 503, 'draining')
                connections[op.id].close()

    def test_queries_while_postgres_is_frozen(self):
        narrow = Replica('narrow-queries', QUERY_THREADS='1', QUERY_QUEUE_MAX='1', QUERY_TIMEOUT='40s',
                         REQUEST_TIMEOUT='40s').wait('/readyz/queries')
        kit.stack('pause', 'postgres')
        try:
            for op in queries():
                with self.subTest(operation=op.id):
                    # The first two get no answer: one holds the thread, one the queue.
                    wait_until(lambda op=op: check(op, send(op, narrow.url, timeout_s=0.5), 503, 'busy'),
                               'the queue to be full')
        finally:
            kit.stack('resume', 'postgres')

    def test_both_servers_gone(self):
        strict = Replica('strict', KEYS_STRICT='true').wait('/readyz/queries').wait()
        kit.stack('stop', 'postgres')
        try:
            wait_until(lambda: send(OPS['readyzQueries'], strict.url).status == 503, 'it to be noticed')
            for op in [*queries(), OPS['readyzQueries']]:
                with self.subTest(operation=op.id):
                    check(op, send(op), 503, 'database_unavailable')
            for op in commands():
                if op.has('database_unavailable'):
                    with self.subTest(operation=op.id):
                        check(op, send(op, strict.url, key=kit.unique('key')), 503,
                              'database_unavailable')
            kit.stack('stop', 'kafka')
            wait_until(lambda: send(OPS['readyz']).status == 503, 'it to be noticed')
            for op in [*commands(), OPS['readyz'], OPS['readyzCommands']]:
                with self.subTest(operation=op.id):
                    check(op, send(op), 503, 'kafka_unavailable')
            check(OPS['health'], send(OPS['health']), 503)
        finally:
            kit.stack('start', 'kafka', 'postgres')
        SHOP.wait_ready()


class Document(unittest.TestCase):
    def test_every_route_of_the_server_is_documented(self):
        text = (kit.ROOT / 'api/routes.c').read_text()
        routes = {(method, path) for method, path in re.findall(r'\{DS_([A-Z]+), "([^"]+)"', text)}
        routes -= {('GET', '/api/health'), ('GET', '/api/metrics')}
        self.assertEqual(routes, {(op.method, op.template) for op in OPS.values()})

    def test_everything_documented_was_met(self):
        wanted = {(op.id, status, code) for op in OPS.values() for status in op.responses
                  for code in op.codes(status)}
        wanted = {one for one in wanted
                  if ('*', one[2]) not in UNREACHABLE and (one[0], one[2]) not in UNREACHABLE}
        self.maxDiff = None
        self.assertEqual(sorted(map(str, wanted - MET)), [])


def load_tests(loader, _tests, _pattern):
    # Whether all was met is asked last.
    classes = [CalmShop, TightReplicas, ServersAway, Document]
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in classes)


if __name__ == '__main__':
    kit.main(SHOP)
