// Collects what a posture is worked out from and lies on this machine: the slots of a store, which of them serves, the advisory data and the table of releases.
// Shared by the command and the server, so that both say the same. It reaches no network and verifies no slot.
import { advisoryData } from '../advisories/index.ts';
import type { RuntimeConfig } from '../config/index.ts';
import { archOfMachine, listSlots, selectedVersion } from '../runtime/index.ts';
import { knownSince } from './known-since.ts';
import type { PostureFacts } from './make-posture.ts';
import type { Posture, PostureModel } from './posture-types.ts';
import { type Release, releases, releasesRead } from './releases.ts';
import type { PostureSlot } from './slot-posture.ts';

/** Releases, and where they are from. */
export type ReleaseTable = { readonly releases: readonly Release[] } & Pick<Posture, 'releaseData'>;

export interface PostureSubject {
  /** Folder of the store. */
  readonly store: string;
  readonly runtime: RuntimeConfig;
  /** The version that serves; default what the store's selection and the configuration say. */
  readonly serving?: string;
  readonly models: readonly PostureModel[];
  readonly nowMs: number;
  /** Whether new advisories may be written down in the store, with today as the day on which they became known. */
  readonly mayWrite: boolean;
  /** Default: the table that is part of the package. */
  readonly releaseTable?: ReleaseTable;
}

/** @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL; PLATFORM_UNSUPPORTED; what the advisory data of the store is refused for. */
export async function collectFacts(subject: PostureSubject): Promise<PostureFacts> {
  const { store, runtime, models, nowMs, mayWrite } = subject;
  const data = advisoryData(store);
  const ids = data.tensorflow.map(({ id }) => id);
  const table = subject.releaseTable ?? {
    releases: releases(),
    releaseData: { source: 'data file' as const, read: releasesRead() },
  };
  return {
    data,
    models,
    releases: table.releases,
    releaseData: table.releaseData,
    libraries: data.libraries,
    patchWithin: runtime.patchWithin,
    knownSince: knownSince(store, ids, { nowMs, mayWrite }),
    nowMs,
    maxAdvisoryAgeMs: runtime.maxAdvisoryAgeMs,
    slots: await slotsOf(store, subject.serving ?? selectedVersion(store, runtime.tensorflow)),
  };
}

/** What serves is among them also where it is not installed: a start would install nothing else. */
async function slotsOf(store: string, serving: string): Promise<readonly PostureSlot[]> {
  const arch = archOfMachine();
  const slots = (await listSlots(store)).map((slot) => ({
    version: slot.version,
    arch: slot.arch,
    isInstalled: true,
    isServing: slot.version === serving && slot.arch === arch,
  }));
  if (slots.some(({ isServing }) => isServing)) return slots;
  return [{ version: serving, arch, isInstalled: false, isServing: true }, ...slots];
}
