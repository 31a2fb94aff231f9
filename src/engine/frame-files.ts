/**
 * With several files, which file a frame came from and its number there. Frames are numbered over all files in the order
 * analysed; runs of one file are kept, so merged captures that alternate cost more than rotated ones. Bounded.
 */

/** Runs kept; captures that interleave more finely lose the per-file numbers, not the frames. */
const MAX_RUNS = 1 << 20;

export interface FrameFilesState {
  readonly starts: readonly number[];
  readonly files: readonly number[];
  readonly inside: readonly number[];
  readonly counts: readonly number[];
  readonly since: number;
  readonly last: number;
  readonly end: number;
}

export class FrameFiles {
  readonly #maxRuns: number;
  readonly #starts: number[] = [];
  readonly #files: number[] = [];
  /** Number of the run's first frame inside its file. */
  readonly #inside: number[] = [];
  /** Frames of each file in finished runs, and where the run at hand began. */
  readonly #counts: number[] = [];
  #since = 0;
  #last = -1;
  #several = false;
  /** The first frame whose run was not kept. */
  #end = Infinity;

  constructor(maxRuns = MAX_RUNS) {
    this.#maxRuns = maxRuns;
  }

  /** Everything, for another process. */
  get state(): FrameFilesState {
    return {
      starts: this.#starts,
      files: this.#files,
      inside: this.#inside,
      counts: Array.from(this.#counts, (n) => n ?? 0),
      since: this.#since,
      last: this.#last,
      end: this.#end,
    };
  }
  restore(state: FrameFilesState): void {
    state.starts.forEach((start, run) => {
      this.#starts.push(start);
      this.#files.push(state.files[run]!);
      this.#inside.push(state.inside[run]!);
    });
    this.#counts.push(...state.counts);
    this.#since = state.since;
    this.#last = state.last;
    this.#several = state.starts.length > 1;
    this.#end = state.end;
  }

  /** Adds the files of a capture that follows. @param frames before its first. @param files before its first */
  join({ starts, files: of, inside, counts, since, last, end }: FrameFilesState, frames: number, files: number): void {
    if (last < 0) return;
    if (this.#last >= 0) this.#counts[this.#last] = (this.#counts[this.#last] ?? 0) + frames + 1 - this.#since;
    counts.forEach((n, file) => (this.#counts[files + file] = n));
    for (let run = 0; run < starts.length; run++) {
      if (this.#starts.length >= this.#maxRuns || frames + starts[run]! >= this.#end) {
        this.#end = Math.min(this.#end, frames + starts[run]!);
        break;
      }
      this.#starts.push(frames + starts[run]!);
      this.#files.push(files + of[run]!);
      this.#inside.push(inside[run]!);
    }
    this.#end = Math.min(this.#end, frames + end);
    this.#last = files + last;
    this.#since = frames + since;
    this.#several = this.#starts.length > 1;
  }

  note(frame: number, file: number): void {
    if (file !== this.#last) this.#turn(frame, file);
  }

  #turn(frame: number, file: number): void {
    const before = this.#last;
    if (before >= 0) {
      this.#several = true;
      this.#counts[before] = (this.#counts[before] ?? 0) + frame - this.#since;
    }
    this.#last = file;
    this.#since = frame;
    if (this.#starts.length >= this.#maxRuns) {
      this.#end = Math.min(this.#end, frame);
      return;
    }
    this.#starts.push(frame);
    this.#files.push(file);
    this.#inside.push((this.#counts[file] ?? 0) + 1);
  }

  /** Frames that one file has given, of `frames` in all. */
  packetsOf(file: number, frames: number): number {
    return (this.#counts[file] ?? 0) + (file === this.#last ? frames + 1 - this.#since : 0);
  }

  /** Nothing with a single file, where frame numbers are the file's own, and nothing behind the runs that were kept. */
  of(frame: number): { file?: number; fileFrame?: number } {
    if (!this.#several || frame >= this.#end) return {};
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= frame) low = middle;
      else high = middle - 1;
    }
    return { file: this.#files[low]!, fileFrame: this.#inside[low]! + frame - this.#starts[low]! };
  }
}
