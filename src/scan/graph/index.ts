// The door of graph: a model's graphs as one program.
export type {
  Body,
  Call,
  CallKind,
  Edge,
  NestedProgram,
  NodeRef,
  ObjectEntry,
  Program,
  Reach,
  Root,
  Saver,
  SignatureEntry,
  TensorRef,
} from './graph-types.ts';
export { bodiesOf, locationOf, severityByTrigger } from './places.ts';
export { programFacts } from './program-facts.ts';
export { readComputedGraph, readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from './read-program.ts';
