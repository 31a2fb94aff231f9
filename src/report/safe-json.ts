/**
 * JSON that can be shown anywhere: no string in it decodes to a character that steers a terminal.
 * `JSON.stringify` escapes C0 only, and `jq -r` would take even those escapes back; so the values themselves are made safe.
 */
import { sanitise } from '../model/sanitise.ts';

/** Strings in results are sentences and filters (at most 4,000 characters, contract.md); anything longer came from outside. */
const MAX_STRING = 8_192;

// Plain ASCII without an escape needs no second look. A doubled backslash may match by accident; the second look is then harmless.
const SUSPECT = /\\[bfnrtu]|[^\u0020-\u007e]/;

/** One value on one line. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!SUSPECT.test(text)) return text;
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'string' ? sanitise(v, MAX_STRING) : v));
}

/** The same object with `keys` first, in that order; keys that are not named follow as they came. */
export function inOrder<T extends object>(value: T, keys: readonly (keyof T & string)[]): T {
  const ordered: Partial<T> = {};
  for (const key of keys) if (key in value) ordered[key] = value[key];
  return { ...ordered, ...value };
}
