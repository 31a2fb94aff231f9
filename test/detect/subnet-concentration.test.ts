/** Who holds most of a service's connections, where that means something. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, handshake, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'subnet-concentration';

/** `ip` opens `count` connections. */
const opened = (count: number, ip: (i: number) => string, script = wholeConnection): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => script(i * 0.01),
    (i) => ({ clientIp: ip(i), clientPort: 20_000 + i }),
  );
/** Clients of a network each. */
const everywhere = (count: number): readonly ScriptedFrame[] => opened(count, (i) => `10.${1 + (i % 200)}.0.9`);
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(5)));

test.each(['reconnect_storm.pcap.gz', 'syn_flood_one_source.pcap', 'incident.pcap'])('not in %s', async (fixture) => {
  expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
});

describe('scripted', () => {
  test('one busy address among twenty: information, with the limit that spares the others', async () => {
    const [finding] = findingsOf(
      await diagnose(
        opened(100, () => '192.0.2.7'),
        everywhere(19),
      ),
      RULE,
    );
    expect(finding).toMatchObject({
      id: 'subnet-concentration/192.0.2.7@10.0.0.2:80',
      severity: 'info',
      atFault: null,
      count: 100,
      metrics: { ofConnections: 119, otherSources: 19, busiestOtherSource: 1 },
    });
    expect(finding!.remedies[0]!.command).toContain('ct count over 20');
  });

  test('it is a warning where its connections get nothing and those of the others do', async () => {
    const [finding] = findingsOf(
      await diagnose(
        opened(100, () => '192.0.2.7', handshake),
        everywhere(19),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'warning', atFault: '192.0.2.7' });
  });

  test('a whole /24, against clients elsewhere', async () => {
    const [finding] = findingsOf(
      await diagnose(
        opened(100, (i) => `192.0.2.${1 + (i % 50)}`),
        everywhere(19),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'info', subject: { subnet: '192.0.2.0/24' }, count: 100, metrics: { sources: 50 } });
  });

  test.each([
    ['fewer than twenty sources', [opened(100, () => '192.0.2.7'), everywhere(18)]],
    ['less than half', [opened(90, () => '192.0.2.7'), everywhere(100)]],
    ['few connections', [opened(60, () => '192.0.2.7'), everywhere(30)]],
    ['everybody lives there', [opened(200, (i) => `192.0.2.${1 + (i % 100)}`)]],
  ] as const)('%s', async (_, frames) => {
    expect(verdictOf(await diagnose(...frames), RULE).verdict).toBe('clear');
  });

  test('an address behind which several systems open connections and are served: a proxy', async () => {
    const windows = (at: number): string => wholeConnection(at).replaceAll('wscale 7', 'wscale 8');
    const proxy = [
      opened(50, () => '192.0.2.7'),
      connections(
        50,
        (i) => windows(1 + i * 0.01),
        (i) => ({ clientIp: '192.0.2.7', clientPort: 30_000 + i }),
      ),
    ];
    expect(verdictOf(await diagnose(...proxy, everywhere(30)), RULE).verdict).toBe('clear');
  });

  test('one direction alone says who, and not how it went', async () => {
    const frames = [
      ...sentBy(
        'client',
        opened(100, () => '192.0.2.7'),
      ),
      ...sentBy('client', everywhere(30)),
    ];
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toMatchObject([{ severity: 'info', count: 100 }]);
  });
});
