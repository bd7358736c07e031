// One inference over REST, from the first byte of the body to the bytes of the answer. The steps are those of the request path in
// ARCHITECTURE.md; each throws a coded error and none is skipped.
import type { IncomingMessage } from 'node:http';
import type { ModelConfig, RequestLimits } from '../config/index.ts';
import { ExamplesDecoder } from '../model/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { encodePredictResponse, PredictDecoder } from '../tensor/index.ts';
import { contentLength, readBody } from './body-reader.ts';
import { assertExampleSignature, encodeClassifications, encodeRegressions } from './examples-answer.ts';

export type InferenceVerb = 'predict' | 'classify' | 'regress';

/** Decodes, runs and encodes. @throws AirlockError by code for everything that can go wrong. */
export function infer(
  verb: InferenceVerb,
  request: IncomingMessage,
  version: ModelVersion,
  config: ModelConfig,
  limits: RequestLimits,
): Promise<Buffer> {
  const allowNonFinite = config.nonFinite === 'allow';
  return verb === 'predict'
    ? predict(request, version, config, limits, allowNonFinite)
    : runExamples(verb, request, version, limits, allowNonFinite);
}

async function predict(
  request: IncomingMessage,
  version: ModelVersion,
  config: ModelConfig,
  limits: RequestLimits,
  allowNonFinite: boolean,
): Promise<Buffer> {
  const decoder = new PredictDecoder({
    limits,
    sizeHint: contentLength(request),
    shapes: config.shapes,
    allowNonFinite,
    signature: (name) => version.signature(name),
    hasChoice: version.signatureCount > 1,
  });
  await readBody(request, decoder, limits.maxBodyBytes);
  const { signature, format, tensors } = decoder.finish();
  const outputs = await version.run(signature, tensors);
  return encodePredictResponse(signature, format, outputs, { allowNonFinite });
}

async function runExamples(
  verb: 'classify' | 'regress',
  request: IncomingMessage,
  version: ModelVersion,
  limits: RequestLimits,
  allowNonFinite: boolean,
): Promise<Buffer> {
  const decoder = new ExamplesDecoder(limits, contentLength(request), allowNonFinite);
  await readBody(request, decoder, limits.maxBodyBytes);
  const { signatureName, examples } = decoder.finish();
  const signature = version.signature(signatureName);
  assertExampleSignature(signature, verb);
  const outputs = await version.run(signature, [examples]);
  const encode = verb === 'classify' ? encodeClassifications : encodeRegressions;
  return encode(signature, outputs, examples.shape[0], allowNonFinite);
}
