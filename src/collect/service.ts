/** One service as rules see it, over the columns that the census counted. */
import type { CloseWaitGroup, CloseWaitStay } from '../model/close-wait.ts';
import { OUTCOMES, type Outcome } from '../model/connection.ts';
import type { Concentration, DeadAttempts, ServiceView } from '../model/capture-view.ts';
import type { ServiceTurns } from '../model/turns.ts';
import { type ConnId, connId, type ConnIds, type Nanos, nanos } from '../model/units.ts';
import type { FoldedService } from '../track/folded.ts';
import { deadAttempts } from './attempts.ts';
import type { Census } from './census.ts';
import { peakHalfOpen } from './half-open.ts';
import { answeredAround, closedWhenIdle } from './moments.ts';
import { concentration, mayHold, surelyHas } from './sources.ts';
import { CloseWaits } from './stays.ts';
import { heldInSilence } from './unasked.ts';

export const OUTCOME_COUNT = OUTCOMES.length;

/** Server address and port within an encapsulation. */
export class Service implements ServiceView {
  readonly ip: string;
  readonly port: number;
  readonly name: string;
  readonly #census: Census;
  readonly #index: number;
  readonly #folded: FoldedService | null;
  #closeWaits: CloseWaits | undefined;
  #peak: { peak: number; at: Nanos | null } | undefined;
  /** By outcome. */
  readonly #ids: ConnIds[] = [];
  #dead: DeadAttempts | undefined;
  #concentration: Concentration | undefined;
  #turns: ServiceTurns | undefined;

  /** @param folded its connections that are counts alone */
  constructor(census: Census, index: number, server: { ip: string; port: number; name: string }, folded: FoldedService | null) {
    this.#census = census;
    this.#index = index;
    this.#folded = folded;
    this.ip = server.ip;
    this.port = server.port;
    this.name = server.name;
  }

  get total(): number {
    return this.#census.totals[this.#index]! + (this.#folded?.total ?? 0);
  }
  get firstFrame(): ServiceView['firstFrame'] {
    return this.#census.connection(connId(this.#census.firsts[this.#index]!)).firstFrame;
  }
  get start(): Nanos {
    return this.#census.connection(connId(this.#census.firsts[this.#index]!)).start;
  }
  get end(): Nanos {
    return nanos(Math.max(this.#census.ends[this.#index]!, this.#folded?.end ?? -Infinity));
  }
  get completed(): number {
    return this.#census.completed[this.#index]! + (this.#folded?.completed ?? 0);
  }
  get syns(): number {
    return this.#census.syns[this.#index]! + (this.#folded?.syns ?? 0);
  }
  get synAcks(): number {
    return this.#census.synAcks[this.#index]! + (this.#folded?.synAcks ?? 0);
  }
  get segments(): readonly [number, number] {
    const { clientSegments = 0, serverSegments = 0 } = this.#folded ?? {};
    return [this.#census.clientSegments[this.#index]! + clientSegments, this.#census.serverSegments[this.#index]! + serverSegments];
  }
  count(outcome: Outcome): number {
    const i = OUTCOMES.indexOf(outcome);
    return this.#census.outcomeCounts[this.#index * OUTCOME_COUNT + i]! + (this.#folded?.outcomes[i] ?? 0);
  }
  get unfinished(): number {
    return this.#census.unfinished[this.#index]! + (this.#folded?.unfinished ?? 0);
  }
  ids(outcome: Outcome): ConnIds {
    const index = OUTCOMES.indexOf(outcome);
    return this.count(outcome) === 0 ? [] : (this.#ids[index] ??= this.#census.idsOf(this.#index, index));
  }
  all(): ConnIds {
    return this.#members;
  }
  get #members(): ConnIds {
    return this.#census.membersOf(this.#index);
  }
  get closeWaits(): readonly CloseWaitStay[] {
    return this.#stays().list();
  }
  closeWaitGroups(minSeconds: number, which: 'all' | 'ended'): readonly CloseWaitGroup[] {
    return this.#stays().groups(minSeconds, which);
  }
  get deadAttempts(): DeadAttempts {
    return (this.#dead ??= deadAttempts(this.#census, this.#members, this.#folded));
  }
  get concentration(): Concentration {
    return (this.#concentration ??= concentration(this.#census, this.#members));
  }
  mayBeConcentrated(share: number): boolean {
    const enough = share * this.total;
    return (
      this.#concentration !== undefined ||
      (this.#census.mayComeFromOneNetwork(this.#index, enough) && mayHold(this.#census, this.#members, enough))
    );
  }
  get turns(): ServiceTurns {
    return (this.#turns ??= this.#census.turnsOf(this.#index));
  }
  heldInSilence(seconds: number): readonly ConnId[] {
    return heldInSilence(this.#census, this.#index, this.#census.muteIds(this.#index), seconds);
  }
  get peakHalfOpen(): number {
    return this.#halfOpen().peak;
  }
  get peakHalfOpenAt(): Nanos | null {
    return this.#halfOpen().at;
  }
  answeredAround(from: Nanos, to: Nanos): { before: ConnId | null; between: number; after: ConnId | null } {
    return answeredAround(this.#census, this.#members, from, to);
  }
  closedWhenIdle(minSeconds: number): readonly ConnId[] {
    return closedWhenIdle(this.#census, this.#census.idleIds(this.#index), minSeconds);
  }
  get clients(): number {
    return this.concentration.sources;
  }
  hasClients(count: number): boolean {
    return this.#concentration === undefined ? surelyHas(this.#census, this.#members, count) : this.clients >= count;
  }
  #stays(): CloseWaits {
    return (this.#closeWaits ??= new CloseWaits(this.#census, this.#census.stayIds(this.#index)));
  }
  #halfOpen(): { peak: number; at: Nanos | null } {
    return (this.#peak ??= this.synAcks === 0 ? { peak: 0, at: null } : peakHalfOpen(this.#census, this.#members));
  }
}
