// Constants whose content is not what their shape and type say: loaders refuse them, crash on them or read past their end, and what is left
// over hides data that no shape shows. Shapes that are too large are judged with the sizes, not here.
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';
import { elementBytes, measureTensor, measureType } from './tensor-measure.ts';

function problem(declared: number | undefined, bytes: Buffer): string | undefined {
  const tensor = measureTensor(bytes);
  if (tensor === undefined) return 'has an attribute value that holds no tensor';
  if (declared !== undefined && declared !== tensor.dtype) {
    return `says data type ${declared} and holds a tensor of data type ${tensor.dtype}`;
  }
  const { elements, contentBytes, values } = tensor;
  if (elements === undefined) return undefined;
  const size = elementBytes.get(tensor.dtype);
  if (contentBytes > 0 && size !== undefined && contentBytes !== elements * size) {
    return `holds ${contentBytes} bytes where its shape needs ${elements * size}`;
  }
  if (contentBytes > 0) return undefined;
  return values !== undefined && values > elements ? `holds ${values} values where its shape has ${elements}` : undefined;
}

/** Judges a Const. */
export function judgeConstant(c: Case, body: Body, node: number): void {
  const bytes = body.attrBytes(node, 'value');
  if (bytes === undefined) return;
  const type = body.attrBytes(node, 'dtype');
  const what = problem(type === undefined ? undefined : measureType(type), bytes);
  if (what === undefined) return;
  reportHazard(c, body, node, {
    ruleId: 'malformed/const-content',
    severity: 'medium',
    message: `${named(body, node)} ${what}: it is read`,
    argument: { name: 'value' },
    always: triggersAt(c, body, node)[0] ?? 'load',
  });
}
