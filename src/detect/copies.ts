/** Copies of segments divided between two rules: those that the capture made, and those that the network made. */
import type { CaptureCopies, CaptureQuality } from '../model/capture-view.ts';

/** "Nearly all", of copies and of segments. */
const NEARLY_ALL = 0.9;

/** Nearly every segment is in the capture twice. */
export const isEverythingTwice = ({ copies, tcpPackets }: CaptureQuality): boolean => copies.count >= (NEARLY_ALL / 2) * tcpPackets;

/** The capture saw segments at several points, or everything twice at one: no network does that to its traffic. */
export const areOfCapture = (quality: CaptureQuality): boolean =>
  isEverythingTwice(quality) || quality.copies.samePoint < NEARLY_ALL * quality.copies.count;

export const copyMetrics = (copies: CaptureCopies, tcpPackets: number): Record<string, number> => {
  return {
    copies: copies.count,
    tcpPackets,
    otherInterface: copies.otherInterface,
    otherEncapsulation: copies.otherEncapsulation,
    otherTtl: copies.otherTtl,
    samePoint: copies.samePoint,
    longestSeconds: copies.longestSeconds,
  };
};
