// Finds out which layers work on this machine by starting a process in them and looking at it. Never concludes from versions, settings or
// the presence of a program: each of them has been seen to lie.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { builtFile, isAirlockError } from '../core/index.ts';
import type { Attestation, Jail, JailedProcess } from './jail.ts';
import { type LayerSet, type TriedLayer, triedLayers } from './layers.ts';
import { missingLayers } from './missing-layers.ts';

/** The file that Node runs to try layers. */
const probeEntry = builtFile(import.meta.url, 'probe-main.js');

/** How long one try may take; a usual one takes 0.1 s. */
const tryTimeoutMs = 10_000;

/** Why no layer works where the kernel hides a process that made itself undumpable from its own user. */
export const hiddenProcess = '/proc does not show it (hidepid, ProtectProc=)';

export interface LayerFindings {
  /** Layers that work, all together. */
  readonly working: LayerSet;
  /** Why each of the others does not. */
  readonly failures: ReadonlyMap<TriedLayer, string>;
}

/**
 * Tries `wanted` together, which is one process where everything works; else each alone, and then those that work together, giving up
 * one after the other until they do.
 */
export async function findLayers(wanted: LayerSet, jailOf: (layers: LayerSet) => Jail): Promise<LayerFindings> {
  const together = await tryLayers(jailOf(wanted), wanted);
  if (together.size === 0) return { working: wanted, failures: together };
  const failures = new Map<TriedLayer, string>();
  for (const layer of wanted) {
    const alone: LayerSet = new Set([layer]);
    const failure = (await tryLayers(jailOf(alone), alone)).get(layer);
    if (failure !== undefined) failures.set(layer, failure);
  }
  for (;;) {
    const working: LayerSet = new Set([...wanted].filter((layer) => !failures.has(layer)));
    const conflicts = await tryLayers(jailOf(working), working);
    const given = triedLayers.find((layer) => conflicts.has(layer));
    if (given === undefined) return { working, failures };
    failures.set(given, `does not work together with the other layers: ${conflicts.get(given)}`);
  }
}

/** Starts a process in `layers`; gives those that do not hold it, with why. All of them when it does not run at all. */
async function tryLayers(jail: Jail, layers: LayerSet): Promise<ReadonlyMap<TriedLayer, string>> {
  if (layers.size === 0) return new Map();
  const all = (why: string) => new Map([...layers].map((layer) => [layer, why]));
  const log: string[] = [];
  let started: JailedProcess;
  try {
    started = jail.start({
      entry: probeEntry,
      readable: [probeEntry],
      limits: { memoryBytes: 512 * 1024 * 1024, maxTasks: 64 },
      onLog: ({ text }) => log.push(text),
    });
  } catch (thrown) {
    return all(isAirlockError(thrown) ? (thrown.detail ?? thrown.message) : String(thrown));
  }
  try {
    const answer = await within(Promise.race([firstLine(started), started.exited.then(() => undefined)]));
    if (answer === undefined) return all(await lastWords(started, log));
    const attestation = await attestationOf(started);
    if (attestation === undefined) return all(hiddenProcess);
    const failures = new Map(missingLayers(attestation, layers, 1));
    if (layers.has('landlock') && answer !== 'EACCES') failures.set('landlock', `listing the root folder ${answer}`);
    return failures;
  } finally {
    started.kill();
    await within(started.exited);
  }
}

/** Of a process that waits; so it cannot be examined only where the kernel does not show it. */
async function attestationOf(started: JailedProcess): Promise<Attestation | undefined> {
  try {
    return await started.attest();
  } catch {
    return undefined;
  }
}

async function firstLine({ socket }: JailedProcess): Promise<string> {
  socket.on('error', () => undefined);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return String(chunk).trim();
}

async function lastWords(started: JailedProcess, log: readonly string[]): Promise<string> {
  started.kill();
  const exit = await within(started.exited);
  if (exit === undefined) return 'a process in it could not be ended';
  return exit.error?.message ?? log.at(-1) ?? (exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`);
}

async function within<T>(promise: Promise<T>): Promise<T | undefined> {
  const timeout = new AbortController();
  try {
    return await Promise.race([promise, delay(tryTimeoutMs, undefined, { signal: timeout.signal })]);
  } finally {
    timeout.abort();
  }
}
