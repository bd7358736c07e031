// One inference over REST, from the first byte of the body to the bytes of the answer. The steps are those of the request path in
// ARCHITECTURE.md; each throws a coded error and none is skipped.
import type { IncomingMessage } from 'node:http';
import type { ModelConfig, RequestLimits } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import { ExamplesDecoder } from '../model/index.ts';
import { type Charge, examplePaths, JsonPredict, type ModelVersion, type RunContext, runChecked } from '../serving/index.ts';
import type { RequestMeter } from '../telemetry/index.ts';
import type { JsonLimits } from '../tensor/index.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import { type BodySink, contentLength, readBody } from './body-reader.ts';
import { clientKey } from './client-key.ts';
import { assertExampleSignature, encodeClassifications, encodeRegressions } from './examples-answer.ts';
import type { RateLimiter, RequestAccount } from './rate-limiter.ts';
import type { OnAnswered } from './recorder-hook.ts';
import { bodyUnits, defaultBaseUnits, tensorUnits } from './request-cost.ts';
import type { TurnShare } from './turn-share.ts';

export type InferenceVerb = 'predict' | 'classify' | 'regress';

/** What an inference needs besides the request itself. */
export interface InferenceContext {
  readonly version: ModelVersion;
  readonly config: ModelConfig;
  readonly limits: RequestLimits;
  readonly budget: BodyBudget;
  readonly turns: TurnShare;
  readonly limiter: RateLimiter | undefined;
  readonly onAnswered?: OnAnswered | undefined;
  /** Told what of the request is over. Whoever made it ends it. */
  readonly meter: RequestMeter;
}

/** One request on its way, with what it holds and owes. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly version: ModelVersion;
  readonly config: ModelConfig;
  /** The server's, or the contract's where they are narrower. */
  readonly limits: JsonLimits;
  readonly share: BodyShare;
  readonly turns: TurnShare;
  readonly account: RequestAccount | undefined;
  readonly onAnswered: OnAnswered | undefined;
  readonly meter: RequestMeter;
  readonly context: RunContext;
}

/** Decodes, runs and encodes. @throws AirlockError by code for everything that can go wrong. */
export async function infer(verb: InferenceVerb, request: IncomingMessage, context: InferenceContext): Promise<Buffer> {
  const { version, config, limits, budget, turns, limiter, onAnswered, meter } = context;
  const client = clientKey(request.socket.remoteAddress);
  // Held until there is an answer: the tensors that a body became are about as large as the body.
  const share = budget.open(client);
  const account = limiter?.open(client);
  const exchange = {
    request,
    version,
    config,
    limits: version.contract?.limits(limits) ?? limits,
    share,
    turns,
    account,
    onAnswered,
    meter,
    context: { client, onPhase: meter.onPhase },
  };
  version.hold();
  try {
    if (account !== undefined) payInAdvance(account, exchange);
    return await (verb === 'predict' ? predict(exchange) : runExamples(verb, exchange));
  } catch (thrown) {
    account?.refused(AirlockError.from(thrown));
    throw thrown;
  } finally {
    share.release();
    version.release();
  }
}

function baseUnits(version: ModelVersion): number {
  return version.contract?.contract.cost.base ?? defaultBaseUnits;
}

/** Before a byte of the body is read, so that a client which has nothing left costs next to nothing. */
function payInAdvance(account: RequestAccount, { request, version, limits }: Exchange): void {
  const declared = contentLength(request);
  // One that is too large is refused as such, and unread.
  account.spend(baseUnits(version) + (declared > limits.maxBodyBytes ? 0 : bodyUnits(declared)));
}

/** The rest, when it is known what will be computed and before it is. */
function chargeOf({ account, version }: Exchange): Charge | undefined {
  if (account === undefined) return undefined;
  return (tensors, contractUnits) => account.spend(Math.max(0, (contractUnits ?? tensorUnits(tensors)) - baseUnits(version)));
}

/** A decoder whose bytes are counted and paid for as they arrive. */
class PaidSink implements BodySink {
  readonly #decoder: BodySink;
  readonly #share: BodyShare;
  readonly #account: RequestAccount | undefined;
  readonly #meter: RequestMeter;
  // Bodies without a length, and what gzip inflates to beyond it, are paid as they arrive; of a compressed one the larger of its two sizes.
  #paidBytes: number;
  #bodyBytes = 0;
  #compressedBytes = 0;

  constructor(decoder: BodySink, { request, share, account, meter }: Exchange) {
    this.#decoder = decoder;
    this.#share = share;
    this.#account = account;
    this.#meter = meter;
    this.#paidBytes = contentLength(request);
  }

  onArrived(bytes: number): void {
    this.#share.add(bytes);
    this.#meter.received(bytes);
    this.#bodyBytes += bytes;
    this.#pay();
  }

  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  onCompressed(bytes: number): void {
    this.#compressedBytes += bytes;
    this.#pay();
  }

  #pay(): void {
    const unpaidBytes = Math.max(this.#bodyBytes, this.#compressedBytes) - this.#paidBytes;
    if (this.#account === undefined || unpaidBytes <= 0) return;
    this.#account.spend(bodyUnits(unpaidBytes));
    this.#paidBytes += unpaidBytes;
  }

  get behind(): boolean {
    return this.#decoder.behind;
  }

  catchUp(): void {
    this.#decoder.catchUp();
  }
}

function readInto(decoder: BodySink, exchange: Exchange): Promise<void> {
  return readBody(exchange.request, new PaidSink(decoder, exchange), exchange.limits.maxBodyBytes, exchange.turns);
}

async function predict(exchange: Exchange): Promise<Buffer> {
  const { request, version, config, limits } = exchange;
  const predict = new JsonPredict(version, {
    limits,
    sizeHint: contentLength(request),
    shapes: config.shapes,
    allowNonFinite: config.nonFinite === 'allow',
  });
  await readInto(predict.decoder, exchange);
  const { onAnswered, meter, context } = exchange;
  return predict.answer({ charge: chargeOf(exchange), onAnswered, meter, context });
}

async function runExamples(verb: 'classify' | 'regress', exchange: Exchange): Promise<Buffer> {
  const { request, version, config, limits } = exchange;
  const allowNonFinite = config.nonFinite === 'allow';
  const decoder = new ExamplesDecoder(limits, contentLength(request), allowNonFinite);
  await readInto(decoder, exchange);
  const { signatureName, examples } = decoder.finish();
  exchange.meter.decoded();
  const signature = version.signature(signatureName);
  assertExampleSignature(signature, verb);
  const run = {
    signature,
    tensors: [examples],
    paths: () => examplePaths,
    charge: chargeOf(exchange),
    context: exchange.context,
  };
  const outputs = await runChecked(version, version.contract?.open(), run);
  exchange.meter.answered();
  exchange.onAnswered?.(signature, [examples]);
  const encode = verb === 'classify' ? encodeClassifications : encodeRegressions;
  return encode(signature, outputs, examples.shape[0], allowNonFinite);
}
