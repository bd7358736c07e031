// Answers the members of a batch: one run for all of them, and when that fails halves of it, until the member that fails is alone with its error and the others have their
// answers. Decides nothing about who meets whom, and keeps nothing afterwards.
import { AirlockError, type ErrorCode } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { haveRows, joinRows, splitRows } from './batch-tensors.ts';

export interface BatchMember {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  /** It was answered, or its deadline has passed: it takes no further part. */
  readonly isSettled: boolean;
  succeed(outputs: readonly Tensor[]): void;
  fail(error: AirlockError): void;
}

export interface BatchHooks<Member extends BatchMember> {
  /** One run. `attempt` from 1: from the second on, a worker that is just coming back is waited for. */
  run(inputs: readonly Tensor[], members: readonly Member[], attempt: number): Promise<readonly Tensor[]>;
  /** Whether the worker ended while it was at exactly these inputs. */
  hasEnded(inputs: readonly Tensor[]): boolean;
  onSplit(rows: number, error: AirlockError): void;
  /** A member that failed by itself after its batch had failed. */
  onCulprit(member: Member, error: AirlockError): void;
  /** The answer had other rows than the batch; the members are run again by themselves. */
  onWrongRows(): void;
}

/** Failures that say nothing about the members of the batch. */
const notTheirs: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_NOT_AVAILABLE',
  'SERVER_OVERLOADED',
  'SERVER_STOPPING',
  'CANCELLED',
]);
/** Ends of a worker that every run in it is told, whichever it was at. */
const worldly: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WORKER_CRASHED', 'WORKER_PROTOCOL_VIOLATION']);
/** How often a batch is run again whose worker ended because of somebody else. */
const maxBystanderRuns = 2;

interface Course {
  /** Runs so far. */
  attempts: number;
  wasSplit: boolean;
  /** Ends of workers and timeouts that may still be spent on finding culprits: each costs the model a restart. */
  expensive: number;
}

/** Never rejects; afterwards every member is settled. */
export async function answerBatch<Member extends BatchMember>(
  members: readonly Member[],
  hooks: BatchHooks<Member>,
): Promise<void> {
  // As many as it takes to find two culprits that are far apart.
  const course: Course = { attempts: 0, wasSplit: false, expensive: 2 * Math.ceil(Math.log2(members.length)) + 1 };
  await answer(members, hooks, course);
}

async function answer<Member extends BatchMember>(
  all: readonly Member[],
  hooks: BatchHooks<Member>,
  course: Course,
): Promise<void> {
  const members = all.filter((member) => !member.isSettled);
  if (members.length === 0) return;
  const inputs = members.length === 1 ? members[0].inputs : joinRows(members.map((member) => member.inputs));
  for (let bystander = 0; ; bystander++) {
    try {
      settle(members, await hooks.run(inputs, members, ++course.attempts), hooks);
      return;
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      const hasEnded = hooks.hasEnded(inputs);
      if (!hasEnded && worldly.has(error.code) && bystander < maxBystanderRuns) continue;
      if (hasEnded || error.code === 'DEADLINE_EXCEEDED') course.expensive--;
      if (members.length === 1) {
        if (course.wasSplit && !notTheirs.has(error.code)) hooks.onCulprit(members[0], error);
        members[0].fail(error);
        return;
      }
      if (notTheirs.has(error.code) || course.expensive < 0) {
        for (const member of members) member.fail(error);
        return;
      }
      course.wasSplit = true;
      hooks.onSplit(
        members.reduce((sum, { rows }) => sum + rows, 0),
        error,
      );
      break;
    }
  }
  const half = members.length >> 1;
  // One after the other: both in the worker at once, the one would be lost with the other.
  await answer(members.slice(0, half), hooks, course);
  await answer(members.slice(half), hooks, course);
}

/** @throws MODEL_OUTPUT_INVALID when the answer cannot be cut. */
function settle<Member extends BatchMember>(
  members: readonly Member[],
  outputs: readonly Tensor[],
  hooks: BatchHooks<Member>,
): void {
  if (members.length === 1) {
    members[0].succeed(outputs);
    return;
  }
  const rows = members.map((member) => member.rows);
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (!haveRows(outputs, total)) {
    hooks.onWrongRows();
    throw new AirlockError('MODEL_OUTPUT_INVALID', { detail: 'the answer to a batch does not have the rows of the batch' });
  }
  const parts = splitRows(outputs, rows);
  for (const [index, member] of members.entries()) member.succeed(parts[index]);
}
