/** Where each end last began to speak: the frame from which what it said is read. */
import { expect, test } from 'vitest';
import { trackedCapture } from '../support/tracked.ts';
import { scriptCapture } from '../support/script.ts';

const OPEN = `
  +0    > S  0:0(0)
  +.010 < S. 0:0(0) ack 1
  +.010 > .  1:1(0) ack 1`;

// Frames count from 1: the handshake is 1 to 3.
test.each<[string, string, number | null, number | null]>([
  ['nobody speaks', '', null, null],
  ['the server greets', '+.010 < P. 1:11(10) ack 1', null, 4],
  ['a request of two segments', '+.010 > . 1:1461(1460) ack 1\n+0 > P. 1461:1500(39) ack 1', 4, null],
  ['a request and its answer', '+.010 > P. 1:11(10) ack 1\n+.010 < P. 1:501(500) ack 11\n+.010 > . 11:11(0) ack 501', 4, 5],
  ['a second request', '+.010 > P. 1:11(10) ack 1\n+.010 < P. 1:501(500) ack 11\n+1 > P. 11:21(10) ack 501', 6, 5],
  [
    'a request that is sent again after its answer begins no turn',
    '+.010 > P. 1:11(10) ack 1\n+.010 < P. 1:501(500) ack 11\n+.2 > P. 1:11(10) ack 1',
    4,
    5,
  ],
])('%s', async (_name, script, client, server) => {
  const [connection] = await trackedCapture(scriptCapture(`${OPEN}\n${script}`));
  expect([connection?.client.lastTurnFrame, connection?.server.lastTurnFrame]).toEqual([client, server]);
});

test('a SYN alone has no turn', async () => {
  const [connection] = await trackedCapture(scriptCapture('+0 > S 0:0(0)'));
  expect(connection?.client.lastTurnFrame).toBeNull();
});
