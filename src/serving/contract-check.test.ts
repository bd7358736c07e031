// What follows from what the rules find. The rules are stood in for by ones that find what the tests say; the compiled ones have tests of
// their own, and both together are tested over a server.
import { describe, expect, it } from 'vitest';
import {
  type BoundRule,
  type CompiledContract,
  type Contract,
  Findings,
  type ImageJob,
  parseContract,
} from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import { defaultJsonLimits, PredictDecoder, type Signature, type StringTensor, type Tensor } from '../tensor/index.ts';
import { ContractGuard, type ContractGuardOptions, type ImageSource } from './contract-guard.ts';
import { HeldBytes } from './images/held-bytes.ts';
import type { ViolationNotice } from './violation-notices.ts';

const signature: Signature = {
  name: 'serving_default',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: null }],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape: null }],
};
const contract = (more = ''): Contract =>
  parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: test, revision: 3 }
sampleFraction: 0.25
maxViolations: 4
signatures:
  serving_default:
    inputs: { x: { dtype: float32, shape: [null], max: 10 ${more} } }
    outputs: { y: { dtype: float32 } }
`);

const rule = (name: 'max' | 'min', mode: BoundRule['mode'], action: BoundRule['action'] = { kind: 'reject' }): BoundRule => ({
  id: `serving_default/inputs/x/${name}`,
  name,
  mode,
  action,
});

const numbers = (...values: number[]): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

interface Engine {
  readonly inputs?: readonly BoundRule[];
  readonly recheck?: readonly BoundRule[];
  readonly outputs?: readonly BoundRule[];
  readonly jobs?: readonly ImageJob[];
  /** What is done at each step of a large request. */
  readonly steps?: readonly (() => void)[];
}

/** Finds each rule broken once, in whatever it is given. */
function engine({ inputs = [], recheck = [], outputs = [], jobs = [], steps = [] }: Engine): CompiledContract {
  const found = (rules: readonly BoundRule[], draw: number) => {
    const findings = new Findings({ limit: 4, draw, sampleFraction: 0.25 });
    for (const one of rules)
      findings.report(
        one,
        () => 'here',
        'less',
        () => 'more',
      );
    return findings;
  };
  const rest = { cost: 7, batch: 1, dims: new Map([['batch', 1]]) };
  return {
    requestRules: { maxDepth: 4, maxElements: 9e9 },
    signature: (name) =>
      name !== signature.name
        ? undefined
        : {
            checkInputs: (tensors, _paths, { draw }) => ({ ...rest, findings: found(inputs, draw), tensors, imageJobs: jobs }),
            *checkInSteps(tensors, _paths, { draw }) {
              for (const at of steps) {
                at();
                yield;
              }
              return { ...rest, findings: found(inputs, draw), tensors, imageJobs: jobs };
            },
            recheck: (tensors, _paths, { draw }) => ({ ...rest, findings: found(recheck, draw), tensors, imageJobs: [] }),
            checkOutputs: (tensors, _batch, { draw }) => ({ findings: found(outputs, draw), tensors }),
          },
  };
}

const imagesBy = (decode: ImageSource['decode'], held = new HeldBytes(1e9)): ImageSource => ({ decode, held });
const noImages = imagesBy(() => Promise.reject(new Error('nobody asked for images')));

function guardOf(rules: Engine, options: Partial<ContractGuardOptions> = {}) {
  const notices: ViolationNotice[] = [];
  const guard = new ContractGuard({
    contract: contract(),
    digest: 'abcdef0123456789',
    compiled: engine(rules),
    images: noImages,
    imagesTimeoutMs: 100,
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  return { guard, notices };
}

const run = (
  guard: ContractGuard,
  tensors: readonly Tensor[] = [numbers(1)],
  model = async (inputs: readonly Tensor[]) => inputs,
) => guard.open().run({ signature, tensors, paths: [() => 'x'], run: model });

const errorOf = async (promise: Promise<unknown>): Promise<AirlockError> => {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof AirlockError) return thrown;
  throw new Error(`no refusal, but ${String(thrown)}`);
};

describe('ContractCheck', () => {
  it('lets through what breaks nothing, and counts it', async () => {
    const { guard, notices } = guardOf({});
    const tensors = [numbers(1)];
    expect(await run(guard, tensors)).toEqual(tensors);
    expect(guard.report).toEqual({
      id: 'test',
      revision: 3,
      digest: 'abcdef012345',
      mode: 'enforce',
      checked: 1,
      refused: 0,
      transformed: 0,
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      answersRefused: 0,
      rules: [],
    });
    expect(notices).toEqual([]);
  });

  it('refuses before the model runs and before anything is charged', async () => {
    const { guard, notices } = guardOf({ inputs: [rule('max', 'enforce'), rule('min', 'shadow')] });
    const never = () => {
      throw new Error('it went on');
    };
    const error = await errorOf(
      guard.open().run({ signature, tensors: [numbers(1)], paths: [() => 'x'], charge: never, run: never }),
    );
    expect(error).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    expect(error.violations).toEqual([
      { path: 'here', rule: 'max', ruleId: 'serving_default/inputs/x/max', expected: 'less', got: 'more' },
    ]);
    expect(guard.report).toMatchObject({ checked: 1, refused: 1, transformed: 0 });
    expect(notices).toEqual([]);
  });

  it('only counts and tells what a shadow rule finds', async () => {
    const { guard, notices } = guardOf({ inputs: [rule('max', 'shadow')] });
    await run(guard);
    expect(guard.report).toMatchObject({ checked: 1, refused: 0, transformed: 0 });
    expect(guard.report.rules).toEqual([{ ruleId: 'serving_default/inputs/x/max', outcomes: { shadow: 1 } }]);
    expect(notices).toEqual([{ ruleId: 'serving_default/inputs/x/max', outcome: 'shadow', count: 1 }]);
  });

  it('enforces a sample: one draw for all of a request, below the fraction', async () => {
    const rules = { inputs: [rule('max', 'sample')], outputs: [rule('max', 'sample')] };
    let draw = 0.2499;
    const { guard } = guardOf(rules, { draw: () => draw });
    expect((await errorOf(run(guard))).code).toBe('CONTRACT_VIOLATION');
    draw = 0.25;
    await run(guard);
    expect(guard.report).toMatchObject({ checked: 2, refused: 1, answersRefused: 0 });
  });

  it('counts what changed the inputs', async () => {
    const { guard, notices } = guardOf({ inputs: [rule('max', 'enforce', { kind: 'clip' })] });
    await run(guard);
    expect(guard.report).toMatchObject({ refused: 0, transformed: 1 });
    expect(notices[0].outcome).toBe('clip');
  });

  it('tells of one rule once in ten seconds, with all that came meanwhile', async () => {
    let nowMs = 0;
    const { guard, notices } = guardOf({ inputs: [rule('max', 'shadow')] }, { clock: () => nowMs });
    for (const at of [0, 1, 9_999, 10_000, 10_001]) {
      nowMs = at;
      await run(guard);
    }
    expect(notices.map(({ count }) => count)).toEqual([1, 3]);
    expect(guard.report.rules[0].outcomes).toEqual({ shadow: 5 });
  });

  it('refuses an answer after the model ran', async () => {
    const { guard } = guardOf({ outputs: [rule('max', 'enforce')] });
    expect(await errorOf(run(guard))).toMatchObject({ code: 'MODEL_OUTPUT_REFUSED' });
    expect(guard.report).toMatchObject({ checked: 1, refused: 0, answersRefused: 1 });
  });

  it('refuses a signature that the contract does not name', async () => {
    const { guard } = guardOf({});
    const other = { ...signature, name: 'other' };
    const checked = guard.open().run({ signature: other, tensors: [], paths: [], run: async () => [] });
    expect(await errorOf(checked)).toMatchObject({ code: 'SIGNATURE_UNSUITABLE' });
  });

  it('charges the cost of the contract before the model runs, and refuses with what the charge throws', async () => {
    const { guard } = guardOf({});
    const seen: string[] = [];
    await guard.open().run({
      signature,
      tensors: [],
      paths: [],
      charge: (units) => seen.push(`charged ${units}`),
      run: async () => {
        seen.push('ran');
        return [];
      },
    });
    expect(seen).toEqual(['charged 7', 'ran']);
  });

  it('keeps the narrower of two limits', () => {
    const { guard } = guardOf({});
    expect(guard.limits(defaultJsonLimits)).toEqual({ ...defaultJsonLimits, maxDepth: 4 });
    expect(guard.limits(defaultJsonLimits)).toBe(guard.limits(defaultJsonLimits));
  });
});

/** A body as it comes, decoded for a model with the signatures `serving_default` and `other`. */
const decode = async (guard: ContractGuard, body: string) => {
  const check = guard.open();
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: 0,
    shapes: 'strict',
    allowNonFinite: false,
    signature: (name) => ({ ...signature, name }),
    hasChoice: true,
    rules: check,
  });
  decoder.push(Buffer.from(body));
  const { signature: chosen, tensors } = decoder.finish();
  return check.run({ signature: chosen, tensors, paths: [() => 'x'], run: async () => [numbers(1)] });
};

describe('a large request', () => {
  const large = (): Tensor => numbers(...new Array<number>(10_000).fill(1));
  const busy = (ms: number) => () => {
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
  };

  it('is checked in steps, between which others have their turn', async () => {
    const { guard } = guardOf({ steps: new Array(8).fill(busy(15)) });
    let turns = 0;
    const others = setInterval(() => turns++, 1);
    await run(guard, [large()]);
    clearInterval(others);
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(guard.report).toMatchObject({ checked: 1 });
  });

  it('waits for nobody when its steps are short, and is refused like any other', async () => {
    const { guard } = guardOf({ steps: [busy(1), busy(1)], inputs: [rule('max', 'enforce')] });
    let turns = 0;
    const others = setImmediate(() => turns++);
    expect(await errorOf(run(guard, [large()]))).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    clearImmediate(others);
    expect(turns).toBe(0);
    expect(guard.report).toMatchObject({ checked: 1, refused: 1 });
  });
});

describe('numbers that lose precision', () => {
  const body = '{"instances":[1, 16777217, 33554433]}';
  const lossless = (mode = '') => contract(`, number: { narrowing: exactIntegers } ${mode}`);

  it('are refused while the body is read', async () => {
    const { guard } = guardOf({}, { contract: lossless() });
    expect(guard.narrows).toBe(true);
    const error = await errorOf(decode(guard, body));
    expect(error).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    expect(error.violations).toEqual([
      {
        path: 'instances[1]',
        rule: 'number.narrowing',
        ruleId: 'serving_default/inputs/x/number.narrowing',
        expected: 'a number that DT_FLOAT holds exactly',
        got: '16777217',
      },
    ]);
    expect(guard.report).toMatchObject({ checked: 1, refused: 1 });
  });

  it('are counted and told where the rule only watches', async () => {
    const { guard, notices } = guardOf({}, { contract: lossless(', modes: { number.narrowing: shadow }') });
    await decode(guard, body);
    const ruleId = 'serving_default/inputs/x/number.narrowing';
    expect(guard.report).toMatchObject({ checked: 1, refused: 0, rules: [{ ruleId, outcomes: { shadow: 2 } }] });
    expect(notices).toEqual([{ ruleId, outcome: 'shadow', count: 2 }]);
  });

  it('go on and are told where the rule is set to log', async () => {
    const { guard, notices } = guardOf({}, { contract: lossless(', onViolation: { number.narrowing: log }') });
    await decode(guard, body);
    const ruleId = 'serving_default/inputs/x/number.narrowing';
    expect(guard.report).toMatchObject({ checked: 1, refused: 0, rules: [{ ruleId, outcomes: { log: 2 } }] });
    expect(notices).toEqual([{ ruleId, outcome: 'log', count: 2 }]);
  });

  it('are found under the signature that the body names, wherever it names it', async () => {
    const { guard } = guardOf({}, { contract: lossless() });
    const none = { checked: 0, refused: 0, rules: [] };
    // The stand-in for the rules does not know it: that is how far the request came.
    expect(await errorOf(decode(guard, '{"instances":[16777217],"signature_name":"other"}'))).toMatchObject({
      code: 'SIGNATURE_UNSUITABLE',
    });
    expect(guard.report).toMatchObject(none);
    expect(await errorOf(decode(guard, '{"instances":[16777217],"signature_name":1}'))).toMatchObject({
      code: 'CONTRACT_VIOLATION',
    });
    expect(guard.report).toMatchObject({ checked: 1, refused: 1 });
    await errorOf(decode(guard, '{"instances":[16777217],"signature_name":"serving_default"}'));
    const ruleId = 'serving_default/inputs/x/number.narrowing';
    expect(guard.report).toMatchObject({ checked: 2, refused: 2, rules: [{ ruleId, outcomes: { reject: 2 } }] });
  });

  it('are no matter where the rule is off or not there', async () => {
    expect(guardOf({}).guard.narrows).toBe(false);
    const { guard } = guardOf({}, { contract: lossless(', modes: { number.narrowing: off }') });
    await decode(guard, body);
    expect(guard.report.rules).toEqual([]);
  });
});

describe('NaN and infinities', () => {
  const outcome = async (rules: string, body: string, options: Partial<ContractGuardOptions> = {}): Promise<string> => {
    const { guard } = guardOf({}, { contract: contract(rules), ...options });
    return decode(guard, body).then(
      () => 'taken',
      (error: AirlockError) => error.code,
    );
  };
  const nan = '{"instances":[NaN]}';
  const infinity = '{"instances":[-Infinity]}';

  it('are for the contract to refuse where its rule is enforced', async () => {
    expect(await outcome('', nan)).toBe('taken');
    expect(await outcome(', onViolation: { number.nan: { action: replace, with: 0 } }', nan)).toBe('taken');
    expect(await outcome(', number: { nan: allow }', nan)).toBe('taken');
    expect(await outcome(', number: { infinity: allow }', infinity)).toBe('taken');
  });

  it('are refused as without a contract where its rule only watches, or is off', async () => {
    for (const mode of ['shadow', 'off']) {
      expect(await outcome(`, modes: { number.nan: ${mode} }`, nan)).toBe('TENSOR_NOT_FINITE');
      expect(await outcome(`, modes: { number.nan: ${mode} }`, infinity)).toBe('taken');
      expect(await outcome(`, modes: { number.infinity: ${mode} }`, infinity)).toBe('TENSOR_NOT_FINITE');
    }
    expect(await outcome(', onViolation: { number.nan: log }', nan)).toBe('TENSOR_NOT_FINITE');
  });

  it('are refused so by a rule that samples when it does not look', async () => {
    expect(await outcome(', modes: { number.nan: sample }', nan, { draw: () => 0.24 })).toBe('taken');
    expect(await outcome(', modes: { number.nan: sample }', nan, { draw: () => 0.25 })).toBe('TENSOR_NOT_FINITE');
  });
});

describe('images', () => {
  const strings = (...texts: string[]): StringTensor => {
    const offsets = new Uint32Array(texts.length + 1);
    for (const [index, text] of texts.entries()) offsets[index + 1] = offsets[index] + text.length;
    return { dtype: 'DT_STRING', shape: [texts.length], bytes: Buffer.from(texts.join('')), offsets };
  };
  const job = (elementIndex: number): ImageJob => ({
    tensorIndex: 0,
    elementIndex,
    path: `instances[${elementIndex}]`,
    width: 9,
    height: 9,
    resultWidth: 3,
    resultHeight: 3,
    firstFrameOnly: false,
  });
  const texts = ([tensor]: readonly Tensor[]): string[] => {
    if (tensor.dtype !== 'DT_STRING') throw new Error(tensor.dtype);
    const { bytes, offsets } = tensor;
    return Array.from({ length: offsets.length - 1 }, (_, i) =>
      Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString(),
    );
  };
  const shout = imagesBy(async (_job, bytes) => Buffer.from(`${Buffer.from(bytes).toString().toUpperCase()}!`));

  it('go through the decoder one by one, and replace the strings that they were', async () => {
    const { guard } = guardOf({ jobs: [job(0), job(2)] }, { images: shout });
    const before = strings('one', 'two', '', 'four');
    expect(texts(await run(guard, [before]))).toEqual(['ONE!', 'two', '!', 'four']);
    expect(texts([before])).toEqual(['one', 'two', '', 'four']);
  });

  it('are checked once more when they come back', async () => {
    const { guard } = guardOf({ jobs: [job(0)], recheck: [rule('max', 'enforce')] }, { images: shout });
    expect(await errorOf(run(guard, [strings('one')]))).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    expect(guard.report).toMatchObject({ checked: 1, refused: 1 });
  });

  it('fail the request with what the decoder says', async () => {
    const images = imagesBy(() => Promise.reject(new AirlockError('IMAGE_UNDECODABLE')));
    const { guard } = guardOf({ jobs: [job(0)] }, { images });
    expect(await errorOf(run(guard, [strings('one')]))).toMatchObject({ code: 'IMAGE_UNDECODABLE' });
  });

  it('have the time of one request for all of them together', async () => {
    let nowMs = 0;
    const left: number[] = [];
    const owners = new Set<object>();
    const images = imagesBy(async (_job, _bytes, { owner, timeoutMs }) => {
      nowMs += 40;
      left.push(timeoutMs);
      owners.add(owner);
      return new Uint8Array(1);
    });
    const { guard } = guardOf({ jobs: [0, 1, 2, 3, 4].map(job) }, { images, clock: () => nowMs });
    expect(await errorOf(run(guard, [strings('1', '2', '3', '4', '5')]))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(left).toEqual([100, 60, 20]);
    expect([...owners]).toEqual([guard]);
    // The last one came too late as well.
    const one = guardOf({ jobs: [job(0)] }, { images, imagesTimeoutMs: 30, clock: () => nowMs });
    expect(await errorOf(run(one.guard, [strings('1')]))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('are bounded for all requests together, from when they are made to the end of their request', async () => {
    const held = new HeldBytes(100);
    const images = imagesBy(async () => new Uint8Array(60), held);
    const { guard } = guardOf({ jobs: [job(0)] }, { images, clock: () => 0 });
    let answer: (() => void) | undefined;
    const first = run(guard, [strings('1')], async (inputs) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return inputs;
    });
    await expect.poll(() => answer).toBeDefined();
    expect(await errorOf(run(guard, [strings('2')]))).toMatchObject({ code: 'SERVER_OVERLOADED' });
    answer?.();
    await first;
    await run(guard, [strings('3')]);
    // What fails gives back too.
    for (let i = 0; i < 3; i++)
      expect(await errorOf(run(guard, [strings('4')], () => Promise.reject(new AirlockError('WORKER_CRASHED'))))).toMatchObject({
        code: 'WORKER_CRASHED',
      });
    await run(guard, [strings('5')]);
    held.take(100);
  });

  it('are bounded in all', async () => {
    const images = imagesBy(async () => new Uint8Array(40 * 1024 * 1024));
    const { guard } = guardOf({ jobs: [job(0), job(1)] }, { images, clock: () => 0 });
    expect(await errorOf(run(guard, [strings('1', '2')]))).toMatchObject({
      code: 'TENSOR_TOO_LARGE',
      violations: [expect.objectContaining({ path: 'instances[1]', rule: 'maxImageBytes' })],
    });
  });
});
