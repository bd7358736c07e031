// A predict request as JSON from its decoder to the bytes of its answer, the same for the server and for a program that embeds a model.
import type { RequestMeter } from '../telemetry/index.ts';
import { encodePredictResponse, type JsonLimits, PredictDecoder, type Signature, type Tensor } from '../tensor/index.ts';
import type { ContractCheck } from './contract-check.ts';
import { requestPaths } from './element-paths.ts';
import type { ModelVersion } from './model-version.ts';
import { type Charge, runChecked } from './run-checked.ts';
import type { RunContext } from './runner.ts';

export interface JsonPredictOptions {
  readonly limits: JsonLimits;
  /** Bytes that are likely to come; only a hint. */
  readonly sizeHint: number;
  readonly shapes: 'strict' | 'compat';
  /** Of a model with a contract: in answers, and in the inputs of which the contract does not itself say what becomes of them. */
  readonly allowNonFinite: boolean;
}

export interface AnswerOptions {
  readonly charge?: Charge | undefined;
  /** Told the inputs as they were decoded, once the model has answered. */
  readonly onAnswered?: ((signature: Signature, tensors: readonly Tensor[]) => void) | undefined;
  /** Told when the body is decoded and when the outputs are here. */
  readonly meter?: Pick<RequestMeter, 'decoded' | 'answered'> | undefined;
  /** Default: a request of our own. */
  readonly context?: RunContext | undefined;
}

/** A decoder for a request to `version`, and what to do when the whole body is in it. */
export class JsonPredict {
  readonly decoder: PredictDecoder;
  readonly #version: ModelVersion;
  readonly #check: ContractCheck | undefined;
  readonly #allowNonFinite: boolean;

  constructor(version: ModelVersion, { limits, sizeHint, shapes, allowNonFinite }: JsonPredictOptions) {
    this.#version = version;
    this.#allowNonFinite = allowNonFinite;
    const check = version.contract?.open();
    this.#check = check;
    // Written out: an object made by a spread has another shape for V8, which cost a tenth of the requests/s of a tiny model.
    this.decoder = new PredictDecoder({
      limits,
      sizeHint,
      shapes,
      allowNonFinite,
      signature: (name) => version.signature(name),
      hasChoice: version.hasNamedSignatures,
      rules: check,
    });
  }

  /**
   * Runs the decoded request and encodes the answer.
   * @throws what the decoder, the contract, `charge`, the worker and the encoder throw.
   */
  async answer({ charge, onAnswered, meter, context }: AnswerOptions = {}): Promise<Buffer> {
    const request = this.decoder.finish();
    meter?.decoded();
    const { signature, format, tensors } = request;
    const paths = () => requestPaths(request);
    const outputs = await runChecked(this.#version, this.#check, { signature, tensors, paths, charge, context });
    meter?.answered();
    onAnswered?.(signature, tensors);
    return encodePredictResponse(signature, format, outputs, { allowNonFinite: this.#allowNonFinite });
  }
}
