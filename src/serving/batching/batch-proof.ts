// Whether the rows of a signature are independent of each other, so that its requests may run together. A model may normalise over the batch, count, or draw random
// numbers; then the answer of one client would depend on the requests of others. Nothing of a batch reaches a client before single runs have said the same.
import type { Signature, Tensor } from '../../tensor/index.ts';
import { compareAnswers, type Tolerance } from '../compare-answers.ts';
import { haveRows, sameBytes, splitRows } from './batch-tensors.ts';

/** As for rehearsals: another number of rows makes TensorFlow add up in another order. */
const tolerance: Tolerance = { absolute: 1e-5, relative: 1e-4 };

const influence = 'rows influence each other: a batch is answered otherwise than its rows alone';

/** So many batches have to agree before one is trusted. */
export const proofBatches = 4;
/** Then one member of every so many batches is run by itself as well; and, as whoever sent the first requests chose what was compared, of the 1st, 2nd, 4th and so on before. */
const checkEvery = 256;
/** Batches that could prove nothing are compared ever more seldom, down to one of so many: they can only show that rows do influence each other. */
const seldomEvery = 64;
/** What is compared is held for the time of two runs. */
export const maxProofBytes = 64 * 1024 * 1024;

export interface ProofMember {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  /** What it got by itself; a copy that nobody changes. */
  readonly outputs: readonly Tensor[];
}

/** probing: batches are compared and not used. proven: they are used. off: the signature's requests run by themselves, for good. */
export type ProofState = 'probing' | 'proven' | 'off';

export class BatchProof {
  readonly #signature: Signature;
  #state: ProofState = 'probing';
  #agreed = 0;
  #batches = 0;
  /** Batches that prove nothing: so many are left out between two that are compared, and that many of them were. */
  #leaveOut = 0;
  #leftOut = 0;
  #wasTold = false;

  constructor(signature: Signature) {
    this.#signature = signature;
  }

  get state(): ProofState {
    return this.#state;
  }

  /** Whether it pays to run these together as well. Where every request gets the same answer, each would cost twice for ever, and no batch be proved. To be asked once for each batch. */
  wantsComparison(members: readonly ProofMember[]): boolean {
    if (this.#state === 'off') return false;
    if (isVaried(members)) return true;
    if (this.#leftOut++ < this.#leaveOut) return false;
    this.#leftOut = 0;
    this.#leaveOut = Math.min(2 * this.#leaveOut + 1, seldomEvery - 1);
    return true;
  }

  /** Compares a batch with the single runs of its members. Gives why batching ends, if it does. */
  compare(members: readonly ProofMember[], outputs: readonly Tensor[]): string | undefined {
    if (this.#state === 'off') return undefined;
    const rows = members.reduce((sum, member) => sum + member.rows, 0);
    if (!haveRows(outputs, rows)) return this.refuse('its answer to a batch does not have the rows of the batch');
    const parts = splitRows(
      outputs,
      members.map((member) => member.rows),
    );
    for (const [index, member] of members.entries()) {
      const difference = compareAnswers(this.#signature.outputs, member.outputs, parts[index], tolerance);
      if (!difference.same) return this.refuse(influence);
    }
    if (isVaried(members) && this.#state === 'probing' && ++this.#agreed >= proofBatches) this.#state = 'proven';
    return undefined;
  }

  /** Compares one member with its rows in a batch that was used, which begin at `from`. Gives why batching ends, if it does. */
  compareOne(member: ProofMember, outputs: readonly Tensor[], from: number): string | undefined {
    if (this.#state === 'off') return undefined;
    const rest = (outputs[0]?.shape[0] ?? 0) - from - member.rows;
    const part = splitRows(outputs, [from, member.rows, rest])[1];
    const { same } = compareAnswers(this.#signature.outputs, member.outputs, part, tolerance);
    return same ? undefined : this.refuse(influence);
  }

  /** Ends batching for the signature. Gives the reason. */
  refuse(why: string): string | undefined {
    if (this.#state === 'off') return undefined;
    this.#state = 'off';
    return why;
  }

  /** True once, when it is proven. */
  tellsProven(): boolean {
    const tells = this.#state === 'proven' && !this.#wasTold;
    this.#wasTold ||= tells;
    return tells;
  }

  /** Whether a batch that is used should be compared again. */
  get isDue(): boolean {
    const count = ++this.#batches;
    return count < checkEvery ? (count & (count - 1)) === 0 : count % checkEvery === 0;
  }
}

/** Equal rows agree in a model that takes the mean away, too; and rows that are answered alike whatever is beside them say nothing. */
function isVaried(members: readonly ProofMember[]): boolean {
  return (
    members.some((member) => !sameBytes(member.inputs, members[0].inputs)) &&
    members.some((member) => !sameBytes(member.outputs, members[0].outputs))
  );
}
