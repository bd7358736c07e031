import { expect, it } from 'vitest';
import { opOfModel } from './op-name.ts';

it.each([
  ['MatMul', 'MatMul'],
  ['_MklMatMul', 'MatMul'],
  ['_MklNativeConv2D', 'Conv2D'],
  ['_FusedConv2D', 'Conv2D'],
  ['_MklNativeFusedMatMul', 'MatMul'],
  ['_MklFusedBatchNormV3', 'FusedBatchNormV3'],
  ['_FusedBatchNormEx', 'FusedBatchNormV3'],
  ['FusedBatchNormV3', 'FusedBatchNormV3'],
  ['_Arg', '_Arg'],
  ['_SOURCE', '_SOURCE'],
  ['_Mklish', '_Mklish'],
  ['', ''],
])('%s is %s', (kernel, op) => {
  expect(opOfModel(kernel)).toBe(op);
});
