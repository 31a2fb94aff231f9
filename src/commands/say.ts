import type { World } from './world.ts';

/** A line for the user. That nobody reads stderr is no reason to stop. */
export const say = (world: World, line: string): Promise<void> => world.stderr.write(`${line}\n`).catch(() => undefined);
