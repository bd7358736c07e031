// Where a judge is in a configuration: the value, and the way from the root to it. Frames share their parents, and pointers and chains are made
// only for findings, so that a walk stays linear in the size of the document.
import type { ChainStep, Location } from '../scan-types.ts';
import { isJsonObject, type JsonObject, type JsonValue, pointerStep } from './json-types.ts';

export interface ConfigPlace {
  /** As `Location.file`. */
  readonly file: string;
  /** JSON pointer of the root inside of the file; or what else says where the document is, such as the name of an attribute. */
  readonly pointer: string;
}

export interface Frame {
  readonly value: JsonValue;
  readonly key: string | number | undefined;
  readonly parent: Frame | undefined;
  /** The class of the nearest object that has one; the value's own where it has. */
  readonly className: string | undefined;
  /** True below `arguments` and the like of something that is called. */
  readonly isArgument: boolean;
  /** How deep documents lie in strings of documents here. */
  readonly nesting: number;
}

/** The class that an object names, in the spelling of Keras or of TensorFlow.js. */
export function classOf(value: JsonValue | undefined): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const name = value.class_name ?? value.className;
  return typeof name === 'string' ? name : undefined;
}

export function configOf(value: JsonObject): JsonObject | undefined {
  return isJsonObject(value.config) ? value.config : undefined;
}

/** The name that a layer's configuration gives it. */
export function nameOf(value: JsonValue): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const name = configOf(value)?.name ?? value.name;
  return typeof name === 'string' ? name : undefined;
}

const maxSteps = 64;

/** JSON pointer of a frame; of a deep one the end. */
export function pointerOf(frame: Frame): string {
  const steps: string[] = [];
  let at: Frame | undefined = frame;
  for (; at !== undefined && steps.length < maxSteps * 4; at = at.parent)
    if (at.key !== undefined) steps.unshift(pointerStep(at.key));
  return at === undefined ? steps.join('') : `…${steps.join('')}`;
}

/** The classes from the root to the frame: `Sequential "model"`, `layers[3] TimeDistributed "td"`, `layer Lambda "l"`. */
export function chainOf(frame: Frame, root: string): ChainStep[] {
  const steps: ChainStep[] = [];
  let at: Frame | undefined = frame;
  for (; at !== undefined && steps.length < maxSteps; at = at.parent) {
    const className = classOf(at.value);
    if (className === undefined) continue;
    const name = nameOf(at.value);
    const role = typeof at.key === 'number' ? `${at.parent?.key ?? ''}[${at.key}] ` : at.key === undefined ? '' : `${at.key} `;
    steps.unshift({ via: `${role}${className}${name === undefined ? '' : ` "${name}"`}` });
  }
  return [{ via: at === undefined ? root : '…' }, ...steps];
}

/** The nearest key of an object on the way to the frame: of an entry of a list, the list's. */
export function keyOf(frame: Frame): string {
  for (let at: Frame | undefined = frame, steps = 0; at !== undefined && steps < maxSteps; at = at.parent, steps++) {
    if (typeof at.key === 'string') return at.key;
  }
  return '';
}

/** The name of the nearest layer or model around a frame. */
export function layerOf(frame: Frame): string | undefined {
  for (let at: Frame | undefined = frame, steps = 0; at !== undefined && steps < maxSteps; at = at.parent, steps++) {
    if (classOf(at.value) === undefined) continue;
    const name = nameOf(at.value);
    if (name !== undefined) return name;
  }
  return undefined;
}

export function locationOf(frame: Frame, place: ConfigPlace): Location {
  const node = layerOf(frame);
  const op = frame.className;
  return {
    file: place.file,
    ...(node === undefined ? {} : { node }),
    ...(op === undefined ? {} : { op }),
    path: `${place.pointer}${pointerOf(frame)}`,
  };
}
