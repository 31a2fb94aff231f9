/** `backscatter`: SYN-ACKs to addresses that never asked; somebody forges these addresses. */
import type { CaptureView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { Unasked } from '../model/unasked.ts';
import { countText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

export const backscatter = defineDetector({
  id: 'backscatter',
  title: 'Backscatter: answers to SYNs that nobody here sent',
  severity: 'warning',
  category: 'flood',
  params: {
    minAnswers: { default: 20, text: 'SYN-ACKs of one service to SYNs that the capture does not hold' },
  },
  docs: {
    what: 'SYN-ACKs of a service arrive at addresses that sent it no SYN.',
    why: 'Somebody floods that service in the name of these addresses, or bounces packets off it towards them. Its owner may well block the addresses, though they did nothing.',
    how: 'Connections that begin with a SYN-ACK and hold nothing else but its copies and the RSTs of the receiver. At least minAnswers of one service, where the receivers prove that they did not ask: most refuse by RST, or their own SYNs to others are in the capture.',
    never:
      'A capture in which the SYNs of everybody are missing (one direction, an asymmetric route, a telescope without outgoing traffic): it is inconclusive. Receivers that go on with the connection.',
    limits:
      'Who forges the addresses the capture cannot say. RSTs and ICMP errors as backscatter are not counted, because connections of before the capture leave the same.',
    references: ['Moore, Voelker, Savage: Inferring Internet Denial-of-Service Activity, USENIX Security 2001', 'RFC 9293 §3.10.7.3'],
  },
  detect(capture, params): Detection {
    const groups = capture.unasked.filter((g) => g.ids.length >= params.minAnswers);
    const proven = capture.quality.oneDirection ? [] : groups.filter(isProven);
    if (proven.length === 0 && groups.length > 0) {
      const [first] = groups;
      return {
        verdict: 'inconclusive',
        because: `${plural(first!.ids.length, 'SYN-ACK')} of ${first!.service.name} answer SYNs that are not in the capture, and nothing shows that it would hold them`,
      };
    }
    return found(
      draftLargest(
        proven,
        (g) => g.ids.length,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

/** Would the capture hold the SYNs, had there been any? */
const isProven = (g: Unasked): boolean => g.refused > g.ids.length / 2 || g.askingReceivers > g.receivers / 2;

function draft(capture: CaptureView, g: Unasked): Draft {
  const { service, ids } = g;
  const [first, last] = [capture.connection(ids[0]!), capture.connection(ids.at(-1)!)];
  const one = g.receivers === 1 ? first.client.ip : null;
  const to = one ?? plural(g.receivers, 'address', 'addresses');
  const proof =
    g.refused > ids.length / 2
      ? `${countText(g.refused)} of them were refused by a RST of the receiver, which knows nothing of the connection`
      : `the SYNs that ${plural(g.askingReceivers, 'receiver')} sent to others are in the capture, and none to ${service.name}`;
  return {
    severity: 'warning',
    confidence: g.refused > ids.length / 2 ? 'high' : 'medium',
    title: `Backscatter: ${plural(ids.length, 'SYN-ACK')} of ${service.name} to ${to} that never asked`,
    summary: `${service.name} sent SYN-ACKs for ${plural(ids.length, 'connection')} to ${to} ${period(capture, first.start, last.start)}, and no SYN went there: ${proof}. Somebody floods ${service.name} in the name of ${to}, or uses it to reflect packets here.`,
    subject:
      one === null
        ? { host: service.ip, role: 'server', port: service.port }
        : { host: one, role: 'client', peer: service.ip, peerPort: service.port },
    atFault: 'attacker',
    faultBecause: proof,
    since: first.start,
    until: last.end,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const c = capture.connection(id);
      const rst = c.marks.find((m) => m.mark === Mark.RST);
      return proofs(c.id, [
        [c.firstFrame, c.start, `SYN-ACK of ${c.server.name} without a SYN`],
        [rst?.frame ?? null, rst?.time ?? null, `${c.client.ip} refuses it by RST`],
      ]);
    }),
    metrics: { answers: ids.length, refused: g.refused, receivers: g.receivers },
    causes: [
      { text: `A SYN flood against ${service.name} with forged sources`, likelihood: 'high', because: proof },
      {
        text: 'The outgoing SYNs take another route than the capture sees',
        likelihood: 'low',
        because: 'then the receivers would complete the handshakes',
      },
    ],
    remedies: [
      {
        text: `Leave the RSTs on: they free the entries at ${service.ip} at once. A firewall that swallows them, as often advised, makes the SYN-ACKs come again.`,
        command: null,
        appliesTo: 'the receivers',
      },
      { text: `Tell the owner of ${service.ip} that these sources are forged.`, command: `whois ${service.ip}`, appliesTo: 'any host' },
    ],
    explainedByRules: [],
  };
}
