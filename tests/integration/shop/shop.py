"""The whole shop on the real servers of a profile of dev/stack, for tests.

Shop starts the binary that DOORSTEP_BIN names as `up`, with the ports of the profile and a folder of
its own for logs, and stops it at the end. Customers, staff, couriers and the payment provider act
through public HTTP only. Every wait is bounded and on a condition: wait_until.
"""
import base64
import ctypes
import functools
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROFILE = os.environ.get('DOORSTEP_PROFILE', 'test')
HOME = pathlib.Path(os.environ.get('DOORSTEP_HOME', ROOT / '.doorstep')) / PROFILE

# The order of `doorstep up`: the ports of the probes count up in it.
ROLES = ['sandbox', 'processor-catalog', 'processor-order', 'processor-payment',
         'processor-inventory', 'processor-delivery', 'project-postgres', 'project-mongo',
         'gateway-payments', 'api', 'notifications']
PATIENCE_S = float(os.environ.get('SHOP_TEST_PATIENCE_S', '60'))
POLL_S = 0.02
SANITIZER = re.compile(r'ERROR: (Leak|Address)Sanitizer|runtime error:|WARNING: ThreadSanitizer')


def end_with_the_test():
    """In the child: SIGTERM when this process ends, however it ends. A shop that a killed test leaves
    behind keeps the ports and the names in the groups."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class NotYet(AssertionError):
    """What was waited for did not come."""


def say(text):
    print(f'# {text}', file=sys.stderr, flush=True)


def wait_until(condition, what, patience_s=PATIENCE_S):
    """The first true value of condition(); its false values and AssertionErrors mean: not yet."""
    deadline = time.monotonic() + patience_s
    while True:
        last = None
        try:
            value = condition()
            if value:
                return value
            last = f'last value {value!r}'
        except (AssertionError, OSError, http.client.HTTPException, subprocess.TimeoutExpired) as error:
            last = f'last: {error!r}'
        if time.monotonic() >= deadline:
            raise NotYet(f'waited {patience_s:g} s for {what}; {last}')
        time.sleep(POLL_S)


def unique(prefix):
    return f'{prefix}-{secrets.token_hex(5)}'


# --- the servers -----------------------------------------------------------------------------------


def stack(command, *servers, timeout_s=400):
    """dev/stack of this profile: start, stop, kill, pause, resume, full, room."""
    done = subprocess.run([ROOT / 'dev/stack', command, *servers, '--profile', PROFILE], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s)
    if done.returncode != 0:
        raise AssertionError(f'dev/stack {command} {servers}: {done.stdout}')


@functools.cache
def profile_env():
    """What dev/stack env says, as a dictionary that nobody changes."""
    text = subprocess.run([ROOT / 'dev/stack', 'env', '--profile', PROFILE], text=True, check=True,
                          stdout=subprocess.PIPE, timeout=60).stdout
    env = {}
    for line in text.splitlines():
        name, value = line.removeprefix('export ').split('=', 1)
        env[name] = value.strip("'")
    return env


def sql(query, *values):
    """Rows of a query as lists of texts. Values are quoted here: ids and other plain texts only."""
    for value in values:
        query = query.replace('%s', "'" + str(value).replace("'", "''") + "'", 1)
    done = subprocess.run(['psql', '-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-c',
                           query, profile_env()['DATABASE_URL']], text=True, capture_output=True,
                          timeout=120)
    if done.returncode != 0:
        raise AssertionError(f'psql: {done.stderr}')
    return [line.split('\t') for line in done.stdout.splitlines()]


def produce(topic, partition, value, key='garbage'):
    """Raw bytes, without a line feed, on a partition of a topic."""
    subprocess.run(['kcat', '-P', '-b', profile_env()['KAFKA_BROKERS'], '-t', topic, '-p',
                    str(partition), '-k', key], input=value, check=True, timeout=120)


def last_record(topic, partition):
    """Key and value of the last record of a partition, as they are."""
    done = subprocess.run(['kcat', '-C', '-e', '-q', '-b', profile_env()['KAFKA_BROKERS'], '-t', topic,
                           '-p', str(partition), '-o', '-1', '-c', '1', '-f', '%k\n%s'],
                          stdout=subprocess.PIPE, check=True, timeout=60)
    key, _, value = done.stdout.partition(b'\n')
    return key.decode(), value


def consume(topic):
    """All records of a topic as kcat's JSON (partition, offset, key, headers; bytes as they come)."""
    done = subprocess.run(['kcat', '-C', '-e', '-q', '-J', '-b', profile_env()['KAFKA_BROKERS'], '-t',
                           topic], stdout=subprocess.PIPE, check=True, timeout=300)
    return [json.loads(line.decode('utf-8', 'replace')) for line in done.stdout.split(b'\n') if line]


# --- answers ---------------------------------------------------------------------------------------


class Answer:
    """Status, headers (lower-case names) and body of an HTTP answer."""

    def __init__(self, method, path, response, body):
        self.call = f'{method} {path}'
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = body.decode('utf-8')
        is_json = self.headers.get('content-type', '').startswith('application/json')
        self.body = json.loads(self.text) if is_json and self.text else None

    @property
    def data(self):
        return self.body['data'] if self.body else None

    @property
    def code(self):
        return self.body['error']['code'] if self.body and 'error' in self.body else None

    def expect(self, status, code=None):
        if self.status != status or (code is not None and self.code != code):
            raise AssertionError(f'{self.call}: {self.status} {self.text[:500]}, '
                                 f'wanted {status} {code or ""}')
        return self

    def __repr__(self):
        return f'{self.call}: {self.status} {self.text[:300]}'


def http_call(base, method, path, body=None, headers=None, timeout_s=20):
    """One request on a connection of its own; body is JSON unless it is bytes."""
    place = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=timeout_s)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault('Content-Type', 'application/json')
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(method, path, response, response.read())
    finally:
        connection.close()


# --- the shop --------------------------------------------------------------------------------------


class Shop:
    """All roles under `doorstep up`. env: options of the roles besides the profile's."""

    def __init__(self, name, env=None):
        self.binary = os.environ.get('DOORSTEP_BIN') or str(ROOT / 'build/dev/doorstep')
        self.folder = HOME / f'shop-{name}'
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log_dir = self.folder / 'log'
        self.run_dir = self.folder / 'run'
        for folder in (self.log_dir, self.run_dir):
            folder.mkdir(parents=True)
        self.env = {**os.environ, **profile_env(), **self._secrets(), **(env or {})}
        self.env['DOORSTEP_ENV_FILE'] = ''
        # The books belong to the log: dev/stack reset erases both.
        self.env['SANDBOX_DIR'] = str(HOME / 'kafka/sandbox')
        self.env.update(LOG_DIR=str(self.log_dir), RUN_DIR=str(self.run_dir))
        for limit in ('ANONYMOUS', 'PERSON', 'STAFF', 'STORE'):
            self.env.setdefault(f'RATE_LIMIT_{limit}', '0')
        self.url = self.env['API_URL']
        self.first_metrics_port = int(self.env['FIRST_METRICS_PORT'])
        self.up = None
        self.up_log = None
        self.tokens = {}
        self.old_anomalies = []

    @staticmethod
    def _secrets():
        """Made once a log, as the books are: both are read again by the next shop on this profile."""
        file = HOME / 'kafka/shop-secrets.json'
        if not file.exists():
            file.write_text(json.dumps({
                'JWT_SECRET': secrets.token_hex(32), 'TOKEN_SECRET': secrets.token_hex(32),
                'PAYMENT_PROVIDER_KEY': secrets.token_hex(32),
                'WEBHOOK_SECRET': 'whsec_' + base64.b64encode(secrets.token_bytes(32)).decode()}))
        return json.loads(file.read_text())

    # life

    def prepare(self):
        created = self.tool('topics', 'create')
        assert created.returncode == 0, created.stderr
        migrated = self.tool('migrate')
        assert migrated.returncode == 0, migrated.stderr
        return self

    def launch(self):
        self.up_log = open(self.log_dir / 'up.log', 'ab')
        self.up = subprocess.Popen([self.binary, 'up'], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=self.up_log, stderr=subprocess.STDOUT,
                                   preexec_fn=end_with_the_test)
        return self

    def wait_ready(self):
        wait_until(self.all_ready, 'all roles to be ready', 90)
        return self

    def start(self):
        self.prepare().launch().wait_ready()
        self.old_anomalies = self.audit()
        return self

    def all_ready(self):
        if self.up.poll() is not None:
            raise RuntimeError(f'up ended with {self.up.returncode}')
        waiting = [role for role in ROLES if not self.is_ready(role)]
        assert not waiting, f'waiting for {waiting}'
        return self.get('/readyz').status == 200

    def stop(self):
        """Ends all and checks how they ended and what the sanitizers wrote."""
        if self.up is None:
            return
        self.up.send_signal(signal.SIGTERM)
        try:
            code = self.up.wait(90)
        except subprocess.TimeoutExpired:
            self.up.kill()
            self.up.wait(10)
            raise AssertionError('up did not stop within 90 s') from None
        finally:
            self.up = None
            self.up_log.close()
        assert code == 0, f'up ended with {code}'
        for log in sorted(self.log_dir.glob('*.log')):
            found = SANITIZER.search(log.read_text('utf-8', 'replace'))
            assert not found, f'{log}: {found.group(0)}'

    def show_logs(self, lines=12):
        """The last warnings, errors and plain lines of each role's log."""
        for log in sorted(self.log_dir.glob('*.log')):
            text = log.read_text('utf-8', 'replace').splitlines()
            say(f'--- {log} ({len(text)} lines)')
            for line in [line for line in text if '"level":"info"' not in line][-lines:]:
                say(line[:600])

    # roles

    def metrics_url(self, role):
        return f'http://127.0.0.1:{self.first_metrics_port + ROLES.index(role)}'

    def is_ready(self, role):
        try:
            return http_call(self.metrics_url(role), 'GET', '/readyz', timeout_s=5).status == 200
        except OSError:
            return False

    def pid(self, role):
        try:
            return int((self.run_dir / f'{role}.pid').read_text())
        except (FileNotFoundError, ValueError):
            return None

    def kill(self, role):
        """kill -9, then until its successor is ready: how many seconds that took."""
        old = self.pid(role)
        start = time.monotonic()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.pid(role) not in (None, old), f'{role} to be started again', 90)
        wait_until(lambda: self.is_ready(role), f'{role} to be ready again', 90)
        return time.monotonic() - start

    def restarts(self):
        """How many roles ended by themselves or by a signal so far."""
        return (self.log_dir / 'up.log').read_text().count('"up.ended"')

    # tools

    def tool(self, *words, timeout_s=120, **options):
        return subprocess.run([self.binary, *words], env=self.env, text=True, capture_output=True,
                              timeout=timeout_s, **options)

    def audit(self):
        """What `audit verify` finds in the log, the provider's books and the read models."""
        done = self.tool('audit', 'verify', '--json', '--patience', '60s')
        assert done.stdout.startswith('{'), done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert verdict['anomalies'] == len(verdict['list']), done.stdout
        assert done.returncode == (1 if verdict['list'] else 0), (done.returncode, done.stdout)
        return verdict['list']

    def new_anomalies(self):
        """Those that were not there when this shop started: the log outlives a run of the tests."""
        return [found for found in self.audit() if found not in self.old_anomalies]

    def token(self, role, subject, stores=''):
        key = (role, subject, stores)
        if key not in self.tokens:
            words = ['token', '--role', role, '--sub', subject]
            done = self.tool(*words, *(['--stores', stores] if stores else []))
            done.check_returncode()
            self.tokens[key] = done.stdout.strip()
        return self.tokens[key]

    # HTTP

    def call(self, method, path, body=None, token=None, key=None, headers=None, timeout_s=20):
        headers = dict(headers or {})
        if token:
            headers['Authorization'] = f'Bearer {token}'
        if key:
            headers['Idempotency-Key'] = key
        return http_call(self.url, method, path, body, headers, timeout_s)

    def get(self, path, token=None, **options):
        return self.call('GET', path, token=token, **options)

    @property
    def admin(self):
        return self.token('admin', 'test-admin')

    def provider(self, method, path, body=None):
        """The sandbox provider's own interface."""
        headers = {'Authorization': 'Bearer ' + self.env['PAYMENT_PROVIDER_KEY']}
        return http_call(self.env['PAYMENT_PROVIDER_URL'], method, path, body, headers)

    def books(self):
        """All charges of the provider, by reference (our order id): lists."""
        charges, cursor = {}, ''
        while cursor is not None:
            page = self.provider('GET', f'/v1/books?limit=1000&cursor={cursor}').expect(200).body
            for charge in page['charges']:
                charges.setdefault(charge['reference'], []).append(charge)
            cursor = page['next']
        return charges

    def outcome(self, command_id, token):
        """What a command was decided to be."""
        def decided():
            answer = self.get(f'/api/commands/{command_id}', token).expect(200)
            return answer.data if answer.data['status'] != 'accepted' else None
        return wait_until(decided, f'the outcome of command {command_id}')


# --- who acts in it --------------------------------------------------------------------------------


class Store:
    """A store of its own, with two products, so that tests do not meet each other."""

    MILK_MINOR = 129
    BREAD_MINOR = 349
    FEE_MINOR = 290

    def __init__(self, shop, stock=100):
        self.shop = shop
        self.id = unique('t')
        self.the_courier = None
        self.milk = f'{self.id}.milk'
        self.bread = f'{self.id}.bread'
        self.staff = shop.token('staff', f'staff-of-{self.id}', self.id)
        shop.call('POST', '/api/stores', {
            'storeId': self.id, 'name': 'Test store', 'currency': 'EUR', 'timeZone': 'Europe/Berlin',
            'paymentMethods': ['card', 'cash_on_delivery'],
            'deliveryFee': money(self.FEE_MINOR)}, shop.admin).expect(202)
        goods = {'items': [product('milk', self.MILK_MINOR), product('bread', self.BREAD_MINOR)]}
        # The api waits for what it has not read yet, 2 s; a busy machine may need longer.
        wait_until(lambda: shop.call('POST', f'/api/stores/{self.id}/products', goods,
                                     self.staff, unique('goods')).expect(202), 'the store')
        wait_until(lambda: shop.get(f'/api/products/{self.milk}').expect(200), 'the products')
        if stock:
            self.receive(stock)

    def receive(self, quantity):
        kept = self.shop.call('POST', f'/api/stores/{self.id}/stock/receive', {'items': [
            {'productId': self.milk, 'quantity': quantity},
            {'productId': self.bread, 'quantity': quantity}]}, self.staff, key=unique('stock'))
        self.shop.outcome(kept.expect(202).data['commandId'], self.staff)

    def stock(self):
        """{product id: levels}, each of which is checked (I1)."""
        rows = self.shop.get(f'/api/stores/{self.id}/stock', self.staff).expect(200).data
        for row in rows:
            parts = [row['available'], row['reserved'], row['committed']]
            assert row['received'] == sum(parts) and min(parts) >= 0, row
        return {row['productId']: row for row in rows}

    def orders(self):
        return self.shop.get(f'/api/orders?store={self.id}&limit=100', self.staff).expect(200).data

    def body(self, quantity=2, method='card', token='tok_ok', bread=0, **more):
        lines = [{'productId': self.milk, 'quantity': quantity}]
        if bread:
            lines.append({'productId': self.bread, 'quantity': bread})
        body = {'lines': lines, 'paymentMethod': method,
                'deliveryAddress': {'street': '1 Market Square', 'city': 'Berlin', 'zipCode': '10115',
                                    'country': 'DE', 'recipient': 'J. Doe'}, **more}
        return dict(body, paymentToken=token) if method == 'card' else body

    def courier(self, name='courier', capacity=3):
        return Courier(self, name, capacity)

    def only_courier(self):
        """One who is online and gets every offer of this store."""
        if self.the_courier is None:
            self.the_courier = self.courier().online()
        return self.the_courier


def money(amount):
    return {'amount': amount, 'currency': 'EUR'}


def product(local, price, **more):
    return {'localId': local, 'name': local.capitalize(), 'category': 'Food', 'unit': 'piece',
            'price': money(price), **more}


class Customer:
    def __init__(self, shop, name=None):
        self.shop = shop
        self.name = name or unique('customer')
        self.token = shop.token('customer', self.name)

    def post(self, body, key=None, **options):
        return self.shop.call('POST', '/api/orders', body, self.token, key, **options)

    def place(self, body, key=None):
        answer = self.post(body, key or unique('order')).expect(202)
        return Order(self, answer.data['orderId'], answer)


class Order:
    def __init__(self, customer, order_id, answer=None):
        self.customer = customer
        self.shop = customer.shop
        self.id = order_id
        self.answer = answer

    def look(self):
        return self.shop.get(f'/api/orders/{self.id}', self.customer.token).expect(200).data

    def wait(self, status, reason=None):
        """Until the order has this status; another end than the wanted one fails at once."""
        def there():
            seen = self.look()
            if seen['status'] in ('fulfilled', 'cancelled', 'refused') and seen['status'] != status:
                raise RuntimeError(f'{self.id} is {seen["status"]} {seen["reason"]}, not {status}')
            return seen if seen['status'] == status else None
        seen = wait_until(there, f'{self.id} to be {status}')
        if reason is not None:
            assert seen['reason'] == reason, seen
        return seen

    def cancel(self, token=None):
        """The outcome of a cancel command; by the customer unless a token is given."""
        token = token or self.customer.token
        kept = self.shop.call('POST', f'/api/orders/{self.id}/cancel', {'reason': 'a test'}, token)
        return self.shop.outcome(kept.expect(202).data['commandId'], token)


class Courier:
    def __init__(self, store, name, capacity):
        self.shop = store.shop
        self.id = f'{store.id}.{name}'
        self.token = self.shop.token('courier', self.id)
        self.capacity = capacity

    def act(self, path, body=None):
        """A command and its outcome."""
        kept = self.shop.call('POST', path, body, self.token).expect(202)
        return self.shop.outcome(kept.data['commandId'], self.token)

    def done(self, path, body=None):
        outcome = self.act(path, body)
        assert outcome['status'] == 'done', f'{path}: {outcome}'
        return outcome

    def online(self):
        self.done(f'/api/couriers/{self.id}/online', {'vehicle': 'bicycle', 'capacity': self.capacity})
        return self

    def offline(self):
        self.done(f'/api/couriers/{self.id}/offline')

    def offers(self):
        return self.shop.get(f'/api/couriers/{self.id}/offers', self.token).expect(200).data

    def wait_offer(self, order):
        return wait_until(lambda: next((offer['offerId'] for offer in self.offers()
                                        if offer['orderId'] == order.id), None),
                          f'an offer of {order.id} to {self.id}')

    def accept(self, order):
        self.done(f'/api/offers/{self.wait_offer(order)}/accept')

    def decline(self, order):
        self.done(f'/api/offers/{self.wait_offer(order)}/decline')

    def pick_up(self, order):
        self.done(f'/api/deliveries/{order.id}/pickup')

    def see(self, lat, lng):
        """Where it is; nothing is promised but the answer."""
        self.shop.call('POST', f'/api/couriers/{self.id}/location', {
            'lat': lat, 'lng': lng, 'at': '2026-11-21T07:30:33Z'}, self.token).expect(204)

    def hand_over(self, order, cash=None):
        self.done(f'/api/deliveries/{order.id}/handover',
                  {'cashCollected': money(cash)} if cash is not None else {})

    def deliver(self, order, cash=None):
        self.accept(order)
        self.pick_up(order)
        self.hand_over(order, cash)


# --- what must be true at rest ---------------------------------------------------------------------


def check_rest(store):
    """I1, I2 and I4 as the API and the provider's books show them, once nothing is under way."""
    committed = {store.milk: 0, store.bread: 0}
    books = store.shop.books()
    for order in store.orders():
        fulfilled = order['status'] == 'fulfilled'
        assert fulfilled or order['status'] in ('cancelled', 'refused'), order
        given = store.shop.get(f'/api/orders/{order["orderId"]}/payments', store.staff).expect(200).data
        given = given[0]['goodwill']['amount'] if given else 0
        due = max(0, order['total']['amount'] - given) if fulfilled else 0
        payment = order['payment']
        kept = payment['captured']['amount'] - payment['refunded']['amount']
        assert kept == due, f'kept {kept}, due {due}: {order}'
        charges = books.get(order['orderId'], [])
        assert len(charges) <= 1, f'charged twice: {charges}'
        kept_there = sum(charge['amount'] - charge['amountRefunded'] for charge in charges
                         if charge['status'] == 'succeeded')
        assert kept_there == (due if payment['method'] == 'card' else 0), f'{charges}: {order}'
        for line in order['lines'] if fulfilled else []:
            committed[line['productId']] += line['quantity'] - line['cancelled']
    for product_id, levels in store.stock().items():
        assert levels['reserved'] == 0, levels
        assert levels['committed'] == committed[product_id], (levels, committed)
    return True


def wait_for_rest(store):
    wait_until(lambda: check_rest(store), f'store {store.id} to be at rest')


# --- running a file of tests -----------------------------------------------------------------------


class Result(unittest.TextTestResult):
    """Shows the roles' logs behind the first failure."""

    shop = None

    def _show(self):
        if self.shop is not None and len(self.failures) + len(self.errors) == 1:
            self.shop.show_logs()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._show()

    def addError(self, test, err):
        super().addError(test, err)
        self._show()


def servers_run():
    """Asked once, a server on a busy machine may take too long for an answer."""
    return subprocess.run([ROOT / 'dev/stack', 'status', '--profile', PROFILE],
                          stdout=subprocess.DEVNULL, timeout=60).returncode == 0


def main(shop):
    """Runs the tests of the calling module around the shop, which a test's set-up starts."""
    Result.shop = shop
    try:
        wait_until(servers_run, 'the servers to answer', 30)
    except NotYet:
        sys.exit(f'the servers of profile {PROFILE} do not run: dev/stack start --profile {PROFILE}')
    missing = [name for name in ('psql', 'kcat') if shutil.which(name) is None]
    if missing:
        sys.exit(f'{missing} missing: run ./dev/install test')
    program = None
    try:
        program = unittest.main('__main__', exit=False, verbosity=2,
                                testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2))
    finally:
        try:
            shop.stop()
        except AssertionError as error:
            shop.show_logs()
            sys.exit(f'FAILED: {error}')
    sys.exit(0 if program.result.wasSuccessful() else 1)
