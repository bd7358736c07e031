// Names of the parts of a TFLite model, as messages have them. It never shortens or escapes: the context does.
import type { Subgraph, TfliteOperator, TfliteTensor } from './tflite-model.ts';

export function subgraphText(subgraph: Subgraph): string {
  return subgraph.name === '' ? `subgraph ${subgraph.index}` : `subgraph ${subgraph.index} "${subgraph.name}"`;
}

/** `CONV_2D operator 3 of subgraph 0 "main"` */
export function operatorText(subgraph: Subgraph, operator: TfliteOperator): string {
  return `${operator.name === '' ? 'unnamed custom' : operator.name} operator ${operator.index} of ${subgraphText(subgraph)}`;
}

export function tensorText(tensor: TfliteTensor): string {
  return tensor.name === '' ? `tensor ${tensor.index}` : `tensor ${tensor.index} "${tensor.name}"`;
}
