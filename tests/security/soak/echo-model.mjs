// A model that answers with what it was asked: a vector of int64 of any length. As bytes, because these commands run without TypeScript.

function field(number, value) {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

const int64 = 9;
const type = (name) => field(5, Buffer.concat([field(1, name), field(2, field(6, int64))]));
const nodes = [
  field(1, Buffer.concat([field(1, 'x'), field(2, 'Placeholder'), type('dtype')])),
  field(1, Buffer.concat([field(1, 'y'), field(2, 'Identity'), field(3, 'x'), type('T')])),
];
const metaGraph = Buffer.concat([field(1, field(4, 'serve')), field(2, Buffer.concat(nodes))]);
const savedModel = Buffer.concat([field(1, 1), field(2, metaGraph)]);

const spec = (alias) => ({ alias, tensorName: `${alias}:0`, dtype: 'DT_INT64', shape: [-1] });

export const signatures = [{ name: 'serving_default', methodName: '', inputs: [spec('x')], outputs: [spec('y')] }];

export async function* content() {
  yield { name: 'saved_model.pb', chunk: savedModel };
}

/** A request that holds its own number, `length` times. */
export function request(number, length) {
  const bytes = new Uint8Array(BigInt64Array.from({ length }, () => BigInt(number)).buffer);
  return { dtype: 'DT_INT64', shape: [length], bytes };
}

/** Whether an answer is that of this request and of no other, whole. */
export function isAnswerTo({ shape, bytes }, number, length) {
  if (shape.length !== 1 || shape[0] !== length || bytes.length !== length * 8) return false;
  return new BigInt64Array(Uint8Array.from(bytes).buffer).every((value) => value === BigInt(number));
}
