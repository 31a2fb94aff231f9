/** A snap length that cuts headers: what it took, and which questions that leaves open. */
import type { Cuts } from '../model/recording.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

/** Rules that ask options of segments: without them they know less, or nothing. */
const ASK_OPTIONS: ReadonlySet<string> = new Set([
  'mss-clamping',
  'nat-timestamps',
  'packet-loss',
  'paws-drop',
  'port-reuse',
  'spoofed-source',
  'syn-cookies',
  'tcp-fast-open',
  'time-wait-challenge',
  'zero-window',
]);

export const tinySnaplen = defineDetector({
  id: 'tiny-snaplen',
  title: 'The snap length cuts headers',
  severity: 'info',
  category: 'capture',
  params: {
    minShare: { default: 0.01, text: 'share of the segments whose headers or options are cut, from which it is reported' },
  },
  docs: {
    what: 'So few octets of each frame were captured that TCP options, or even headers, are missing.',
    why: 'A segment without its options still moves the states, but window scaling, SACK blocks and timestamps are in them: how large a window is, which repeats were needless and what PAWS refused cannot be told. A packet cut inside its headers belongs to no connection at all.',
    how: 'Counted are packets whose captured part ends inside the IP or TCP header, all of them; and, of a sample of the segments (the first 4,096 frames, then one in 64), those whose captured part ends inside the TCP options.',
    never:
      'Payload that is cut behind whole headers: that is what a snap length is for. What needs payload (requests, TLS records, DNS answers, checksums) says so itself.',
    limits: 'In a large capture a few cut segments may lie between those looked at.',
    references: [
      'tcpdump(8) -s',
      'Ethernet 14, IPv4 20 or IPv6 40, TCP 20 and up to 40 of options: 114 octets; a VLAN tag 4, cooked 20, VXLAN 50 more',
    ],
  },
  detect: (capture, params) => {
    const { cuts } = capture.quality.recording;
    if (capture.packets === 0) return { verdict: 'not-applicable', because: 'the capture holds no packet' };
    const headers = cuts.headers >= params.minShare * capture.packets && cuts.headers > 0;
    const options = cuts.options >= params.minShare * cuts.looked && cuts.options > 0;
    if (!headers && !options) return { verdict: 'clear' };
    const what = [
      ...(cuts.headers > 0 ? [`inside the headers ${plural(cuts.headers, 'packet')}`] : []),
      ...(cuts.options > 0 ? [`inside the TCP options ${countText(cuts.options)} of ${plural(cuts.looked, 'segment')} looked at`] : []),
    ];
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `The snap length cuts ${options ? 'TCP options' : 'headers'}: at most ${plural(cuts.octets, 'octet')} were captured of the frames concerned`,
        summary: `Cut are ${what.join(', and ')}. ${openQuestions(cuts).join(' ')}`,
        count: cuts.headers + cuts.options,
        connections: cuts.ids,
        ...(cuts.ids.length === 0 ? {} : { note: 'a connection with segments whose options are cut' }),
        metrics: {
          capturedOctets: cuts.octets,
          cutInHeaders: cuts.headers,
          cutInOptions: cuts.options,
          cutInPayload: cuts.payload,
          segmentsLookedAt: cuts.looked,
        },
        causes: [
          {
            text: 'The capture was taken with a small snap length (-s), or cut afterwards (editcap -s)',
            likelihood: 'high',
            because: `the frames concerned were longer on the wire than the ${plural(cuts.octets, 'octet')} that were captured of them`,
          },
        ],
        remedies: [
          {
            text: 'Capture 128 octets of each frame, 192 under VXLAN or GRE: all headers with all options, and still no more payload than a glance. Leave -s away to have whole frames.',
            command: 'tcpdump -s 128 -w out.pcap FILTER',
            appliesTo: 'the next capture',
          },
        ],
        doubtsOf: (rule) =>
          options && ASK_OPTIONS.has(rule)
            ? `The TCP options of ${countText(cuts.options)} of ${plural(cuts.looked, 'segment')} looked at are cut off: what they would say to this is missing.`
            : null,
      }),
    ]);
  },
});

function openQuestions(cuts: Cuts): string[] {
  return [
    ...(cuts.headers > 0 ? ['Packets without a whole TCP header are in no connection and in no count.'] : []),
    ...(cuts.options > 0
      ? [
          'States and counts hold. Open are: MSS; window scaling, and so how large a window was; SACK and D-SACK, and so which repeats were needless; timestamps, and so PAWS, hosts behind one address and the proof of a reused TIME_WAIT.',
        ]
      : []),
    ...(cuts.payload > 0 || cuts.options > 0 ? ['Requests, TLS records and checksums cannot be read either.'] : []),
  ];
}
