/** The rules, in the order of the report's list of verdicts. One line each. */
import { acceptQueueOverflow } from './accept-queue-overflow.ts';
import { ackFlood } from './ack-flood.ts';
import { badChecksums } from './bad-checksums.ts';
import { backscatter } from './backscatter.ts';
import { brokenPipe } from './broken-pipe.ts';
import { captureGaps } from './capture-gaps.ts';
import { clockJump } from './clock-jump.ts';
import { challengeAck } from './challenge-ack.ts';
import { closeWaitStuck } from './close-wait-stuck.ts';
import { connectionFlood } from './connection-flood.ts';
import { connectionRefused } from './connection-refused.ts';
import { connectAbandoned } from './connect-abandoned.ts';
import { halfOpen } from './half-open.ts';
import { icmpUnreachable } from './icmp-unreachable.ts';
import { tcpFastOpen } from './tcp-fast-open.ts';
import { slowHandshake } from './slow-handshake.ts';
import { synBacklogOverflow } from './syn-backlog-overflow.ts';
import { synCookies } from './syn-cookies.ts';
import { mssClamping } from './mss-clamping.ts';
import { ddosProtection } from './ddos-protection.ts';
import { lostThirdAck } from './lost-third-ack.ts';
import { deadPeer } from './dead-peer.ts';
import type { Detector } from './detector.ts';
import { dnsFlood } from './dns-flood.ts';
import { dnsUnanswered } from './dns-unanswered.ts';
import { filteredCapture } from './filtered-capture.ts';
import { duplicateCapture } from './duplicate-capture.ts';
import { duplicatePackets } from './duplicate-packets.ts';
import { finWait2Lingering } from './fin-wait2-lingering.ts';
import { flagProbe } from './flag-probe.ts';
import { halfClose } from './half-close.ts';
import { healthCheckRst } from './health-check-rst.ts';
import { httpFlood } from './http-flood.ts';
import { idleTimeoutPattern } from './idle-timeout-pattern.ts';
import { landAttack } from './land-attack.ts';
import { ipFragments } from './ip-fragments.ts';
import { isnWeak } from './isn-weak.ts';
import { keepalive } from './keepalive.ts';
import { lastAckStuck } from './last-ack-stuck.ts';
import { martianSource } from './martian-source.ts';
import { midStream } from './mid-stream.ts';
import { natTimestamps } from './nat-timestamps.ts';
import { noConnectionReuse } from './no-connection-reuse.ts';
import { oneWayCapture } from './one-way-capture.ts';
import { offloadSegments } from './offload-segments.ts';
import { packetLoss } from './packet-loss.ts';
import { pmtuBlackhole } from './pmtu-blackhole.ts';
import { pmtuDiscovery } from './pmtu-discovery.ts';
import { portExhaustion } from './port-exhaustion.ts';
import { pawsDrop } from './paws-drop.ts';
import { portReuse } from './port-reuse.ts';
import { processKilled } from './process-killed.ts';
import { reflection } from './reflection.ts';
import { reordering } from './reordering.ts';
import { rstAfterClose } from './rst-after-close.ts';
import { portScan } from './port-scan.ts';
import { rstInjection } from './rst-injection.ts';
import { simultaneousClose } from './simultaneous-close.ts';
import { simultaneousOpen } from './simultaneous-open.ts';
import { slowClose } from './slow-close.ts';
import { spoofedSource } from './spoofed-source.ts';
import { straySegment } from './stray-segment.ts';
import { subnetConcentration } from './subnet-concentration.ts';
import { slowResponse } from './slow-response.ts';
import { slowloris } from './slowloris.ts';
import { smallSegments } from './small-segments.ts';
import { synFlood } from './syn-flood.ts';
import { synUnanswered } from './syn-unanswered.ts';
import { tinySnaplen } from './tiny-snaplen.ts';
import { truncatedFile } from './truncated-file.ts';
import { timeWaitAssassination } from './time-wait-assassination.ts';
import { timeWaitChallenge } from './time-wait-challenge.ts';
import { timeWaitExcess } from './time-wait-excess.ts';
import { twBucketOverflow } from './tw-bucket-overflow.ts';
import { rstAbort } from './rst-abort.ts';
import { zeroWindow } from './zero-window.ts';

export const DETECTORS: readonly Detector[] = [
  closeWaitStuck,
  processKilled,
  idleTimeoutPattern,
  finWait2Lingering,
  lastAckStuck,
  slowClose,
  halfClose,
  simultaneousClose,
  simultaneousOpen,
  brokenPipe,
  timeWaitExcess,
  portExhaustion,
  noConnectionReuse,
  portReuse,
  timeWaitChallenge,
  timeWaitAssassination,
  twBucketOverflow,
  pawsDrop,
  natTimestamps,
  straySegment,
  synFlood,
  portScan,
  flagProbe,
  landAttack,
  martianSource,
  spoofedSource,
  subnetConcentration,
  ackFlood,
  connectionFlood,
  backscatter,
  reflection,
  acceptQueueOverflow,
  connectionRefused,
  synUnanswered,
  rstInjection,
  deadPeer,
  pmtuBlackhole,
  zeroWindow,
  packetLoss,
  reordering,
  challengeAck,
  keepalive,
  pmtuDiscovery,
  ipFragments,
  midStream,
  oneWayCapture,
  captureGaps,
  filteredCapture,
  duplicateCapture,
  duplicatePackets,
  badChecksums,
  tinySnaplen,
  offloadSegments,
  clockJump,
  truncatedFile,
  rstAbort,
  rstAfterClose,
  healthCheckRst,
  connectAbandoned,
  halfOpen,
  lostThirdAck,
  ddosProtection,
  mssClamping,
  synCookies,
  synBacklogOverflow,
  slowHandshake,
  tcpFastOpen,
  isnWeak,
  icmpUnreachable,
  slowResponse,
  smallSegments,
  slowloris,
  httpFlood,
  dnsFlood,
  dnsUnanswered,
];
