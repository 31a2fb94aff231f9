/** Cases of the fuzzer, each made from its number and the fixtures alone: the same number is the same capture on every machine. */
import { linkSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HOSTILE } from '../support/hostile.ts';
import { generator, pick, type Random } from '../support/random.ts';
import { framesOf, type Frame, type Made } from './captures.ts';
import { journey, type Journey } from './journey.ts';
import { bentFile, mutant } from './mutate.ts';

export interface Case extends Journey {
  readonly seed: number;
  readonly container: string;
  readonly fixture: string;
  readonly bytes: number;
}

export class Cases {
  readonly #folder: string;
  readonly #names: readonly string[];
  /** Frames of fixtures that were read already. */
  readonly #read = new Map<string, readonly Frame[]>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#names = readdirSync(folder)
      .filter((name) => /\.(pcap|pcapng|snoop|erf|cap|trc|xz|zst|lz4|bz2|gz)$/.test(name))
      .sort();
  }

  get fixtures(): number {
    return this.#names.length;
  }

  /** @param file is overwritten with the capture of the case and left there. */
  async run(seed: number, file: string): Promise<Case> {
    const random = generator(seed);
    const fixture = pick(random, this.#names);
    const { container, bytes } = random(10) === 0 ? bentFile(fixture, this.#file(fixture), random) : await this.#mutant(fixture, random);
    writeFileSync(file, bytes);
    const named = join(dirname(file), fileName(random));
    linkSync(file, named);
    try {
      return { seed, fixture, container, bytes: bytes.length, ...(await journey(named, join(this.#folder, fixture), random)) };
    } finally {
      unlinkSync(named);
    }
  }

  async #mutant(fixture: string, random: Random): Promise<Made> {
    const donors = [await this.#frames(pick(random, this.#names)), await this.#frames(pick(random, this.#names))];
    return mutant(await this.#frames(fixture), donors, random);
  }

  #file(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.#folder, name))); // a Buffer shares what it is sliced from
  }

  async #frames(name: string): Promise<readonly Frame[]> {
    let frames = this.#read.get(name);
    if (frames === undefined) {
      frames = await framesOf(this.#file(name));
      this.#read.set(name, frames);
    }
    return frames;
  }
}

/** As somebody would call a capture who wants to be read: the name is in every document. */
const fileName = (random: Random): string =>
  `case ${pick(random, Object.values(HOSTILE)).replaceAll(/[/\0]/g, '|').slice(0, 60)}${pick(random, ['', '.pcap', '.md', '.html'])}`;
