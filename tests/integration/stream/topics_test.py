"""`doorstep topics` on a real Kafka where somebody has given the topics other settings than it would.

Environment: DOORSTEP_BIN, KAFKA_ADMIN, KAFKA_BROKERS (dev/stack env --profile test). No role runs.
"""
import json
import os
import subprocess
import time
import unittest

PATIENCE_S = 90
CREATED = {
    'order.events': {'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '-1',
                     'retention.bytes': '-1', 'unclean.leader.election.enable': 'false'},
    'order.commands': {'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime',
                       'retention.ms': '1209600000', 'retention.bytes': '-1',
                       'unclean.leader.election.enable': 'false'},
    'order.snapshots': {'cleanup.policy': 'compact', 'message.timestamp.type': 'CreateTime',
                        'segment.bytes': '33554432', 'max.compaction.lag.ms': '86400000',
                        'unclean.leader.election.enable': 'false'},
}


def topics(verb):
    """Exit code, what it said, and its lines of settings as (level, topic, setting, is, must)."""
    done = subprocess.run([os.environ['DOORSTEP_BIN'], 'topics', verb], text=True, capture_output=True,
                          timeout=PATIENCE_S)
    said = done.stdout + done.stderr
    lines = [json.loads(line) for line in said.splitlines() if line.startswith('{')]
    return done.returncode, said, [(line['level'], line['topic'], line['setting'], line['is'], line['must'])
                                   for line in lines if line['code'] == 'topics.setting']


def configure(topic, **changes):
    settings = CREATED[topic] | {name.replace('_', '.'): value for name, value in changes.items()}
    subprocess.run([os.environ['KAFKA_ADMIN'], os.environ['KAFKA_BROKERS'], 'configure', topic,
                    *(f'{name}={value}' for name, value in settings.items())], check=True, timeout=PATIENCE_S)


def wait_told(verb, wanted):
    """The brokers hear of a change a moment after the controller has made it."""
    until = time.monotonic() + PATIENCE_S
    code, said, told = topics(verb)
    while told != wanted and time.monotonic() < until:
        time.sleep(0.1)
        code, said, told = topics(verb)
    assert told == wanted, said
    return code, said


class Topics(unittest.TestCase):
    def setUp(self):
        for topic in CREATED:
            self.addCleanup(configure, topic)
        topics('create')
        for topic in CREATED:
            configure(topic)
        wait_told('check', [])

    def check_refused(self, topic, setting, told, must):
        for verb in ('check', 'create'):
            code, said = wait_told(verb, [('error', topic, setting, told, must)])
            self.assertEqual(code, 1, said)
            self.assertIn(f'topic {topic}: {setting} is {told}, must be {must}', said)

    def test_as_they_were_created_they_pass(self):
        self.assertEqual(topics('check')[0], 0)
        self.assertEqual(topics('create')[0], 0)

    def test_events_that_are_deleted_after_a_week_do_not(self):
        configure('order.events', retention_ms='604800000')
        self.check_refused('order.events', 'retention.ms', '604800000', '-1')

    def test_events_that_are_deleted_by_size_do_not(self):
        configure('order.events', retention_bytes='1073741824')
        self.check_refused('order.events', 'retention.bytes', '1073741824', '-1')

    def test_events_that_are_compacted_do_not(self):
        configure('order.events', cleanup_policy='compact')
        self.check_refused('order.events', 'cleanup.policy', 'compact', 'delete')

    def test_commands_in_the_time_of_their_senders_do_not(self):
        configure('order.commands', message_timestamp_type='CreateTime')
        self.check_refused('order.commands', 'message.timestamp.type', 'CreateTime', 'LogAppendTime')

    def test_what_loses_nothing_is_a_warning(self):
        configure('order.snapshots', segment_bytes='1073741824', unclean_leader_election_enable='true')
        code, said = wait_told('check', [
            ('warn', 'order.snapshots', 'segment.bytes', '1073741824', 'at most 33554432'),
            ('warn', 'order.snapshots', 'unclean.leader.election.enable', 'true', 'false')])
        self.assertEqual(code, 0, said)


if __name__ == '__main__':
    unittest.main(verbosity=2)
