// When a started process is really gone, and how it ended. The exit of what stands around a process is not yet its own: bubblewrap can be
// gone while the kernel still frees half a gigabyte, and a limit on processes or a socket's peer would still see it.
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessExit } from './jail.ts';
import { isGone } from './process-status.ts';

/** What the parent of a process hears of its end. */
export type ExitStatus = Omit<ProcessExit, 'outOfMemory'>;

/** bubblewrap ends with 128 and the number of the signal that ended its child. */
const signalBase = 128;

/** The exit of `child`; as its own child's when it is bubblewrap. Never rejects. */
export function exitOf(child: ChildProcess, isBubblewrap: boolean): Promise<ExitStatus> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const number = code ?? 0;
      resolve(isBubblewrap && number > signalBase ? { code: null, signal: signalName(number - signalBase) } : { code, signal });
    });
    child.on('error', (error) => {
      // Also raised when a signal could not be sent, which a process that is gone has no use for.
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
}

function signalName(number: number): NodeJS.Signals | null {
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return names.find(([, value]) => value === number)?.[0] ?? null;
}

/** The largest process takes the kernel a fraction of this; what is still there then is not waited for. */
const maxWaitMs = 10_000;

/** Settles when the process that began at `startTime` is gone; looks every 2 ms, because what is waited for takes some 30 ms. */
export async function untilGone(processId: number, startTime: string | undefined): Promise<void> {
  const endMs = performance.now() + maxWaitMs;
  while (!isGone(processId, startTime) && performance.now() < endMs) await delay(2);
}
