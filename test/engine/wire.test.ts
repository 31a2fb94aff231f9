import { describe, expect, test } from 'vitest';
import { fromWire, toWire } from '../../src/engine/wire.ts';
import { OutputError, TcpdiagError, UnknownFormatError, UnreadableError, UsageError } from '../../src/model/errors.ts';

const across = (error: unknown): Error => fromWire(structuredClone(toWire(error)));

describe('an error that crosses a thread', () => {
  test.each([TcpdiagError, UnreadableError, UnknownFormatError, UsageError, OutputError])('%o stays what it is', (type) => {
    const error = across(new type('no such file', { hint: 'Look elsewhere.', cause: new Error('ENOENT') }));
    expect(error).toBeInstanceOf(type);
    expect(error.constructor).toBe(type);
    expect(error).toMatchObject({ name: type.name, message: 'no such file', hint: 'Look elsewhere.', exitCode: 2 });
  });

  test('a hint that is not there stays away', () => expect(across(new UsageError('no')).constructor).toBe(UsageError));

  test('a fault of the program keeps its name and the place where it happened', () => {
    const fault = new RangeError('offset is outside the bounds');
    const error = across(fault);
    expect(error).not.toBeInstanceOf(TcpdiagError);
    expect(error).toMatchObject({ name: 'RangeError', message: fault.message, stack: fault.stack });
  });

  test('whatever else was thrown becomes an error', () => expect(across('boom')).toMatchObject({ message: 'boom' }));
});
