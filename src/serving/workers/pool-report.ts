// Sums up the workers of a pool in the words of one worker.
import type { PoolMember } from './pool-member.ts';
import type { WorkerReport } from './worker-report.ts';

/** For a version none of whose workers was ever started. */
const nothing: WorkerReport = {
  state: 'new',
  attested: undefined,
  executableMemory: { setting: 'allowed', saidBy: 'server', why: 'no worker was started yet' },
  spare: 'off',
  restarts: 0,
  lastCause: undefined,
  usage: undefined,
};

/** @param last what was said before, for a version without workers. */
export function poolReport(
  members: readonly PoolMember[],
  state: WorkerReport['state'],
  restartsBefore: number,
  last: WorkerReport | undefined,
): WorkerReport {
  const reports = members.map(({ worker }) => worker.report);
  const first = reports[0] ?? { ...(last ?? nothing), attested: undefined };
  const usages = reports.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  const sum = (of: (usage: NonNullable<WorkerReport['usage']>) => number) => usages.reduce((all, usage) => all + of(usage), 0);
  return {
    ...first,
    state,
    restarts: reports.reduce((all, { restarts }) => all + restarts, restartsBefore),
    lastCause: reports.find(({ lastCause }) => lastCause !== undefined)?.lastCause ?? last?.lastCause,
    usage:
      usages.length === 0
        ? undefined
        : {
            memoryBytes: sum(({ memoryBytes }) => memoryBytes),
            cpuMs: sum(({ cpuMs }) => cpuMs),
            threads: sum(({ threads }) => threads),
          },
  };
}
