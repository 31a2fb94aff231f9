/** Findings as the rules would write them; see fake-session.ts. */
import type { Finding } from '../../src/model/finding.ts';
import { FIN_FRAME, LEAKED, timeAt } from './fake-session.ts';

const base = {
  confidence: 'high',
  explainedBy: null,
  until: null,
  metrics: {},
  causes: [],
  remedies: [],
  caveats: [],
  evidence: [],
} as const;

export function closeWaitLeak(): Finding {
  return {
    ...base,
    id: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306',
    rule: 'close-wait-stuck',
    severity: 'critical',
    title: `${String(LEAKED)} connections stuck in CLOSE_WAIT on 10.0.0.1`,
    summary:
      '10.0.0.9:3306 closed 39 connections after 20.0 s without traffic; the kernel of 10.0.0.1 acknowledged each FIN, and the application there has not closed one of them in up to 312 s. About 7 more every minute.',
    subject: { host: '10.0.0.1', role: 'client', peer: '10.0.0.9', port: 3306 },
    atFault: '10.0.0.1',
    faultBecause: 'its application never calls close(): 39 of 39 FINs were acknowledged by its kernel and none was answered with a FIN.',
    since: timeAt(20.1),
    count: LEAKED,
    connections: Array.from({ length: LEAKED }, (_, i) => i),
    metrics: { longestSeconds: 312.4, perMinute: 7.2, descriptorLimit: 1024 },
    evidence: [
      { connection: 0, frame: FIN_FRAME, time: timeAt(20.1039), note: 'FIN from 10.0.0.9; from here on 10.0.0.1 owes its own' },
      { connection: 0, frame: FIN_FRAME + 1, time: timeAt(20.1441), note: 'the kernel of 10.0.0.1 acknowledges the FIN' },
      { connection: 7, frame: 512, time: timeAt(27.2), note: 'FIN from 10.0.0.9, the eighth of 39' },
    ],
    causes: [
      {
        text: 'A connection pool hands out connections without noticing that the server closed them',
        likelihood: 'high',
        because: 'all 39 were idle for 20.0 s, the server’s wait_timeout',
      },
      {
        text: 'An error path returns without closing the connection',
        likelihood: 'medium',
        because: 'none of the 39 sent anything after the FIN',
      },
    ],
    remedies: [
      { text: 'Find the process and its sockets', command: 'ss -tanp state close-wait dst 10.0.0.9:3306', appliesTo: 'Linux' },
      {
        text: 'Let the pool validate connections before use, and make its idle timeout shorter than 20 s',
        command: null,
        appliesTo: 'the application on 10.0.0.1',
      },
    ],
    displayFilter: 'ip.addr==10.0.0.1 && ip.addr==10.0.0.9 && tcp.port==3306 && tcp.port in {54200,54202,54204,54206}',
    caveats: [{ code: 'ends-with-capture', text: 'The capture ends while they are stuck; they may have been closed later.', count: 1 }],
  };
}

const idleTimeout = (): Finding => ({
  ...base,
  id: 'idle-timeout-pattern/10.0.0.9:3306',
  rule: 'idle-timeout-pattern',
  severity: 'info',
  title: '10.0.0.9:3306 closes after 20.0 s of silence',
  summary: '39 of 39 connections were closed by the server 20.0 s (± 0.1) after the last payload.',
  subject: { host: '10.0.0.9', port: 3306 },
  atFault: null,
  faultBecause: null,
  since: timeAt(20.1),
  count: LEAKED,
  connections: Array.from({ length: LEAKED }, (_, i) => i),
  displayFilter: 'ip.addr==10.0.0.9 && tcp.port==3306',
});

const synFlood = (): Finding => ({
  ...base,
  id: 'syn-flood/10.0.0.20:443',
  rule: 'syn-flood',
  severity: 'critical',
  title: 'SYN flood against 10.0.0.20:443: 48,000 SYNs a second from 9,871 addresses',
  summary: 'None of the sources completes a handshake; their TTLs and sequence numbers are random.',
  subject: { host: '10.0.0.20', port: 443 },
  atFault: 'attacker',
  faultBecause: 'the sources are forged: 9,871 addresses share one TTL pattern.',
  since: timeAt(100),
  count: 96_000,
  connections: Array.from({ length: 1000 }, (_, i) => LEAKED + i),
  displayFilter: 'ip.dst==10.0.0.20 && tcp.dstport==443 && tcp.flags.syn==1 && tcp.flags.ack==0',
});

const refused = (): Finding => ({
  ...base,
  id: 'connection-refused/10.0.0.5:8080',
  rule: 'connection-refused',
  severity: 'warning',
  title: '10.0.0.5:8080 refuses connections',
  summary: '12 of 12 SYNs were answered with RST; nothing listens on the port.',
  subject: { host: '10.0.0.5', port: 8080 },
  atFault: '10.0.0.5',
  faultBecause: 'its kernel answers every SYN with RST, ACK.',
  since: timeAt(3),
  count: 12,
  connections: Array.from({ length: 12 }, (_, i) => i),
  displayFilter: 'ip.addr==10.0.0.5 && tcp.port==8080',
});

const filtered = (): Finding => ({
  ...base,
  id: 'filtered-capture/capture',
  rule: 'filtered-capture',
  severity: 'notice',
  title: 'The capture filter dropped plain ACKs',
  summary: 'Only segments with SYN, FIN, RST or payload are in the capture.',
  subject: {},
  atFault: null,
  faultBecause: null,
  since: null,
  count: 1,
  connections: [],
  displayFilter: 'tcp',
});

export const fakeFindings = (): Finding[] =>
  [closeWaitLeak(), { ...idleTimeout(), explainedBy: null }, synFlood(), refused(), filtered()].sort((a, b) => order(a) - order(b));
const order = (finding: Finding): number => ['critical', 'warning', 'notice', 'info'].indexOf(finding.severity);
