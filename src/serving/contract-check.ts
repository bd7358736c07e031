// One request under a contract: its numbers while they are decoded, its inputs before the model sees them, its images through the decoder,
// its answer before a client sees it. Each stage throws; none is skipped. With no image to decode nothing here waits.
import { type ElementPath, Findings, type ImageJob, type InputVerdict } from '../contract/index.ts';
import { AirlockError, violationError } from '../core/index.ts';
import type { NarrowingRule, NumberRules, Signature, Tensor } from '../tensor/index.ts';
import type { ContractGuard } from './contract-guard.ts';
import type { BoundNarrowing } from './input-number-rules.ts';
import { replaceStrings } from './replace-strings.ts';

/** Small files become large ones when they are made anew, and no limit on the body would see that. */
const maxImageBytes = 64 * 1024 * 1024;

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
    let verdict = this.#inputs(signature, tensors, paths);
    // Decoding images is work too.
    charge?.(verdict.cost);
    if (verdict.imageJobs.length > 0) verdict = await this.#withImages(signature, verdict, paths);
    return this.#outputs(signature, await run(verdict.tensors), verdict);
  }

  #inputs(signature: Signature, tensors: readonly Tensor[], paths: readonly ElementPath[]): InputVerdict {
    const { counts, notices } = this.#guard;
    const verdict = this.#compiled(signature).checkInputs(tensors, paths, { draw: this.#draw });
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

  async #withImages(signature: Signature, verdict: InputVerdict, paths: readonly ElementPath[]): Promise<InputVerdict> {
    const { images, imagesTimeoutMs, clock, counts } = this.#guard;
    const endMs = clock() + imagesTimeoutMs;
    let bytes = 0;
    const decoded = new Map<number, Map<number, Uint8Array>>();
    // One after the other: a request with many images must not fill the decoder's queue for everybody.
    for (const job of verdict.imageJobs) {
      if (clock() >= endMs) throw new AirlockError('DEADLINE_EXCEEDED');
      const image = await images.decode(job, encodedImage(verdict.tensors, job));
      bytes += image.length;
      if (bytes > maxImageBytes) throw imagesTooLarge(job);
      const elements = decoded.get(job.tensorIndex) ?? new Map<number, Uint8Array>();
      decoded.set(job.tensorIndex, elements.set(job.elementIndex, image));
    }
    const tensors = verdict.tensors.map((tensor, index) => replaceStrings(tensor, decoded.get(index)));
    const rechecked = this.#compiled(signature).recheck(tensors, paths, { draw: this.#draw });
    if (rechecked.findings.refused) {
      counts.addRefusal(rechecked.findings);
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

function encodedImage(tensors: readonly Tensor[], { tensorIndex, elementIndex }: ImageJob): Uint8Array {
  const tensor = tensors[tensorIndex];
  if (tensor.dtype !== 'DT_STRING') throw new AirlockError('INTERNAL');
  return tensor.bytes.subarray(tensor.offsets[elementIndex], tensor.offsets[elementIndex + 1]);
}

function imagesTooLarge({ path }: ImageJob): AirlockError {
  const expected = `images that are at most ${maxImageBytes} bytes in all when they are made anew`;
  return violationError('TENSOR_TOO_LARGE', { path, rule: 'maxImageBytes', expected, got: 'more' });
}
