// The door of ops: TensorFlow's operations as data.
export { type OpArg, type OpAttr, type OpDefinition, type OpRegistry, openOpRegistry } from './op-registry.ts';
