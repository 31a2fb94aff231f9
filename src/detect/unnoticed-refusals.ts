/**
 * SYNs refused by what is left of an older connection: when nobody notices. Shared by `paws-drop` and `time-wait-challenge`, whose
 * findings are information then.
 */
import type { ServiceView } from '../model/capture-view.ts';

/** A client that shortens the SYN's timer after such an ACK (8 to 20 ms, measured on Linux 6.18), not one that waits for the timer (1 s, RFC 6298). */
export const SHORT_RETRY_SECONDS = 0.2;
/** Share of a service's connects below which a retry of milliseconds is noise: ports are drawn at random and meet by chance. */
const RARE = 0.01;

/** @param connects that were refused first @param longestSeconds the most that one of them took for it */
export const isUnnoticed = (service: ServiceView, connects: number, longestSeconds: number): boolean =>
  connects < RARE * service.total && longestSeconds < SHORT_RETRY_SECONDS;
