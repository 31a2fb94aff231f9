/**
 * What a configuration may hold, as JSON Schema (draft-07): the same object is published for editors as docs/schema/config.schema.json
 * and checked against here, so the two cannot differ. Whether rules, addresses and kernels exist is asked later (config.ts).
 */
import { didYouMean } from '../model/nearest.ts';
import { HOST_ROLES } from '../model/names.ts';
import { SEVERITIES } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';

/** The part of JSON Schema that a configuration needs. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'number' | 'boolean';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Of keys that `properties` does not name; false: there are none. */
  readonly additionalProperties?: Schema | false;
}

/** Longer is no name. */
const MAX_NAME = 100;
const NAME: Schema = { type: 'string', minLength: 1, maxLength: MAX_NAME };
const RULES: Schema = { type: 'array', items: { type: 'string', minLength: 1, description: 'The id of a rule.' } };

export const CONFIG_SCHEMA: Schema = {
  type: 'object',
  description: 'Configuration of tcpdiag: tcpdiag.config.json in the working directory, or the file that --config names.',
  properties: {
    $schema: { type: 'string', description: 'Where this schema is, for editors.' },
    only: { ...RULES, description: 'Report only these rules, as --only does. The command line counts before it.' },
    skip: { ...RULES, description: 'Leave these rules out, as --skip does. The command line counts before it.' },
    set: {
      type: 'object',
      description: 'Thresholds, as --set RULE.PARAM=VALUE does: { "close-wait-stuck.minSeconds": 30 }. tcpdiag rules lists them.',
      additionalProperties: { type: 'number', minimum: 0 },
    },
    profile: {
      type: 'string',
      minLength: 1,
      description: 'The kernel of the hosts, as --profile does: "windows", or "10.0.0.0/8=windows,linux".',
    },
    failOn: { type: 'string', enum: SEVERITIES, description: 'Exit with 1 when a finding is at least this severe, as --fail-on does.' },
    maxMemory: {
      type: 'string',
      minLength: 1,
      description: 'Fold connections into counts rather than take more memory than this, as --max-memory does: "512M", "2G".',
    },
    rules: {
      type: 'array',
      description:
        'Files with rules of your own, relative to this file, as --rules does. They are code, so they are loaded only of a file that --config names.',
      items: { type: 'string', minLength: 1 },
    },
    hosts: {
      type: 'object',
      description: 'What hosts are called and what they are, by address or prefix; of several prefixes the longest counts.',
      additionalProperties: {
        type: 'object',
        properties: {
          name: { ...NAME, description: 'Printed beside the address.' },
          role: {
            type: 'string',
            enum: HOST_ROLES,
            description:
              'proxy, balancer, nat: many clients stand behind it. health-checker: it opens connections to see whether it can. monitor: it looks at many ports or hosts, too. scanner: a scanner of your own.',
          },
        },
        additionalProperties: false,
      },
    },
    services: {
      type: 'object',
      description: 'What services are called, by "address:port" ("[2001:db8::1]:443") or by port.',
      additionalProperties: NAME,
    },
    tui: {
      type: 'object',
      description: 'The screen of tcpdiag CAPTURE on a terminal.',
      properties: {
        off: {
          type: 'boolean',
          description: 'The text report also on a terminal, as --no-tui: one line after the other, for screen readers.',
        },
        ascii: { type: 'boolean', description: 'Draw nothing but ASCII, as --ascii.' },
        mouse: { type: 'boolean', description: 'false leaves wheel and clicks to the terminal, as --no-mouse.' },
        keys: {
          type: 'object',
          description: 'Other keys for a command of docs/tui.md, instead of its own: { "down": ["j", "ctrl-n"] }.',
          additionalProperties: { type: 'array', items: { type: 'string', minLength: 1, maxLength: MAX_NAME } },
        },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

export interface Mistake {
  /** `hosts["10.0.0.5"].role`; empty: the whole. */
  readonly key: string;
  /** A clause that goes on after the key: `is a text, not a number`. */
  readonly problem: string;
}

/** The first mistake in `value`; null: there is none. */
export function mistakeIn(value: unknown, schema: Schema, key = ''): Mistake | null {
  const wrong = (problem: string): Mistake => ({ key, problem });
  if (typeOf(value) !== schema.type) return wrong(`must be ${WORDS[schema.type]}, not ${inWords(value)}`);
  switch (schema.type) {
    case 'string': {
      const text = value as string;
      if (schema.enum?.includes(text) === false)
        return wrong(`must be one of ${schema.enum.join(', ')}, not ${inWords(text)}${didYouMean(text, schema.enum)}`);
      if (text.length < (schema.minLength ?? 0)) return wrong('must not be empty');
      return text.length > (schema.maxLength ?? Infinity) ? wrong(`has more than ${String(schema.maxLength)} characters`) : null;
    }
    case 'number':
      return (value as number) < (schema.minimum ?? -Infinity)
        ? wrong(`must be at least ${String(schema.minimum)}, not ${inWords(value)}`)
        : null;
    case 'boolean':
      return null;
    case 'array': {
      const { items } = schema;
      if (items === undefined) return null;
      return firstOf(value as unknown[], (item, i) => mistakeIn(item, items, `${key}[${String(i)}]`));
    }
    case 'object':
      return firstOf(Object.entries(value as object), ([name, inner]: readonly [string, unknown]) => inObject(schema, key, name, inner));
  }
}

function inObject({ properties = {}, additionalProperties }: Schema, key: string, name: string, inner: unknown): Mistake | null {
  const path = keyPath(key, name);
  const schema = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
  if (schema === undefined) return null;
  if (schema !== false) return mistakeIn(inner, schema, path);
  const near = didYouMean(name, Object.keys(properties));
  return { key: path, problem: `is not known${near === '' ? `; there are ${Object.keys(properties).join(', ')}` : near}` };
}

function firstOf<T>(list: readonly T[], look: (one: T, index: number) => Mistake | null): Mistake | null {
  for (const [i, one] of list.entries()) {
    const mistake = look(one, i);
    if (mistake !== null) return mistake;
  }
  return null;
}

/** As JavaScript would write it. */
export const keyPath = (key: string, name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? (key === '' ? name : `${key}.${name}`) : `${key}["${sanitise(name, 100)}"]`;

const WORDS = { object: 'an object', array: 'a list', string: 'a text', number: 'a number', boolean: 'true or false' } as const;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function inWords(value: unknown): string {
  if (typeof value === 'string') return `"${sanitise(value, 60)}"`;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? WORDS.array : WORDS.object;
}
