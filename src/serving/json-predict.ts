// A predict request as JSON from its decoder to the bytes of its answer, the same for the server and for a program that embeds a model.
import { encodePredictResponse, type JsonLimits, PredictDecoder } from '../tensor/index.ts';
import type { ModelVersion } from './model-version.ts';

export interface JsonPredictOptions {
  readonly limits: JsonLimits;
  /** Bytes that are likely to come; only a hint. */
  readonly sizeHint: number;
  readonly shapes: 'strict' | 'compat';
  readonly allowNonFinite: boolean;
}

/** A decoder for a request to `version`, and what to do when the whole body is in it. */
export class JsonPredict {
  readonly decoder: PredictDecoder;
  readonly #version: ModelVersion;
  readonly #allowNonFinite: boolean;

  constructor(version: ModelVersion, { limits, sizeHint, shapes, allowNonFinite }: JsonPredictOptions) {
    this.#version = version;
    this.#allowNonFinite = allowNonFinite;
    // Written out: an object made by a spread has another shape for V8, which cost a tenth of the requests/s of a tiny model.
    this.decoder = new PredictDecoder({
      limits,
      sizeHint,
      shapes,
      allowNonFinite,
      signature: (name) => version.signature(name),
      hasChoice: version.hasNamedSignatures,
    });
  }

  /** Runs the decoded request and encodes the answer. @throws what the decoder, the worker and the encoder throw. */
  async answer(): Promise<Buffer> {
    const { signature, format, tensors } = this.decoder.finish();
    const outputs = await this.#version.run(signature, tensors);
    return encodePredictResponse(signature, format, outputs, { allowNonFinite: this.#allowNonFinite });
  }
}
