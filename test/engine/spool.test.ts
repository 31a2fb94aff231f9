import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Spool } from '../../src/engine/spool.ts';

const folder = mkdtempSync(join(tmpdir(), 'spool-test-'));
const left = (): string[] => readdirSync(folder);
beforeAll(() => vi.stubEnv('TMPDIR', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('the copy of standard input', () => {
  test('gives back what was written, also while more is being written', () => {
    const spool = new Spool();
    spool.write(Uint8Array.of(1, 2, 3));
    expect([...readFileSync(spool.path!)]).toEqual([1, 2, 3]);
    spool.write(Uint8Array.of(4));
    expect([...readFileSync(spool.path!)]).toEqual([1, 2, 3, 4]);
    expect([...readFileSync(spool.path!)]).toEqual([1, 2, 3, 4]);
    spool.close();
  });

  test('may be read by its owner only, and leaves nothing behind', () => {
    const spool = new Spool();
    spool.write(Uint8Array.of(1));
    expect(statSync(spool.path!).mode & 0o777).toBe(0o600);
    // Linux: there is no name from the first moment, so that not even SIGKILL can leave one.
    if (process.platform === 'linux') expect(left()).toEqual([]);
    spool.close();
    expect(left()).toEqual([]);
    expect(spool.path).toBeNull();
  });

  test('a stream above the limit is given up, with the reason', () => {
    const spool = new Spool(4);
    spool.write(Uint8Array.of(1, 2, 3, 4));
    expect(spool.lost).toBeNull();
    spool.write(Uint8Array.of(5));
    expect(spool.path).toBeNull();
    expect(spool.lost).toMatch(/too long to go back to/);
    spool.write(Uint8Array.of(6)); // and whatever follows is ignored
    spool.close();
  });

  test('nothing is made before the first byte', () => {
    const spool = new Spool();
    expect([spool.path, spool.lost, left()]).toEqual([null, null, []]);
    spool.close();
  });
});

describe('its SHA-256', () => {
  const sum = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // of `abc`, FIPS 180-2 B.1
  const written = (spool: Spool): Spool => {
    for (const c of 'abc') spool.write(new TextEncoder().encode(c));
    return spool;
  };

  test('is that of the whole stream, also of one that is too long to be kept', () => {
    for (const limit of [100, 1]) {
      const spool = written(new Spool(limit, createHash));
      expect(spool.sha256).toBeNull(); // more may come
      spool.end();
      expect(spool.sha256).toBe(sum);
      spool.close();
    }
  });

  test('is not made where nobody asks', () => {
    const spool = written(new Spool());
    spool.end();
    expect(spool.sha256).toBeNull();
    spool.close();
  });
});
