/** A filter's tree as a test of connections. */
import { inPrefix, type Endpoint, type Prefix } from '../address.ts';
import { resolveTime, type TimeArgument } from '../clock.ts';
import type { ConnectionView } from '../connection.ts';
import type { Field, RowFacts, Value } from './fields.ts';
import type { Comparison, Operand, Where } from './parse.ts';

export type ConnectionTest = (c: ConnectionView) => boolean;

export function matcher(where: Where, facts: RowFacts): ConnectionTest {
  switch (where.kind) {
    case 'and': {
      const tests = where.parts.map((part) => matcher(part, facts));
      return (c) => tests.every((test) => test(c));
    }
    case 'or': {
      const tests = where.parts.map((part) => matcher(part, facts));
      return (c) => tests.some((test) => test(c));
    }
    case 'not': {
      const test = matcher(where.part, facts);
      return (c) => !test(c);
    }
    case 'endpoint':
      return ({ client, server }) => isAt(client, where.endpoint) || isAt(server, where.endpoint);
    case 'field': {
      const fits = comparer(where.field, where.comparison, where.operand, facts);
      const fields = where.field.either ?? [where.field];
      return (c) => fields.some((field) => fits(field.read(c, facts)));
    }
  }
}

const isAt = ({ ip, port }: { readonly ip: string; readonly port: number }, endpoint: Endpoint): boolean =>
  port === endpoint.port && inPrefix(ip, endpoint.address);

function comparer({ type }: Field, comparison: Comparison, operand: Operand, { clock }: RowFacts): (value: Value) => boolean {
  if (operand === null) return (value) => value === null;
  switch (type.kind) {
    case 'number':
    case 'seconds':
      return ordered(comparison, operand as number);
    case 'time':
      return ordered(comparison, resolveTime(operand as TimeArgument, clock));
    case 'address':
      return (value) => typeof value === 'string' && inPrefix(value, operand as Prefix);
    case 'words':
    case 'yes-no':
      return (value) => value === operand;
    case 'text':
      return (value) => typeof value === 'string' && value.includes(operand as string);
    case 'name': {
      const part = (operand as string).toLowerCase();
      return (value) => typeof value === 'string' && value.toLowerCase().includes(part);
    }
    case 'tags':
      return listed((tag) => tag === operand || tag.startsWith(`${operand as string}:`));
    case 'finding':
      return listed((id) => id === operand || id.startsWith(`${operand as string}/`));
  }
}

const listed =
  (test: (one: string) => boolean) =>
  (value: Value): boolean =>
    Array.isArray(value) && (value as readonly string[]).some(test);

function ordered(comparison: Comparison, limit: number): (value: Value) => boolean {
  const against = (test: (n: number) => boolean) => (value: Value) => typeof value === 'number' && test(value);
  switch (comparison) {
    case ':':
      return against((n) => n === limit);
    case '<':
      return against((n) => n < limit);
    case '<=':
      return against((n) => n <= limit);
    case '>':
      return against((n) => n > limit);
    case '>=':
      return against((n) => n >= limit);
  }
}
