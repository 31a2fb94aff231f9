/** `--anonymize`: the key by which addresses are mapped, made by chance or taken from whoever wants the same addresses again. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Command } from 'commander';
import { KEY_OCTETS } from '../engine/anonymize/key.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Flags } from './options.ts';
import { reason } from '../engine/new-file.ts';

export function anonymizeOptions(command: Command): Command {
  return command
    .option('--anonymize', 'with other addresses, and without payloads and names (docs/anonymize.md)')
    .option(
      '--anonymize-key <file>',
      'the same, with the same other addresses every time: a file that holds 64 hexadecimal digits or 32 octets, or the digits themselves',
    );
}

/** undefined: nobody asked for it. */
export async function anonymizeKey({ anonymize, anonymizeKey: word }: Flags): Promise<Uint8Array | undefined> {
  if (word !== undefined) return fromHex(word) ?? fromFile(word);
  return anonymize === true ? (await import('node:crypto')).randomBytes(KEY_OCTETS) : undefined;
}

const HEX = new RegExp(`^[\\da-f]{${String(2 * KEY_OCTETS)}}$`, 'i');
const fromHex = (word: string): Uint8Array | null => (HEX.test(word) ? Buffer.from(word, 'hex') : null);

/** Of a file that is larger, more than this is not read. */
const LARGEST = 2 * KEY_OCTETS + 2;

function fromFile(path: string): Uint8Array {
  const key = beginningOf(path);
  const digits = fromHex(key.toString('latin1').trimEnd());
  if (digits !== null || key.length === KEY_OCTETS) return digits ?? key;
  throw new UsageError(`"${sanitise(path)}" is no key: it holds neither 64 hexadecimal digits nor 32 octets.`, {
    hint: 'openssl rand -hex 32 > FILE makes one.',
  });
}

function beginningOf(path: string): Buffer {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(LARGEST);
      return bytes.subarray(0, readSync(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : reason(error as NodeJS.ErrnoException);
    throw new UsageError(`cannot read the key from "${sanitise(path, 200)}": ${why}.`, { cause: error });
  }
}
