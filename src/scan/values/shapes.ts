// Which shape an operation gives, from what is known of its inputs. The attribute _output_shapes is never believed: the model writes it.
import type { NodeView } from './node-view.ts';
import { arrayShapes } from './shapes-arrays.ts';
import { creationShapes } from './shapes-creation.ts';
import { mathShapes } from './shapes-math.ts';
import { networkShapes } from './shapes-network.ts';
import type { Dim } from './value-types.ts';

/** Undefined: unknown rank. */
export type ShapeFunction = (view: NodeView, output: number) => readonly Dim[] | undefined;

// A map, since an operation may call itself `constructor`.
const shapes: ReadonlyMap<string, ShapeFunction> = new Map(
  Object.entries({ ...arrayShapes, ...creationShapes, ...mathShapes, ...networkShapes }),
);

// A tensor of higher rank does not exist in TensorFlow.
const maxRank = 254;

/** Undefined when the rank is unknown, or the operation is not one that this folder knows. */
export function shapeOf(view: NodeView, output: number): readonly Dim[] | undefined {
  const shape = shapes.get(view.op)?.(view, output);
  return shape === undefined || shape.length > maxRank ? undefined : shape;
}
