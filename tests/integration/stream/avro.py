"""Commands as bytes, encoded from the schemas as they stand: for tests that have no api."""
import json
import pathlib
import secrets
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def _long(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Schema:
    """One .avsc. A value of a union of records is (name, fields); fields that are left out take
    their defaults, or are empty."""

    def __init__(self, topic):
        self.top = json.loads((ROOT / f'schemas/avsc/{topic}.avsc').read_text())
        self.named = {}
        golden = next((ROOT / 'tests/unit/schemas/golden').glob(f'{topic}.*.bin')).read_bytes()
        self.frame = golden[:10]  # single-object: c3 01 and the fingerprint
        self._collect(self.top, '')

    def _collect(self, schema, space):
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch, space)
        elif isinstance(schema, dict):
            space = schema.get('namespace', space)
            if 'name' in schema and schema['type'] in ('record', 'enum'):
                self.named[f'{space}.{schema["name"]}'] = self.named[schema['name']] = schema
            for field in schema.get('fields', []):
                self._collect(field['type'], space)
            self._collect(schema.get('items'), space)

    def _empty(self, schema):
        kind = schema['type'] if isinstance(schema, dict) else schema
        return {'string': '', 'bytes': b'', 'array': [], 'record': {}, 'boolean': False,
                'double': 0.0}.get(kind, 0)

    def _record(self, schema, value):
        out = b''
        for field in schema['fields']:
            name, kind = field['name'], field['type']
            if name in value:
                out += self._value(kind, value[name])
            elif 'default' in field or isinstance(kind, list):
                out += self._value(kind, field.get('default'))
            else:
                kind = self.named.get(kind, kind) if isinstance(kind, str) else kind
                out += self._value(kind, self._empty(kind))
        return out

    def _union(self, branches, value):
        names = [branch['name'] if isinstance(branch, dict) and 'name' in branch else branch
                 for branch in branches]
        if isinstance(value, tuple):
            index = names.index(value[0])
            return _long(index) + self._value(branches[index], value[1])
        index = names.index('null') if value is None else 1 - names.index('null')
        return _long(index) + self._value(branches[index], value)

    def _value(self, schema, value):
        if isinstance(schema, list):
            return self._union(schema, value)
        if isinstance(schema, str) and schema in self.named:
            schema = self.named[schema]
        kind = schema['type'] if isinstance(schema, dict) else schema
        if kind == 'record':
            return self._record(schema, value)
        if kind == 'enum':
            return _long(schema['symbols'].index(value) if isinstance(value, str) else value)
        if kind == 'array':
            items = b''.join(self._value(schema['items'], item) for item in value)
            return (_long(len(value)) + items if value else b'') + b'\0'
        if kind == 'string':
            return _long(len(value.encode())) + value.encode()
        if kind == 'bytes':
            return _long(len(value)) + value
        if kind == 'boolean':
            return b'\1' if value else b'\0'
        if kind == 'null':
            return b''
        return _long(value)

    def command(self, kind, body, actor='ADMIN'):
        """A command, framed, under an id of its own."""
        head = {'command_id': secrets.token_hex(13).upper(), 'correlation_id': 'test',
                'actor': {'kind': actor, 'id': 'test'}, 'sent_at': int(time.time() * 1e6)}
        return self.frame + self._value(self.top, {'head': head, 'body': (kind, body)})
