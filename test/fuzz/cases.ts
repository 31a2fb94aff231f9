/** Cases of the fuzzer, each made from its number and the fixtures alone: the same number is the same capture on every machine. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generator, pick } from '../support/random.ts';
import { framesOf, type Frame } from './captures.ts';
import { journey, type Journey } from './journey.ts';
import { mutant } from './mutate.ts';

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
      .filter((name) => /\.(pcap|pcapng|snoop|erf)(\.\w+)?$/.test(name))
      .sort();
  }

  get fixtures(): number {
    return this.#names.length;
  }

  /** @param file is overwritten with the capture of the case and left there. */
  async run(seed: number, file: string): Promise<Case> {
    const random = generator(seed);
    const fixture = pick(random, this.#names);
    const donors = [await this.#frames(pick(random, this.#names)), await this.#frames(pick(random, this.#names))];
    const { container, bytes } = mutant(await this.#frames(fixture), donors, random);
    writeFileSync(file, bytes);
    return { seed, fixture, container, bytes: bytes.length, ...(await journey(file, random)) };
  }

  async #frames(name: string): Promise<readonly Frame[]> {
    let frames = this.#read.get(name);
    if (frames === undefined) {
      frames = await framesOf(readFileSync(join(this.#folder, name)));
      this.#read.set(name, frames);
    }
    return frames;
  }
}
