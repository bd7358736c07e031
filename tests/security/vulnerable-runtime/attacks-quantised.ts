// Attacks on operations of quantised arithmetic: their ranges are read as the first element of a tensor that nobody counted.
import { attrInt, attrType } from '../../support/graph-builder.ts';
import { type Attack, request, shown } from './attack.ts';
import { constF32, emptyScalar, f32, i32, ints, notScalar, quantised, shaped, text } from './values.ts';

const quint8 = attrType('DT_QUINT8');
const qint32 = attrType('DT_QINT32');
const float = attrType('DT_FLOAT');
const output: Attack['output'] = ['attack:1', 'DT_FLOAT'];
const one = constF32([], 1);
const zero = constF32([], 0);
/** Above whatever is read as the lower end. */
const most = constF32([], 3e38);
const range = 'a range that is empty';

export const quantisedAttacks: readonly Attack[] = [
  {
    cve: 'CVE-2022-35966',
    op: 'QuantizedAvgPool',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [1, 2, 2, 1]), emptyScalar(), emptyScalar()],
    attrs: { T: quint8, ksize: ints(1, 1, 1, 1), strides: ints(1, 1, 1, 1), padding: text('VALID') },
    output,
  },
  {
    cve: 'CVE-2022-35967',
    op: 'QuantizedAdd',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [2]), quantised('DT_QUINT8', [2]), emptyScalar(), most, zero, one],
    attrs: { T1: quint8, T2: quint8, Toutput: qint32 },
    output,
  },
  {
    cve: 'CVE-2022-35970',
    op: 'QuantizedInstanceNorm',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [1, 2, 2, 1]), emptyScalar(), emptyScalar()],
    attrs: { T: quint8 },
    output,
  },
  {
    cve: 'CVE-2022-35972',
    op: 'QuantizedBiasAdd',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [1, 2]), quantised('DT_QUINT8', [2]), emptyScalar(), emptyScalar(), one, one],
    attrs: { T1: quint8, T2: quint8, out_type: qint32 },
    output,
  },
  {
    cve: 'CVE-2022-35973',
    op: 'QuantizedMatMul',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [2, 2]), quantised('DT_QUINT8', [2, 2]), emptyScalar(), most, zero, one],
    attrs: { T1: quint8, T2: quint8, Toutput: qint32 },
    output,
  },
  {
    cve: 'CVE-2022-35974',
    op: 'QuantizeDownAndShrinkRange',
    trigger: range,
    inputs: [quantised('DT_QINT32', [4]), emptyScalar(), emptyScalar()],
    attrs: { Tinput: qint32, out_type: quint8 },
    output,
  },
  {
    cve: 'CVE-2022-35979',
    op: 'QuantizedRelu',
    trigger: range,
    inputs: [quantised('DT_QUINT8', [4]), emptyScalar(), emptyScalar()],
    attrs: { Tinput: quint8, out_type: quint8 },
    output,
  },
  {
    cve: 'CVE-2022-36017',
    op: 'Requantize',
    trigger: range,
    inputs: [quantised('DT_QINT32', [4]), emptyScalar(), emptyScalar(), zero, one],
    attrs: { Tinput: qint32, out_type: quint8 },
    output,
  },
  {
    cve: 'CVE-2023-25670',
    op: 'QuantizedMatMulWithBiasAndDequantize',
    trigger: range,
    inputs: [
      quantised('DT_QUINT8', [2, 2]),
      quantised('DT_QINT8', [2, 2]),
      constF32([2], 1),
      emptyScalar(),
      emptyScalar(),
      one,
      one,
      one,
      one,
    ],
    attrs: { T1: quint8, T2: attrType('DT_QINT8'), Tbias: float, Toutput: float },
  },
  {
    cve: 'CVE-2022-35971',
    op: 'FakeQuantWithMinMaxVars',
    trigger: 'a bound that is a vector',
    inputs: [request(f32([4], 1), shaped(-1)), notScalar(0, 0), notScalar(1, 1)],
  },
  {
    cve: 'CVE-2022-36005',
    op: 'FakeQuantWithMinMaxVarsGradient',
    trigger: 'a bound that is a vector',
    inputs: [request(f32([4], 1), shaped(-1)), request(f32([4], 1), shaped(-1)), notScalar(0, 0), notScalar(1, 1)],
  },
  {
    cve: 'CVE-2022-36019',
    op: 'FakeQuantWithMinMaxVarsPerChannel',
    trigger: 'bounds that are a matrix',
    inputs: [request(f32([1, 4], 1), shaped(-1, 4)), request(f32([4, 1]), shaped(4)), request(f32([4, 1], 1), shaped(4))],
  },
  {
    cve: 'CVE-2022-35990',
    op: 'FakeQuantWithMinMaxVarsPerChannelGradient',
    trigger: 'bounds that are a matrix',
    inputs: [
      request(f32([1, 4], 1), shaped(-1, 4)),
      request(f32([1, 4], 1), shaped(-1, 4)),
      request(f32([4, 1]), shaped(4)),
      request(f32([4, 1], 1), shaped(4)),
    ],
  },
  {
    cve: 'CVE-2022-36026',
    op: 'QuantizeAndDequantizeV3',
    trigger: 'a number of bits that is a vector',
    inputs: [constF32([2], 1), one, one, request(i32([2], 8), shaped())],
    attrs: { T: float },
  },
  {
    cve: 'CVE-2023-25668',
    op: 'QuantizeAndDequantizeV4Grad',
    trigger: 'an axis far outside of the tensor',
    inputs: [shown(f32([2, 2], 1)), shown(f32([2, 2], 1)), shown(f32([2], 0)), shown(f32([2], 1))],
    attrs: { T: float, axis: attrInt(0x7fff_ffff) },
  },
];
