// One request under a contract: its numbers while they are decoded, its inputs before the model sees them, its images through the decoder,
// its answer before a client sees it. Each stage throws; none is skipped. Only a large request, or one with images, waits here for others.
import { type ElementPath, Findings, type InputVerdict } from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import type { NarrowingRule, NumberRules, Signature, Tensor } from '../tensor/index.ts';
import type { ContractGuard } from './contract-guard.ts';
import { RequestImages } from './images/request-images.ts';
import type { BoundNarrowing } from './input-number-rules.ts';

/** Bytes of tensors up to which a request is checked in one piece; others are served between the steps of larger ones. */
const maxOnePieceBytes = 16 * 1024;
/** Time after which others get a turn. */
const turnMs = 20;

/** Runs the model on inputs that passed. */
type Run = (inputs: readonly Tensor[]) => Promise<readonly Tensor[]>;

export interface CheckedRun {
  readonly signature: Signature;
  /** In the order of the signature's inputs. */
  readonly tensors: readonly Tensor[];
  readonly paths: readonly ElementPath[];
  /** Told what the request costs by the contract, before any work that this pays for; may throw. */
  readonly charge?: ((units: number) => void) | undefined;
  readonly run: Run;
}

export class ContractCheck implements NumberRules {
  readonly #guard: ContractGuard;
  readonly #draw: number;
  /** What the decoder found, and why that refuses the request. */
  #lost: Findings | undefined;
  #lostError: AirlockError | undefined;

  constructor(guard: ContractGuard, draw: number) {
    this.#guard = guard;
    this.#draw = draw;
  }

  narrowing(signature: Signature, index: number): NarrowingRule | undefined {
    if (!this.#guard.narrows) return undefined;
    const bound = this.#guard.numberRules(signature, index)?.narrowing;
    if (bound === undefined) return undefined;
    const expected = `a number that ${signature.inputs[index].dtype} holds exactly`;
    return { exact: bound.exact, onLoss: (path, text) => this.#onLoss(bound, path, expected, text) };
  }

  /** A rule that only watches this request is no reason to let through what the server refuses without a contract. */
  judges(signature: Signature, index: number, value: number): boolean {
    const rules = this.#guard.numberRules(signature, index);
    const rule = Number.isNaN(value) ? rules?.nan : rules?.infinity;
    if (rule === 'allow') return true;
    const action = rule && this.#newFindings().actionOf(rule);
    return action !== undefined && action.kind !== 'log';
  }

  restarted(): void {
    this.#lost = undefined;
    this.#lostError = undefined;
  }

  refused(error: unknown): void {
    if (error === this.#lostError && this.#lost !== undefined) this.#guard.counts.addInputs(this.#lost);
  }

  #onLoss({ rule }: BoundNarrowing, path: () => string, expected: string, text: string): void {
    this.#lost ??= this.#newFindings();
    this.#lost.report(rule, path, expected, () => text);
    if (!this.#lost.refused) return;
    // The body is not read on for more of them: what a request costs that is refused is what this server loses. It is counted when no
    // signature follows for which it would be decoded again.
    this.#lostError = this.#lost.error('CONTRACT_VIOLATION');
    throw this.#lostError;
  }

  #newFindings(): Findings {
    const { maxViolations, sampleFraction } = this.#guard.contract;
    return new Findings({ limit: maxViolations, draw: this.#draw, sampleFraction });
  }

  /**
   * Checks the inputs, runs the model, checks its answer.
   * @throws CONTRACT_VIOLATION, IMAGE_UNDECODABLE, MODEL_OUTPUT_REFUSED, SIGNATURE_UNSUITABLE, and what `charge` and `run` throw.
   */
  async run({ signature, tensors, paths, charge, run }: CheckedRun): Promise<readonly Tensor[]> {
    const checked = isLarge(tensors)
      ? await this.#checkLarge(signature, tensors, paths)
      : this.#compiled(signature).checkInputs(tensors, paths, { draw: this.#draw });
    const verdict = this.#passed(checked);
    // Decoding images is work too.
    charge?.(verdict.cost);
    if (verdict.imageJobs.length === 0) return this.#outputs(signature, await run(verdict.tensors), verdict);
    const images = new RequestImages(this.#guard);
    try {
      const rechecked = await this.#withImages(signature, verdict, paths, images);
      return this.#outputs(signature, await run(rechecked.tensors), rechecked);
    } finally {
      images.release();
    }
  }

  async #checkLarge(signature: Signature, tensors: readonly Tensor[], paths: readonly ElementPath[]): Promise<InputVerdict> {
    const steps = this.#compiled(signature).checkInSteps(tensors, paths, { draw: this.#draw });
    let turnEndMs = performance.now() + turnMs;
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      if (performance.now() < turnEndMs) continue;
      await new Promise(setImmediate);
      turnEndMs = performance.now() + turnMs;
    }
  }

  #passed(verdict: InputVerdict): InputVerdict {
    const { counts, notices } = this.#guard;
    const { findings } = verdict;
    counts.addInputs(findings);
    if (this.#lost !== undefined) counts.addMore(this.#lost);
    if (findings.refused) throw findings.error('CONTRACT_VIOLATION');
    if (findings.counts.size > 0) notices.add(findings);
    if (this.#lost !== undefined) notices.add(this.#lost);
    return verdict;
  }

  #compiled(signature: Signature) {
    const compiled = this.#guard.compiled.signature(signature.name);
    if (compiled !== undefined) return compiled;
    throw new AirlockError('SIGNATURE_UNSUITABLE', {
      message: 'The signature cannot be called: the contract of the model has no rules for it',
    });
  }

  async #withImages(
    signature: Signature,
    verdict: InputVerdict,
    paths: readonly ElementPath[],
    images: RequestImages,
  ): Promise<InputVerdict> {
    const tensors = await images.make(verdict.tensors, verdict.imageJobs);
    const rechecked = this.#compiled(signature).recheck(tensors, paths, { draw: this.#draw }, verdict.imageJobs);
    if (rechecked.findings.refused) {
      this.#guard.counts.addRefusal(rechecked.findings);
      throw rechecked.findings.error('CONTRACT_VIOLATION');
    }
    return rechecked;
  }

  #outputs(signature: Signature, outputs: readonly Tensor[], { batch, dims }: InputVerdict): readonly Tensor[] {
    const { findings, tensors } = this.#compiled(signature).checkOutputs(outputs, batch, { draw: this.#draw, dims });
    if (findings.counts.size === 0) return tensors;
    this.#guard.counts.addOutputs(findings);
    // No value of the answer is in it: what may not leave must not leave in the words of its refusal either.
    if (findings.refused) throw findings.error('MODEL_OUTPUT_REFUSED');
    this.#guard.notices.add(findings);
    return tensors;
  }
}

function isLarge(tensors: readonly Tensor[]): boolean {
  let total = 0;
  for (const { bytes } of tensors) total += bytes.byteLength;
  return total > maxOnePieceBytes;
}
