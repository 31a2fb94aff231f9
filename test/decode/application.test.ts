/**
 * What was said, from octets as the protocols' own documents lay them out. Every expected line is what a person at the wire would say of
 * it; no secret may be among them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describe as describeSpeech,
  KEPT_HEAD,
  KEPT_TAIL,
  type Said,
  serverName,
  type Speech,
} from '../../src/decode/application/index.ts';
import { dnsAnswer } from '../../src/decode/application/dns-answer.ts';
import { bytesOf, concat, text } from '../support/frames.ts';

const speech = (octets: Uint8Array, from: Partial<Speech> = {}): Speech => ({
  head: octets.subarray(0, KEPT_HEAD),
  tail: octets.subarray(Math.max(0, octets.length - KEPT_TAIL)),
  length: octets.length,
  fromServer: false,
  port: 9999,
  ...from,
});
const said = (octets: Uint8Array | string, from: Partial<Speech> = {}, known: string | null = null): string => {
  const { protocol, text: line } = describeSpeech(speech(typeof octets === 'string' ? text(octets) : octets, from), known);
  return `${protocol}: ${line}`;
};

const u16 = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n & 255);
const u32 = (n: number): Uint8Array => concat(u16(n >>> 16), u16(n & 0xffff));

describe('HTTP', () => {
  test.each([
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /'],
    ['POST /orders/17?page=2&user=ann HTTP/1.1\r\n', 'POST /orders/17?page=…&user=…'],
    ['GET http://bob:hunter2@shop.example/cart HTTP/1.1\r\n', 'GET http://shop.example/cart'],
    ['CONNECT shop.example:443 HTTP/1.1\r\n', 'CONNECT shop.example:443'],
    ['OPTIONS * HTTP/1.1\r\n', 'OPTIONS *'],
    ['GET /reset/9f86d081884c7d659a2feaa0c55ad015 HTTP/1.1\r\n', 'GET /reset/…'],
    ['GET /static/main.4f2a9c81d3e5b7a6.js HTTP/1.1\r\n', 'GET /static/main.4f2a9c81d3e5b7a6.js'],
    ['GET /a#top HTTP/1.1\r\n', 'GET /a'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/2 preface'],
    ['HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n', 'HTTP/1.1 503 Service Unavailable'],
    ['HTTP/1.0 204\r\n\r\n', 'HTTP/1.0 204'],
    ['HTTP/1.1 200 O', 'HTTP/1.1 200'],
    ['GET /search?q=some', 'GET /search?q=…'],
    ['GET /searc', 'GET /searc…'],
  ])('%j', (octets, line) => expect(said(octets)).toBe(`HTTP: ${line}`));

  test('a header is never shown', () => {
    expect(said('GET / HTTP/1.1\r\nAuthorization: Basic Ym9iOmh1bnRlcjI=\r\nCookie: id=secret\r\n\r\n')).toBe('HTTP: GET /');
  });

  test('a GET without a path is of another protocol', () => expect(said('GET session:17\r\n')).toBe('text: GET session:17'));
});

const packet = (sequence: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...parts);
  return concat(Uint8Array.of(body.length & 255, (body.length >>> 8) & 255, body.length >>> 16, sequence), body);
};
const query = (sql: string): Uint8Array => packet(0, Uint8Array.of(3), text(sql));
/** SERVER_STATUS_AUTOCOMMIT 2, SERVER_STATUS_IN_TRANS 1; dev.mysql.com, OK_Packet and EOF_Packet. */
const ok = (status: number, sequence = 1): Uint8Array => packet(sequence, bytesOf('00 00 00'), Uint8Array.of(status, 0), u16(0));
const rows = (status: number): Uint8Array =>
  concat(
    packet(1, Uint8Array.of(1)),
    packet(2, text('a column')),
    packet(3, text('\u0005value')),
    packet(4, bytesOf('fe 0000'), Uint8Array.of(status, 0)),
  );

describe('MySQL', () => {
  const client = { port: 3306 };
  const server = { port: 3306, fromServer: true };

  test.each([
    [query('SELECT name FROM users WHERE id=17'), 'SELECT name FROM users WHERE id=?'],
    [
      query("UPDATE users SET password='hunter2', note=\"it's \\\"mine\\\"\" WHERE name = 'O\\'Brien'"),
      'UPDATE users SET password=?, note=? WHERE name = ?',
    ],
    [query('/* trace=00-4bf92f */ SELECT 1 -- why\nFROM dual'), 'SELECT ? FROM dual'],
    [query('INSERT INTO t (a, b) VALUES (1, 2), (3, 4), (5, 6);'), 'INSERT INTO t (a, b) VALUES (?, …), …'],
    [packet(0, bytesOf('03 00 01'), text('BEGIN')), 'BEGIN'],
    [packet(0, Uint8Array.of(0x16), text('SELECT a FROM b WHERE c = ?')), 'prepare SELECT a FROM b WHERE c = ?'],
    [packet(0, Uint8Array.of(1)), 'quit'],
    [packet(0, Uint8Array.of(0x0e)), 'ping'],
    [packet(0, Uint8Array.of(0x17), bytesOf('01000000 00 01000000')), 'execute a prepared statement'],
    [packet(1, bytesOf('85a67f00'), text('root\0secret')), 'login'],
  ])('a command', (octets, line) => expect(said(octets, client)).toBe(`MySQL: ${line}`));

  test('on any port, where it is a statement', () => expect(said(query('BEGIN'))).toBe('MySQL: BEGIN'));

  test.each([
    [packet(0, bytesOf('0a'), text('8.0.36\0'), new Uint8Array(40)), 'greeting, version 8.0.36'],
    [ok(2), 'OK'],
    [ok(3), 'OK, in a transaction'],
    [rows(2), 'result set'],
    [rows(3), 'result set, in a transaction'],
    [packet(1, bytesOf('ff 1504'), text('#28000Access denied')), 'error 1045 (28000)'],
  ])('an answer', (octets, line) => expect(said(octets, server)).toBe(`MySQL: ${line}`));

  test.each(['ping\n', 'pong of more than a line\n'])('%j on its port is of another protocol', (octets) => {
    expect(said(octets, client)).toMatch(/^text: /);
    expect(said(octets, server)).toMatch(/^text: /);
  });

  test('an answer on another port is understood where the question was', () => {
    expect(said(ok(3), { fromServer: true }, 'MySQL')).toBe('MySQL: OK, in a transaction');
    expect(said(ok(3), { fromServer: true })).toMatch(/^binary: /);
  });

  test('a long statement shows its beginning, and the lock at its end', () => {
    const columns = Array.from({ length: 90 }, (_, i) => `column_${String(i)}`).join(', ');
    const line = said(query(`SELECT ${columns} FROM orders WHERE id = 'secret' FOR UPDATE`), client);
    expect(line).toMatch(/^MySQL: SELECT column_0, column_1,.* … FOR UPDATE$/);
    expect(line.length).toBeLessThan(180);
  });

  test('a string that the capture cut is no less a string', () => {
    const octets = query(`UPDATE users SET password = '${'hunter2'.repeat(200)}'`);
    expect(said(octets, client)).toBe('MySQL: UPDATE users SET password = ? …');
  });
});

const letter = (name: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...parts);
  return concat(text(name), u32(body.length + 4), body);
};
const z = (status: string): Uint8Array => letter('Z', text(status));

describe('PostgreSQL', () => {
  const client = { port: 5432 };
  const server = { port: 5432, fromServer: true };
  const parse = (sql: string): Uint8Array => letter('P', text(`\0${sql}\0`), u16(0));
  const bind = (name = ''): Uint8Array => letter('B', text(`\0${name}\0`), u16(0), u16(0), u16(0));

  test.each([
    [letter('Q', text('SELECT * FROM orders WHERE id = 5 FOR UPDATE\0')), 'SELECT * FROM orders WHERE id = ? FOR UPDATE'],
    [letter('Q', text("ALTER ROLE bob PASSWORD 'hun\\' -- ter2'\0")), 'ALTER ROLE bob PASSWORD ?'],
    [letter('Q', text('DO $x$ secret $x$; SELECT "Name", $1 FROM t\0')), 'DO ?; SELECT "Name", $1 FROM t'],
    [
      concat(
        parse('BEGIN'),
        bind(),
        letter('E', text('\0'), u32(0)),
        parse('SELECT a FROM b WHERE c = $1 FOR UPDATE'),
        bind(),
        letter('S'),
      ),
      'BEGIN; SELECT a FROM b WHERE c = $1 FOR UPDATE',
    ],
    [concat(bind('S_3'), letter('S')), 'execute prepared statement S_3'],
    [letter('p', text('md5secret\0')), 'login'],
    [letter('X'), 'terminate'],
    [concat(u32(8), u32(80_877_103)), 'TLS request'],
    [concat(u32(20), u32(196_608), text('user\0bob\0\0\0')), 'startup'],
  ])('a message', (octets, line) => expect(said(octets, client)).toBe(`PostgreSQL: ${line}`));

  test.each([
    [concat(letter('C', text('BEGIN\0')), z('T')), 'BEGIN, in a transaction'],
    [concat(letter('T', u16(0)), letter('D', u16(0)), letter('C', text('SELECT 1\0')), z('I')), 'SELECT 1'],
    [concat(letter('E', text('SERROR\0C40P01\0Mdeadlock detected\0\0')), z('E')), 'error 40P01, in a failed transaction'],
    [letter('R', u32(3)), 'authentication'],
    [text('N'), 'refuses TLS'],
  ])('an answer', (octets, line) => expect(said(octets, server)).toBe(`PostgreSQL: ${line}`));
});

describe('Redis', () => {
  const resp = (...words: readonly string[]): string =>
    `*${String(words.length)}\r\n${words.map((w) => `$${String(w.length)}\r\n${w}\r\n`).join('')}`;

  test.each([
    [resp('PING'), 'PING'],
    [resp('GET', 'session:17'), 'GET session:17'],
    [resp('SET', 'session:17', 'a secret'), 'SET session:17 …'],
    [resp('blpop', 'jobs', '0'), 'BLPOP jobs …'],
    [resp('AUTH', 'default', 'hunter2'), 'AUTH …'],
    [resp('HELLO', '3', 'AUTH', 'default', 'hunter2'), 'HELLO …'],
    [resp('CONFIG', 'SET', 'requirepass', 'hunter2'), 'CONFIG SET …'],
  ])('%j', (octets, line) => expect(said(octets)).toBe(`Redis: ${line}`));

  test.each([
    ['+OK\r\n', 'OK'],
    ['-WRONGPASS invalid username\r\n', 'error WRONGPASS'],
    [':17\r\n', 'an integer'],
    ['$-1\r\n', 'nil'],
    ['$6\r\nsecret\r\n', 'a value'],
    ['*3\r\n:1\r\n', '3 elements'],
  ])('the answer %j', (octets, line) => expect(said(octets, { fromServer: true }, 'Redis')).toBe(`Redis: ${line}`));

  test('inline commands on its port', () => {
    expect(said('SET k v\r\n', { port: 6379 })).toBe('Redis: SET k …');
    expect(said('AUTH hunter2\r\n', { port: 6379 })).toBe('Redis: AUTH …');
  });
});

/** RFC 8446 §4.1.2 with the extensions given. */
const clientHello = (extensions: Uint8Array): Uint8Array => {
  const body = concat(bytesOf('0303'), new Uint8Array(32), bytesOf('00 0002 1301 01 00'), u16(extensions.length), extensions);
  const message = concat(Uint8Array.of(1, 0), u16(body.length), body);
  return concat(bytesOf('16 0301'), u16(message.length), message);
};
const sni = (name: string): Uint8Array =>
  concat(u16(0), u16(name.length + 5), u16(name.length + 3), Uint8Array.of(0), u16(name.length), text(name));
const grease = bytesOf('0a0a 0002 0000');

describe('TLS', () => {
  test.each([
    [bytesOf('170303 0010 00112233445566778899aabbccddeeff'), 'application data'],
    [bytesOf('150303 0002 02 28'), 'alert handshake_failure'],
    [bytesOf('150303 001a 0000'), 'alert, encrypted'],
    [bytesOf('140303 0001 01'), 'ChangeCipherSpec'],
    [bytesOf('160303 0040 02 00003c'), 'ServerHello'],
    [bytesOf('160303 0040 a7 00003c'), 'handshake'],
    [clientHello(concat(grease, sni('Shop.example'))), 'ClientHello, SNI shop.example'],
    [clientHello(grease), 'ClientHello'],
  ])('a record', (octets, line) => expect(said(octets)).toBe(`TLS: ${line}`));

  test('a server name that is none is not taken for one', () => {
    expect(serverName(clientHello(sni('evil\u001b[2J')))).toBeNull();
    expect(serverName(clientHello(sni('a..b c')))).toBeNull();
    expect(serverName(clientHello(sni('shop.example')).subarray(0, 60))).toBeNull();
  });
});

test('SSH shows its banner, then nothing', () => {
  expect(said('SSH-2.0-OpenSSH_9.6p1 Ubuntu-3\r\n', { port: 22, fromServer: true })).toBe('SSH: SSH-2.0-OpenSSH_9.6p1');
  expect(said(bytesOf('0000002c 0a 14'), { port: 22 })).toBe('SSH: packet, encrypted');
  expect(said('no SSH at all\n', { port: 22 })).toBe('text: no SSH at all');
});

test('DNS over TCP', () => {
  const message = (flags: number): Uint8Array => {
    const body = concat(
      u16(7),
      u16(flags),
      u16(1),
      u16(0),
      u16(0),
      u16(0),
      bytesOf('07'),
      text('Example'),
      bytesOf('03'),
      text('org'),
      bytesOf('00 001c 0001'),
    );
    return concat(u16(body.length), body);
  };
  expect(said(message(0x0100), { port: 53 })).toBe('DNS: AAAA example.org');
  expect(said(message(0x8183), { port: 53, fromServer: true })).toBe('DNS: AAAA example.org: no such name');
});

describe('text without a reader', () => {
  test.each([
    ['hello world\r\nand more', 'hello world'],
    ['220 mail.example ESMTP\r\n', '220 mail.example ESMTP'],
    ['PASS hunter2\r\n', 'PASS …'],
    ['a1 LOGIN bob hunter2\r\n', 'a1 LOGIN …'],
    ['AUTH PLAIN AGJvYgBodW50ZXIy\r\n', 'AUTH …'],
    ['{"user":"bob","password":"hunter2"}', '{"user":"bob","password":…'],
    ['user=bob&api_key=abc', 'user=bob&api_key=…'],
    ['amqp://bob:hunter2@mq.example/', 'amqp://…'],
    ['Authorization: Bearer abc', 'Authorization:…'],
    ['grüße\n', 'grüße'],
    [`${'x'.repeat(100)}\n`, `${'x'.repeat(80)}…`],
  ])('%j', (octets, line) => expect(said(octets)).toBe(`text: ${line}`));

  test('anything else is octets', () => {
    expect(said(bytesOf('00 01 02 ff'))).toBe('binary: 4 octets: 00 01 02 ff');
    expect(said(text('x'))).toBe('binary: 1 octet: 78');
  });

  test('what the capture cut off is said to be missing', () => {
    expect(said(new Uint8Array(0), { length: 1448, port: 3306 })).toBe('cut: none of 1,448 octets captured');
  });

  test('what steers a terminal is shown, not sent', () => {
    expect(said('GET /\u0085\u202e HTTP/1.1\r\n')).not.toMatch(/[\u0080-\u009f\u202e]/);
  });
});

describe('any octets', () => {
  const ports = fc.constantFrom(22, 53, 80, 443, 3306, 5432, 6379, 9999);
  const protocols = fc.constantFrom(null, 'TLS', 'HTTP', 'SSH', 'PostgreSQL', 'MySQL', 'Redis', 'DNS', 'text');
  const samples: readonly Uint8Array[] = [
    query("SELECT 'a' FOR UPDATE"),
    rows(3),
    letter('Q', text('BEGIN\0')),
    concat(letter('C', text('BEGIN\0')), z('T')),
    clientHello(sni('shop.example')),
    text('*2\r\n$3\r\nGET\r\n$1\r\nk\r\n'),
    text('GET /?a=b HTTP/1.1\r\n'),
  ];
  /** Noise, and messages of which some octets are changed and the end is cut. */
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([sample, cut, changes]) => {
        const copy = sample.slice(0, 1 + (cut % sample.length));
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy;
      }),
  );

  test('make a short, safe line, and never an exception', () => {
    fc.assert(
      fc.property(octets, ports, protocols, fc.boolean(), fc.nat(5_000), (bytes, port, known, fromServer, longer) => {
        const { text: line }: Said = describeSpeech(speech(bytes, { port, fromServer, length: bytes.length + longer }), known);
        expect(line.length).toBeLessThan(1_000);
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
      { numRuns: 3_000 },
    );
  });

  test('name hosts by safe names only', () => {
    const answer = bytesOf('0001 8180 0001 0001 0000 0000 026462 00 0001 0001 c00c 0001 0001 0000003c 0004 0a000009');
    expect(dnsAnswer(answer)).toEqual({ name: 'db', addresses: ['10.0.0.9'] });
    const broken = fc.tuple(fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })).map(([cut, changes]) => {
      const copy = answer.slice(0, 1 + (cut % answer.length));
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        expect(dnsAnswer(bytes)?.name ?? 'none').toMatch(/^[a-z\d._-]+$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
