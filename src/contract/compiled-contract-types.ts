// What the compiled contract is asked and what it answers: the types between the engine and whoever runs requests. Data only.
import type { Tensor } from '../tensor/index.ts';
import type { ElementPath, ImageJob } from './check-types.ts';
import type { RequestRules } from './contract-types.ts';
import type { Findings } from './findings.ts';

export interface CheckOptions {
  /** 0 ≤ draw < 1, one per request: decides whether rules of mode `sample` are enforced. */
  readonly draw: number;
}

export interface OutputOptions extends CheckOptions {
  /** `dims` of the inputs' verdict: a named dimension of an output has the size that it had in the inputs. */
  readonly dims?: ReadonlyMap<string, number>;
}

export interface InputVerdict {
  /** `findings.refused`: nothing of this request may reach the model; throw `findings.error('CONTRACT_VIOLATION')`. */
  readonly findings: Findings;
  /** What goes on: the tensors that came, or changed copies. In the order of the signature's inputs. */
  readonly tensors: readonly Tensor[];
  /** Images to decode before the model may see the tensors; empty when the request is refused. */
  readonly imageJobs: readonly ImageJob[];
  /** By the contract's `cost`; finite, in its own units. */
  readonly cost: number;
  /** First dimension of the inputs, where those that have one agree. */
  readonly batch: number | undefined;
  /** Sizes of the named dimensions in this request. */
  readonly dims: ReadonlyMap<string, number>;
}

export interface OutputVerdict {
  /**
   * `findings.refused`: nothing of this answer may leave; throw `findings.error('MODEL_OUTPUT_REFUSED')`. No value of the output is in
   * it, only shapes and sizes.
   */
  readonly findings: Findings;
  /** Rounded, cut to the k largest, or redacted as the contract says. */
  readonly tensors: readonly Tensor[];
}

export interface CompiledSignature {
  /** `paths` name the elements of each input in the client's words; called only for what is reported. */
  checkInputs(tensors: readonly Tensor[], paths: readonly ElementPath[], options: CheckOptions): InputVerdict;
  /** The same in steps of a few milliseconds, one for each `next`: for large tensors, whose check must not keep the server from all else. */
  checkInSteps(tensors: readonly Tensor[], paths: readonly ElementPath[], options: CheckOptions): Generator<void, InputVerdict>;
  /**
   * After the decoder of images delivered: the tensors as the model will get them are looked at once more (shape, sizes, relations), and of
   * those with an image that was `made`, strings and these images. Takes no action; `imageJobs` of this verdict is empty, its cost counts
   * no pixels.
   */
  recheck(
    tensors: readonly Tensor[],
    paths: readonly ElementPath[],
    options: CheckOptions,
    made: readonly ImageJob[],
  ): InputVerdict;
  /** `batch` is that of the inputs' verdict. */
  checkOutputs(tensors: readonly Tensor[], batch: number | undefined, options: OutputOptions): OutputVerdict;
}

export interface CompiledContract {
  /** Undefined for a signature that the contract does not name. */
  signature(name: string): CompiledSignature | undefined;
  readonly requestRules: RequestRules;
}
