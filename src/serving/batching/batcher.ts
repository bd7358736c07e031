// Runs requests of one model version together: which may meet, who is taken into a batch, how it is answered, and whether the signature can be batched at all. Where it
// runs and in which order is the scheduler's. Nobody gets an answer out of a batch of a signature whose rows were not shown to be independent.
import type { BatchingConfig } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import { mebibyte } from '../mebibytes.ts';
import { answerBatch } from './batch-answer.ts';
import { BatchGroup } from './batch-group.ts';
import { Loners } from './batch-loners.ts';
import { BatchProof, maxProofBytes, type ProofMember } from './batch-proof.ts';
import { bytesOf, copyOf, groupKey, hasRows, joinRows, rowsOf, sameBytes } from './batch-tensors.ts';
import type { FairQueue } from './fair-queue.ts';
import type { RunSchedulerEvent, RunSchedulerLimits } from './run-scheduler-types.ts';
import type { WaitingRun } from './waiting-run.ts';

/** Shapes that are remembered; whoever sends requests chooses how many there are. */
const maxGroups = 256;
/** Requests of a batch that is only compared. */
const probeMembers = 4;
/** So many comparisons may come to nothing, because the worker was away or out of time, before batching is given up. */
const maxFailedProbes = 3;

export interface BatcherOptions {
  readonly signatures: readonly Signature[];
  readonly batching: BatchingConfig;
  readonly limits: RunSchedulerLimits;
  /** Takes runs that have waited for others long enough. */
  readonly onGathered: (runs: readonly WaitingRun[]) => void;
  /** One run at the worker, for these members. `attempt` from 1; from the second on a worker that is coming back is waited for. */
  readonly run: (
    signatureIndex: number,
    inputs: readonly Tensor[],
    members: readonly WaitingRun[],
    attempt: number,
  ) => Promise<readonly Tensor[]>;
  readonly hasEnded: (inputs: readonly Tensor[]) => boolean;
  readonly onCulprit: (member: WaitingRun, error: AirlockError) => void;
  readonly onEvent: (event: RunSchedulerEvent) => void;
}

export class Batcher {
  readonly #options: BatcherOptions;
  /** By signature; undefined for one that has no rows. */
  readonly #proofs: readonly (BatchProof | undefined)[];
  readonly #failedProbes: number[] = [];
  readonly #groups = new Map<string, BatchGroup>();
  readonly #loners = new Loners();
  #splits = 0;
  #probes = 0;

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#proofs = options.signatures.map((signature) => (hasRows(signature) ? new BatchProof(signature) : undefined));
  }

  /** False when no signature can be batched, or none any more. */
  get isActive(): boolean {
    return this.#proofs.some((proof) => proof !== undefined && proof.state !== 'off');
  }

  get splits(): number {
    return this.#splits;
  }

  get gatheringCount(): number {
    let count = 0;
    for (const group of this.#groups.values()) count += group.gatheringCount;
    return count;
  }

  /** Those that a request may run together with; undefined when it must run by itself. */
  groupOf(signatureIndex: number, inputs: readonly Tensor[], client: string): BatchGroup | undefined {
    const proof = this.#proofs[signatureIndex];
    if (proof === undefined || proof.state === 'off' || this.#loners.has(client)) return undefined;
    const rows = rowsOf(inputs);
    const { batching, limits } = this.#options;
    if (rows < 1 || rows >= batching.maxRows || inputs.length !== this.#options.signatures[signatureIndex].inputs.length)
      return undefined;
    const key = groupKey(signatureIndex, inputs);
    const known = this.#groups.get(key);
    if (known !== undefined) {
      // To the end: who sends one shape after the other must not have those forgotten that are in use, with what was learned of them.
      if (this.#groups.size >= maxGroups / 2) {
        this.#groups.delete(key);
        this.#groups.set(key, known);
      }
      return known;
    }
    if (this.#groups.size >= maxGroups) this.#forgetOne();
    const group = new BatchGroup({
      proof,
      maxRows: batching.maxRows,
      maxDelayMs: batching.maxDelayMs,
      maxOutputBytes: limits.maxOutputBytes ?? 64 * mebibyte,
      onGathered: this.#options.onGathered,
    });
    this.#groups.set(key, group);
    return group;
  }

  /** The one asked for longest ago without anybody that waits in it; those that wait in the queue keep their own. */
  #forgetOne(): void {
    for (const [key, { gatheringCount }] of this.#groups) {
      if (gatheringCount > 0) continue;
      this.#groups.delete(key);
      return;
    }
  }

  /** Takes what runs together with `leader` out of the queue: from each client in turn, and no more than its most urgent member has time for. */
  collect(queue: FairQueue<WaitingRun>, leader: WaitingRun, nowMs: number): WaitingRun[] {
    const { group } = leader;
    if (group === undefined || group.proof.state === 'off') return [leader];
    const { maxInputBytes = 256 * mebibyte, maxBatchPeakBytes = Number.POSITIVE_INFINITY } = this.#options.limits;
    const isProbing = group.proof.state === 'probing';
    const maxRows = isProbing ? this.#options.batching.maxRows : group.sizes.target;
    const maxBytes = isProbing ? Math.min(maxProofBytes, maxInputBytes) : maxInputBytes;
    let { rows, bytes, deadlineAtMs: urgentMs } = leader;
    let peakBytes = leader.context.cost?.peakBytes ?? 0;
    let count = 1;
    const others = queue.takeMore((run) => {
      if (rows >= maxRows || (isProbing && count >= probeMembers)) return 'stop';
      if (run.group !== group || run.deadlineAtMs <= nowMs) return 'leave';
      const peak = run.context.cost?.peakBytes ?? 0;
      if (rows + run.rows > maxRows || bytes + run.bytes > maxBytes || peakBytes + peak > maxBatchPeakBytes) return 'leave';
      const urgent = Math.min(urgentMs, run.deadlineAtMs);
      // Half of it: the other half is for finding out who made it fail.
      if (group.sizes.batchMs(rows + run.rows) > (urgent - nowMs) / 2) return 'leave';
      [rows, bytes, peakBytes, urgentMs, count] = [rows + run.rows, bytes + run.bytes, peakBytes + peak, urgent, count + 1];
      return 'take';
    });
    return [leader, ...others];
  }

  /** Answers the members, of one group; never rejects. */
  async answer(members: readonly WaitingRun[]): Promise<void> {
    const group = members[0].group;
    const isProbing = group?.proof.state === 'probing';
    // The same request over and over, as health checks send it, could not prove anything.
    if (group === undefined || members.length === 1 || group.proof.state === 'off' || (isProbing && areSame(members)))
      await Promise.all(members.map((member) => this.#alone(member)));
    else if (isProbing) await this.#probe(group.proof, members);
    else await this.#together(group.proof, members);
  }

  async #alone(member: WaitingRun): Promise<void> {
    await answerBatch([member], {
      ...this.#options,
      run: (inputs, some, attempt) => this.#options.run(member.signatureIndex, inputs, some, attempt),
      onSplit: () => undefined,
      onWrongRows: () => undefined,
    });
  }

  async #together(proof: BatchProof, members: readonly WaitingRun[]): Promise<void> {
    const { signatures, run, hasEnded, onCulprit, onEvent } = this.#options;
    const { signatureIndex } = members[0];
    const signature = signatures[signatureIndex].name;
    let checked: readonly Tensor[] | undefined;
    const isDue = proof.isDue;
    await answerBatch(members, {
      run: async (inputs, some, attempt) => {
        const outputs = await run(signatureIndex, inputs, some, attempt);
        // Before anybody changes them.
        if (isDue && some.length === members.length) checked = outputs.map(copyOf);
        return outputs;
      },
      hasEnded,
      onSplit: (rows, { code }) => {
        this.#splits++;
        onEvent({ kind: 'batchSplit', signature, rows, code });
      },
      onCulprit: (member, error) => {
        onEvent({ kind: 'culpritFound', signature, code: error.code });
        this.#loners.add(member.client);
        onCulprit(member, error);
      },
      onWrongRows: () => this.#refuse(proof, signatureIndex, 'its answer to a batch does not have the rows of the batch'),
    });
    if (checked !== undefined) await this.#compareAgain(proof, members, checked);
  }

  /** Every member by itself, which is what it gets; then all together, for comparison. */
  async #probe(proof: BatchProof, members: readonly WaitingRun[]): Promise<void> {
    const answered: ProofMember[] = [];
    const { hasEnded, onCulprit, run } = this.#options;
    await Promise.all(
      members.map((member) =>
        answerBatch([member], {
          run: async (inputs, some, attempt) => {
            const outputs = await run(member.signatureIndex, inputs, some, attempt);
            answered.push({ inputs, rows: member.rows, outputs: outputs.map(copyOf) });
            return outputs;
          },
          hasEnded,
          onCulprit,
          onSplit: () => undefined,
          onWrongRows: () => undefined,
        }),
      ),
    );
    const bytes = answered.reduce((sum, { outputs }) => sum + bytesOf(outputs), 0);
    if (answered.length >= 2 && bytes <= maxProofBytes && proof.wantsComparison(answered))
      await this.#compare(proof, members, answered);
  }

  async #compare(proof: BatchProof, members: readonly WaitingRun[], answered: readonly ProofMember[]): Promise<void> {
    const { signatureIndex } = members[0];
    const joined = joinRows(answered.map(({ inputs }) => inputs));
    try {
      this.#judge(proof, signatureIndex, proof.compare(answered, await this.#options.run(signatureIndex, joined, [], 1)));
      this.#failedProbes[signatureIndex] = 0;
    } catch (thrown) {
      const { code } = AirlockError.from(thrown);
      const failed = (this.#failedProbes[signatureIndex] ?? 0) + 1;
      this.#failedProbes[signatureIndex] = failed;
      const isItsOwn = code.startsWith('TENSORFLOW_') || code === 'MODEL_OUTPUT_INVALID' || code.startsWith('TENSOR_');
      if (isItsOwn || failed >= maxFailedProbes)
        this.#refuse(proof, signatureIndex, `a batch fails whose requests do not (${code})`);
    }
  }

  /** One member of a batch that was used, by itself. */
  async #compareAgain(proof: BatchProof, members: readonly WaitingRun[], outputs: readonly Tensor[]): Promise<void> {
    const at = this.#probes++ % members.length;
    const { inputs, rows, signatureIndex } = members[at];
    try {
      const alone = await this.#options.run(signatureIndex, inputs, [], 1);
      const from = members.slice(0, at).reduce((sum, member) => sum + member.rows, 0);
      this.#judge(proof, signatureIndex, proof.compareOne({ inputs, rows, outputs: alone }, outputs, from));
    } catch {
      // It says nothing about the batch.
    }
  }

  #judge(proof: BatchProof, signatureIndex: number, why: string | undefined): void {
    const signature = this.#options.signatures[signatureIndex].name;
    if (why !== undefined) this.#options.onEvent({ kind: 'batchingOff', signature, why });
    else if (proof.tellsProven()) this.#options.onEvent({ kind: 'batchingProven', signature });
  }

  #refuse(proof: BatchProof, signatureIndex: number, why: string): void {
    this.#judge(proof, signatureIndex, proof.refuse(why));
  }

  /** Takes out of those that wait for others whose deadline has passed. */
  removeDue(nowMs: number): WaitingRun[] {
    return [...this.#groups.values()].flatMap((group) => group.removeDue(nowMs));
  }

  *gathering(): Iterable<WaitingRun> {
    for (const group of this.#groups.values()) yield* group.gathering;
  }
}

function areSame(members: readonly WaitingRun[]): boolean {
  return members.every(({ inputs }) => sameBytes(inputs, members[0].inputs));
}
