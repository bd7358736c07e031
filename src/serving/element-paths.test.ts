import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultJsonLimits, PredictDecoder, type PredictRequest, type Tensor } from '../tensor/index.ts';
import { examplePaths, inputPaths, requestPaths } from './element-paths.ts';

function decode(body: unknown, aliases: readonly string[]): PredictRequest {
  const inputs = aliases.map((alias) => ({ alias, tensorName: `${alias}:0`, dtype: 'DT_INT32' as const, shape: null }));
  const text = JSON.stringify(body);
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: text.length,
    shapes: 'strict',
    allowNonFinite: false,
    signature: () => ({ name: 'serving_default', methodName: '', inputs, outputs: [] }),
    hasChoice: false,
  });
  decoder.push(Buffer.from(text));
  return decoder.finish();
}

/** The paths of elements 0, 1, … of each input. */
function paths(body: unknown, aliases: readonly string[], count: number): string[][] {
  return requestPaths(decode(body, aliases)).map((path) => Array.from({ length: count }, (_, at) => path(at)));
}

describe('requestPaths()', () => {
  it('names instances, with and without the name of the input', () => {
    expect(paths({ instances: [1, 2] }, ['x'], 2)).toEqual([['instances[0]', 'instances[1]']]);
    const rows = [
      [1, 2],
      [3, 4],
    ];
    expect(paths({ instances: rows }, ['x'], 3)).toEqual([['instances[0][0]', 'instances[0][1]', 'instances[1][0]']]);
    expect(paths({ instances: rows.map((x) => ({ x, y: 0 })) }, ['x', 'y'], 2)).toEqual([
      ['instances[0].x[0]', 'instances[0].x[1]'],
      ['instances[0].y', 'instances[1].y'],
    ]);
    expect(paths({ instances: [{ x: 1 }, { x: 2 }] }, ['x'], 2)).toEqual([['instances[0].x', 'instances[1].x']]);
  });

  it('names inputs, with and without the name of the input', () => {
    expect(paths({ inputs: 5 }, ['x'], 1)).toEqual([['inputs']]);
    expect(paths({ inputs: [[1], [2]] }, ['x'], 2)).toEqual([['inputs[0][0]', 'inputs[1][0]']]);
    expect(paths({ inputs: { x: [[1], [2]] } }, ['x'], 2)).toEqual([['inputs.x[0][0]', 'inputs.x[1][0]']]);
  });

  it('names whole tensors', () => {
    const whole = (body: unknown, aliases: readonly string[]) => requestPaths(decode(body, aliases)).map((path) => path());
    expect(whole({ instances: [1] }, ['x'])).toEqual(['instances']);
    expect(whole({ instances: [{ x: 1 }] }, ['x'])).toEqual(['instances[*].x']);
    expect(whole({ inputs: [1] }, ['x'])).toEqual(['inputs']);
    expect(whole({ inputs: { x: 1, y: 2 } }, ['x', 'y'])).toEqual(['inputs.x', 'inputs.y']);
  });

  it('leads to the element in the body, whatever the shape and the form', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    const form = fc.constantFrom('row', 'namedRow', 'column', 'namedColumn');
    fc.assert(
      fc.property(shapes, form, (shape, form) => {
        let next = 0;
        const build = (axis: number): unknown =>
          axis === shape.length ? next++ : Array.from({ length: shape[axis] }, () => build(axis + 1));
        const value = build(0);
        if (!Array.isArray(value)) throw new Error('a list was built');
        const body = {
          row: { instances: value },
          namedRow: { instances: value.map((x) => ({ x })) },
          column: { inputs: value },
          namedColumn: { inputs: { x: value } },
        }[form];
        const [path] = requestPaths(decode(body, ['x']));
        for (let at = 0; at < next; at++) {
          const steps = path(at).match(/[a-z]+|\d+/g) ?? [];
          const found = steps.reduce<unknown>((inside, step) => Reflect.get(Object(inside), step), body);
          expect(found).toBe(at);
        }
      }),
    );
  });
});

it('names the inputs of a program and the examples of classify', () => {
  const tensor: Tensor = { dtype: 'DT_UINT8', shape: [2, 2], bytes: new Uint8Array(4) };
  const [path] = inputPaths([{ alias: 'ag\u0007e', tensorName: 'a:0', dtype: 'DT_UINT8', shape: null }], [tensor]);
  expect(path(3)).toMatch(/^ag.+e\[1\]\[1\]$/);
  expect(path(3)).not.toContain('\u0007');
  expect(path(9)).toMatch(/\[4\]\[1\]$/);
  expect([examplePaths[0](4), examplePaths[0]()]).toEqual(['examples[4]', 'examples']);
});
