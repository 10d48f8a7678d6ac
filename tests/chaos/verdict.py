"""What must be true in the end. What judges goes past the proxies, to the servers themselves."""
import collections
import json
import subprocess
import time

import shop as kit

# Only a hang reaches these.
BACK_S = 600
REST_S = 900
AUDITS_S = 900
AUDIT_S = 1800
# A log that contradicts itself, or a bug: the partition waits for a person.
STOPPED = {'log.damage', 'log.undecodable', 'log.foreign', 'input.damage', 'timer.stuck', 'timer.failed',
           'reader.stopped', 'catalog.damage', 'catalog.unreadable', 'catalog.not_taken',
           'projection.other_log', 'payments.unreadable'}
# What a bug ends a process with: ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS. `up` starts it again.
CRASHES = {4, 5, 6, 7, 8, 11, 31}
# What of the roles' logs tells that the faults were felt.
FELT = ('up.ended', 'owner.lost', 'owner.not_proved', 'snapshot.written', 'snapshot.restored', 'snapshot.passed_over',
        'standby.follows', 'processor.stuck', 'kafka.away', 'api.database_away', 'projection.waiting')
SHOWN = 20
OPEN = {
    'orders': "SELECT order_id, status FROM shop.orders WHERE status NOT IN ('fulfilled', 'cancelled', 'refused')",
    'payments': 'SELECT order_id, status FROM shop.payments '
                "WHERE status IN ('initiated', 'refund_pending') OR refund_open_minor <> 0",
    'deliveries': 'SELECT order_id, status FROM shop.deliveries '
                  "WHERE status NOT IN ('completed', 'returned', 'lost', 'cancelled')",
}


class Verdict:
    def __init__(self):
        self.good = True

    def check(self, name, faults):
        """One check: what is wrong, if anything."""
        self.good = self.good and not faults
        print(f'FAILED  {name}' if faults else f'ok      {name}', flush=True)
        for fault in faults[:SHOWN]:
            kit.say(f'    {fault}')
        if len(faults) > SHOWN:
            kit.say(f'    and {len(faults) - SHOWN} more')


def waited(condition, what, patience_s):
    try:
        kit.wait_until(condition, what, patience_s)
        return []
    except (kit.NotYet, RuntimeError) as error:
        return [error]


def not_back(shop):
    return waited(shop.all_ready, 'all roles to be ready again', BACK_S)


def stuck(patience_s=REST_S):
    """Everybody has gone on to the end: the read models, and what they say is under way."""
    def over():
        for what, query in OPEN.items():
            rows = kit.sql(query)
            assert not rows, f'{len(rows)} {what} are not over: {rows[:3]}'
        return True
    return waited(over, 'all that was begun to be over', patience_s)


def lines_of(shop):
    """What the roles said, of all their lives: a log's name, the line, and what it holds."""
    for log in sorted(shop.log_dir.glob('*.log*')):
        for line in log.read_text('utf-8', 'replace').splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and 'code' in said:
                yield log.name, line, said


def stopped(shop):
    return [f'{name}: {line[:500]}' for name, line, said in lines_of(shop) if said['code'] in STOPPED]


def crashed(shop):
    return [f'{name}: {line[:500]}' for name, line, said in lines_of(shop)
            if said['code'] == 'up.ended' and said.get('signal') in CRASHES]


def felt(shop):
    counts = collections.Counter(said['code'] for _, _, said in lines_of(shop))
    return ', '.join(f'{code} {counts[code]}' for code in FELT if counts[code])


def audit(shop):
    done = subprocess.run([shop.binary, 'audit', 'verify', '--json', '--patience', '60s'], text=True,
                          env={**shop.env, **kit.profile_env()}, capture_output=True, timeout=AUDIT_S)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f'audit ended with {done.returncode}: {done.stdout}{done.stderr}') from None
    kit.say(f'audit: {json.dumps({key: value for key, value in report.items() if key != "list"})}')
    wanted = 1 if report['list'] else 0 if report['complete'] else 3
    assert done.returncode == wanted, f'audit ended with {done.returncode}'
    return report


def not_seen(report, orders):
    """An audit that compared nothing finds nothing."""
    wanted = {'orders': orders, 'charges': 1, 'rows': orders, 'snapshots': 1}
    return [f'the audit saw {report["checked"][name]} {name} of {least} or more'
            for name, least in wanted.items() if report['checked'][name] < least]


def anomalies(shop, orders):
    """A partition that went on while an audit read is not compared with its read models in that one
    (the sandbox repeats webhooks for a long while); it must be in one of them. orders: so many were
    delivered."""
    end, still = time.monotonic() + AUDITS_S, None
    try:
        while True:
            report = audit(shop)
            if report['list']:
                return report['list']
            passed_over = {note for note in report['notes'] if 'not compared' in note}
            if all('has gone on in' in note for note in passed_over):
                still = passed_over if still is None else still & passed_over
            if still is not None and not still:
                return not_seen(report, orders)
            if time.monotonic() > end:
                return sorted(passed_over if still is None else still)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return [error]


def books_differ(shop):
    """At rest the provider holds of each order what the shop says it does: by the read model, and
    without the audit's code."""
    kept, faults = collections.Counter(), []
    for reference, charges in shop.books().items():
        taken = [charge for charge in charges if charge['status'] == 'succeeded']
        kept[reference] = sum(charge['amount'] - charge['amountRefunded'] for charge in taken)
        if len(taken) > 1:
            faults.append(f'{reference} was charged {len(taken)} times')
    for order_id, captured, refunded in kit.sql(
            "SELECT order_id, captured_minor, refunded_minor FROM shop.payments WHERE method = 'card'"):
        says = int(captured) - int(refunded)
        if says != kept[order_id]:
            faults.append(f'{order_id}: the shop has {says}, the provider says {kept[order_id]}')
        kept.pop(order_id, None)
    return faults + [f'{reference}: nobody asked for a charge' for reference in kept]


def dead_letters():
    """Nothing that was sent here is beyond reading."""
    topics = [f'{role.removeprefix("processor-")}.dlq' for role in kit.ROLES if role.startswith('processor-')]
    return [f'{topic}: {letter}' for topic in topics for letter in kit.consume(topic)]
