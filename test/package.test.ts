/** The package as a whole: versions, the lock file, and every rule complete. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DETECTORS } from '../src/detect/index.ts';
import { SEVERITIES } from '../src/model/finding.ts';
import { TOOL_NAME, TOOL_VERSION } from '../src/model/version.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const exists = (path: string): boolean => existsSync(new URL(`../${path}`, import.meta.url));

const manifest = JSON.parse(read('package.json')) as {
  name: string;
  version: string;
  bin: Record<string, string>;
  engines: { node: string };
  dependencies: Record<string, string>;
};

describe('the package', () => {
  test('has one name and one version', () => {
    expect([TOOL_NAME, TOOL_VERSION]).toEqual([manifest.name, manifest.version]);
  });

  test('locks the same version, and installs from whatever registry the user has', () => {
    const lock = read('package-lock.json');
    const { version } = JSON.parse(lock) as { version: string };
    expect(version).toBe(manifest.version);
    expect(lock).not.toMatch(/"resolved"\s*:\s*"https?:/);
  });

  test('is free to use: every package that comes with it says its licence', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { license?: string; dev?: boolean }> };
    const shipped = Object.entries(packages).filter(([path, p]) => path !== '' && p.dev !== true);
    expect(
      shipped
        .filter(([, p]) => !/^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|\(MIT OR CC0-1\.0\)|MIT AND BSD-3-Clause)$/.test(p.license ?? ''))
        .map(([path]) => path),
    ).toEqual([]);
  });
});

describe('what is needed at run time', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { dev?: boolean; hasInstallScript?: boolean; integrity?: string }>;
  };
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);

  test('is justified, each package, in the threat model', () => {
    const page = read('docs/threat-model.md');
    const rows = page.split('\n').filter((line) => line.startsWith('|'));
    expect(Object.keys(manifest.dependencies).filter((name) => !rows.some((row) => row.split('|')[1]!.includes(`\`${name}\``)))).toEqual(
      [],
    );
    expect(page).toContain(`there are ${shipped.length} packages`);
  });

  test('is pinned by hash and runs nothing when it is installed', () => {
    expect(shipped.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path)).toEqual([]);
    expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([]);
  });
});

const fixtures = readdirSync(new URL('../fixtures/', import.meta.url));

describe('the rules', () => {
  test('have ids of their own, in kebab-case', () => {
    const ids = DETECTORS.map((d) => d.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  });

  describe.each(DETECTORS.map((d) => [d.id, d] as const))('%s', (id, rule) => {
    test('stands in a file of its name', () => {
      expect(exists(`src/detect/${id}.ts`)).toBe(true);
    });

    test('is documented in complete sentences', () => {
      const { references, ...texts } = rule.docs;
      expect(SEVERITIES).toContain(rule.severity);
      expect(rule.title).not.toBe('');
      for (const [part, text] of Object.entries(texts)) expect(text.trim(), part).toMatch(/^(?:[A-Z0-9"'`(]|\w+\(\))[\s\S]{15,}[.)]$/);
      expect(references.length).toBeGreaterThan(0);
    });

    test('says of every threshold what it is, with the unit in its name where it has one', () => {
      for (const [name, parameter] of Object.entries(rule.params)) {
        expect(name).toMatch(/^[a-z][A-Za-z0-9]*$/);
        expect(parameter.text.length, name).toBeGreaterThan(10);
        expect(Number.isFinite(parameter.default), name).toBe(true);
      }
    });

    test('has tests, one of them on a capture of a real kernel', () => {
      expect(exists(`test/detect/${id}.test.ts`)).toBe(true);
      const text = read(`test/detect/${id}.test.ts`);
      expect(fixtures.filter((name) => name.includes('.pcap') && text.includes(name))).not.toEqual([]);
    });
  });
});

describe('fixtures', () => {
  test('are listed in their README, and stay small', () => {
    const readme = read('fixtures/README.md');
    const captures = fixtures.filter((name) => name.includes('.pcap'));
    expect(captures.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
    const sizes = fixtures.map((name) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url)).length);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(5 * 1024 * 1024);
  });
});
