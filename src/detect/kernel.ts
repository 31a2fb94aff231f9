/** The kernel whose numbers a rule uses for a host, and how a sentence names it. */
import type { EndpointView } from '../model/connection.ts';
import { type Profile, type ProfileFrom, profileNamed } from '../model/profiles.ts';

const GROUND: Readonly<Record<ProfileFrom, string>> = {
  syn: 'guessed from its SYN',
  schedule: 'guessed from its SYN and its repeats',
  option: 'named by --profile',
  default: 'assumed',
};

export interface Kernel {
  readonly profile: Profile;
  /** `profile windows, guessed from its SYN` */
  readonly text: string;
}

export function kernelOf(end: EndpointView): Kernel {
  const profile = profileNamed(end.profile);
  // Of a SYN that no kernel made, the default's numbers are as good as any.
  const from = profile.name === end.profile ? end.profileFrom : 'default';
  return { profile, text: `profile ${profile.name}, ${GROUND[from]}` };
}
