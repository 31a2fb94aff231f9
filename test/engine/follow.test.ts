/** What both ends said, whatever the capture did to it: each octet once, in order, and what is lacking counted. */
import { expect, test } from 'vitest';
import { type CaptureSink, readStream } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { readConversation } from '../../src/engine/follow.ts';
import type { Conversation } from '../../src/engine/protocol.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { connectionRow } from './rows.ts';

const HANDSHAKE = `
+0    > S  0:0(0)
+.010 < S. 0:0(0) ack 1
+.010 > .  1:1(0) ack 1`;
const TEXT = { clientText: 'GET / HTTP/1.1\r\n\r\n', serverText: 'HTTP/1.1 200 OK\r\n\r\n' };

async function conversationOf(frames: readonly ScriptedFrame[], options: { skip?: number; payload?: boolean } = {}): Promise<Conversation> {
  const pass = new SecondPass((sink: CaptureSink) => readStream([pcapOf(frames)], sink), new AbortController().signal);
  const reader = { decoder: new Decoder(), payload: options.payload ?? true, connectionOf: () => -1 };
  return readConversation(pass, reader, connectionRow({ lastFrame: frames.length }), options.skip ?? 0);
}

/** `client #4 "GET …"`, `… (2 lacking)`. */
const told = ({ turns }: Conversation): string[] =>
  turns.map(
    ({ from, frame, missing, octets }) =>
      `${from} #${String(frame)}${missing > 0 ? ` after ${String(missing)} lacking` : ''}: ${JSON.stringify(String.fromCharCode(...octets))}`,
  );
const of = async (script: string): Promise<string[]> => told(await conversationOf(scriptFrames(HANDSHAKE + script, TEXT)));

test('a turn lasts until the other end speaks', async () => {
  expect(
    await of(`
+.01  > P. 1:5(4) ack 1
+.01  > P. 5:19(14) ack 1
+.01  < P. 1:20(19) ack 19
+.01  > .  19:19(0) ack 20`),
  ).toEqual(['client #4: "GET / HTTP/1.1\\r\\n\\r\\n"', 'server #6: "HTTP/1.1 200 OK\\r\\n\\r\\n"']);
});

test.each([
  ['sent again', '+.01 > P. 1:19(18) ack 1\n+.20 > P. 1:19(18) ack 1'],
  ['overlapping', '+.01 > P. 1:10(9) ack 1\n+.01 > P. 5:19(14) ack 1'],
  ['overtaken', '+.01 > P. 10:19(9) ack 1\n+.01 > P. 1:10(9) ack 1'],
  ['overtaken twice', '+.01 > P. 15:19(4) ack 1\n+.01 > P. 10:15(5) ack 1\n+.01 > P. 1:10(9) ack 1'],
  ['probed by a keepalive', '+.01 > P. 1:19(18) ack 1\n+5 > . 18:19(1) ack 1\n+.01 < . 1:1(0) ack 19'],
])('%s: each octet once', async (_what, script) => {
  const turns = await of(`\n${script}`);
  expect(turns.map((turn) => turn.replace(/#\d+/, ''))).toEqual(['client : "GET / HTTP/1.1\\r\\n\\r\\n"']);
});

test('what the capture lacks is counted, once the other end has acknowledged it', async () => {
  expect(
    await of(`
+.01  > P. 10:19(9) ack 1
+.01  < .  1:1(0) ack 19
+.01  < P. 1:20(19) ack 19`),
  ).toEqual(['client #4 after 9 lacking: "P/1.1\\r\\n\\r\\n"', 'server #6: "HTTP/1.1 200 OK\\r\\n\\r\\n"']);
});

test('so is what never comes before the end', async () => {
  expect(await of('\n+.01 > P. 10:19(9) ack 1')).toEqual(['client #4 after 9 lacking: "P/1.1\\r\\n\\r\\n"']);
});

test('the text of a RST is no data', async () => {
  expect(await of('\n+.01 > P. 1:5(4) ack 1\n+.01 < R. 1:9(8) ack 5')).toEqual(['client #4: "GET "']);
});

test('a capture that begins in the middle begins there', async () => {
  const frames = scriptFrames(`${HANDSHAKE}\n+.01 > P. 1:5(4) ack 1\n+.01 > P. 5:19(14) ack 1`, TEXT);
  expect(told(await conversationOf(frames.slice(4)))).toEqual(['client #1: "/ HTTP/1.1\\r\\n\\r\\n"']);
});

test('a window: what is before it is counted, and the next one goes on where it ends', async () => {
  const many = Array.from({ length: 500 }, (_, i) => `+.001 > P. ${String(1 + i * 1400)}:${String(1 + (i + 1) * 1400)}(1400) ack 1`).join(
    '\n',
  );
  const frames = scriptFrames(`${HANDSHAKE}\n${many}`, TEXT);
  const first = await conversationOf(frames);
  expect(first).toMatchObject({ skipped: 0, shown: 256 * 1024, more: true });
  const second = await conversationOf(frames, { skip: first.shown });
  expect(second).toMatchObject({ skipped: first.shown, shown: 256 * 1024, more: true });
  const third = await conversationOf(frames, { skip: 2 * first.shown });
  expect(third).toMatchObject({ shown: 500 * 1400 - 2 * first.shown, more: false });
  const all = [first, second, third].flatMap(({ turns }) => turns.map(({ octets }) => Buffer.from(octets).toString('latin1'))).join('');
  expect(all).toHaveLength(500 * 1400);
  expect(all.startsWith(TEXT.clientText)).toBe(true);
});

test('with --no-payload nothing is shown', async () => {
  await expect(conversationOf(scriptFrames(HANDSHAKE, TEXT), { payload: false })).rejects.toThrow('--no-payload');
});
