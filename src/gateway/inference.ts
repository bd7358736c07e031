// One inference over REST, from the first byte of the body to the bytes of the answer. The steps are those of the request path in
// ARCHITECTURE.md; each throws a coded error and none is skipped.
import type { IncomingMessage } from 'node:http';
import type { ModelConfig, RequestLimits } from '../config/index.ts';
import { ExamplesDecoder } from '../model/index.ts';
import { JsonPredict, type ModelVersion } from '../serving/index.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import { type BodySink, contentLength, readBody } from './body-reader.ts';
import { assertExampleSignature, encodeClassifications, encodeRegressions } from './examples-answer.ts';

export type InferenceVerb = 'predict' | 'classify' | 'regress';

/** What an inference needs besides the request itself. */
export interface InferenceContext {
  readonly version: ModelVersion;
  readonly config: ModelConfig;
  readonly limits: RequestLimits;
  readonly budget: BodyBudget;
}

/** Decodes, runs and encodes. @throws AirlockError by code for everything that can go wrong. */
export async function infer(verb: InferenceVerb, request: IncomingMessage, context: InferenceContext): Promise<Buffer> {
  // Held until there is an answer: the tensors that a body became are about as large as the body.
  const share = context.budget.open();
  try {
    return await (verb === 'predict' ? predict(request, context, share) : runExamples(verb, request, context, share));
  } finally {
    share.release();
  }
}

async function readInto(decoder: BodySink, request: IncomingMessage, limits: RequestLimits, share: BodyShare): Promise<void> {
  const sink: BodySink = {
    push: (chunk) => {
      share.add(chunk.length);
      decoder.push(chunk);
    },
    get behind() {
      return decoder.behind;
    },
    catchUp: () => decoder.catchUp(),
  };
  await readBody(request, sink, limits.maxBodyBytes);
}

async function predict(
  request: IncomingMessage,
  { version, config, limits }: InferenceContext,
  share: BodyShare,
): Promise<Buffer> {
  const predict = new JsonPredict(version, {
    limits,
    sizeHint: contentLength(request),
    shapes: config.shapes,
    allowNonFinite: config.nonFinite === 'allow',
  });
  await readInto(predict.decoder, request, limits, share);
  return predict.answer();
}

async function runExamples(
  verb: 'classify' | 'regress',
  request: IncomingMessage,
  { version, config, limits }: InferenceContext,
  share: BodyShare,
): Promise<Buffer> {
  const allowNonFinite = config.nonFinite === 'allow';
  const decoder = new ExamplesDecoder(limits, contentLength(request), allowNonFinite);
  await readInto(decoder, request, limits, share);
  const { signatureName, examples } = decoder.finish();
  const signature = version.signature(signatureName);
  assertExampleSignature(signature, verb);
  const outputs = await version.run(signature, [examples]);
  const encode = verb === 'classify' ? encodeClassifications : encodeRegressions;
  return encode(signature, outputs, examples.shape[0], allowNonFinite);
}
