#!/usr/bin/env python3
"""Holds docs/reasons.md against the schemas and the processors, both ways, and each code against the tests.

A code has a line in the section of where it stands: `| `CODE` | ... |` under a heading that names the type and the field
or topic. Codes are the symbols of the reason enums of schemas/avsc, and the reasons of `command.rejected`, which are
words in the code of the processor (the host's own: in stream/decide.c).
"""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = 'docs/reasons.md'
PROCESSORS = ('order', 'payment', 'inventory', 'delivery', 'catalog')
# The enums that are reasons, and the section of the page each has.
ENUMS = {
    'CancelReason': '`order.cancelled`, `delivery.cancelled`: `reason`',
    'RefuseReason': '`order.refused`: `reason`',
    'FailReason': '`payment.failed`: `reason`',
    'OfferEnd': '`delivery.offer_ended`: `reason`',
    'UnassignReason': '`delivery.unassigned`: `reason`',
}
# The enums that are something else. One in neither list is an error: somebody has to say which it is.
OTHERS = {'ActorKind', 'PaymentMethod', 'CancelScope', 'CancelBy', 'Goods', 'FailNext', 'UpdateKind'}
HOST = 'Any processor: `command.rejected`'
HOST_WORDS = {'TOO_LARGE', 'NOTHING_TO_DO'}
INPUT = 'Any processor: `doorstep.input_rejected`'
INPUT_WORDS = {'EMPTY', 'UNDECODABLE', 'UNKNOWN_SCHEMA', 'TOO_LARGE', 'WRONG_PARTITION'}

WORD = re.compile(r'"([A-Z][A-Z_]{3,})"')
# A setting's name stands behind its flag: {"order-place-ttl", "ORDER_PLACE_TTL", ...
SETTING = re.compile(r'\{"[a-z-]+",\s*"[A-Z_]+"')
# The names of states, for `detail`.
STATE_NAMES = re.compile(r'^const char \*\w+_state_name\(.*?^}', re.MULTILINE | re.DOTALL)


def enums(node, found):
    if isinstance(node, dict):
        if node.get('type') == 'enum':
            found[node['name']] = set(node['symbols'])
        for value in node.values():
            enums(value, found)
    elif isinstance(node, list):
        for value in node:
            enums(value, found)


def text_of(folder, pattern):
    return '\n'.join(path.read_text() for path in sorted((ROOT / folder).rglob(pattern)))


def words_of(processor):
    text = text_of(f'processors/{processor}', '*.c')
    return set(WORD.findall(STATE_NAMES.sub('', SETTING.sub('', text))))


def sections():
    found, name = {}, None
    for line in (ROOT / PAGE).read_text().splitlines():
        if line.startswith('#'):
            name = line.lstrip('#').strip()
            found.setdefault(name, set())
        code = re.match(r'\| `([A-Z_]+)` \|', line)
        if code and name is None:
            sys.exit(f'{PAGE}: {code[1]} stands in no section')
        if code and code[1] in found[name]:
            sys.exit(f'{PAGE}, {name}: {code[1]} stands there twice')
        if code:
            found[name].add(code[1])
    return found


def wanted(problems):
    """Section -> (its codes, the folder of their tests)."""
    found = {}
    enums([json.loads(path.read_text()) for path in sorted((ROOT / 'schemas/avsc').glob('*.events.avsc'))], found)
    for name in sorted(set(found) - set(ENUMS) - OTHERS):
        problems.append(f'enum {name} is new: say in {Path(__file__).name} whether it is a reason')
    result = {}
    for name, section in ENUMS.items():
        result[section] = (found.get(name, set()), 'tests/unit')
    for processor in PROCESSORS:
        result[f'`{processor}.events`: `command.rejected`'] = (words_of(processor), f'tests/unit/processors/{processor}')
    host = set(WORD.findall(text_of('stream', 'decide.c') + text_of('stream', 'inputs.c')))
    for words, section in ((HOST_WORDS, HOST), (INPUT_WORDS, INPUT)):
        for word in sorted(words - host):
            problems.append(f'{word} is no word of stream any more')
        result[section] = (words, 'tests')
    return result


def main():
    problems = []
    page = sections()
    tests = {}
    for section, (codes, folder) in wanted(problems).items():
        lines = page.pop(section, set())
        for code in sorted(codes - lines):
            problems.append(f'{PAGE}, "{section}": no line for {code}')
        for code in sorted(lines - codes):
            problems.append(f'{PAGE}, "{section}": {code} is written by nothing')
        if folder not in tests:
            tests[folder] = text_of(folder, '*.[ch]')
        for code in sorted(codes):
            if not re.search(rf'(\b|_){code}\b', tests[folder]):
                problems.append(f'{code} ("{section}") is in no test of {folder}')
    for section, codes in page.items():
        if codes:
            problems.append(f'{PAGE}: nothing is known of the section "{section}"')
    print('\n'.join(problems))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
