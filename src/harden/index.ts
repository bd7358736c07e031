// The door of harden: a contract's checks inside the graph of a model, by rewriting its protobufs, and as Python source for who builds one.
// No TensorFlow is loaded and nothing of a model is run.
export { type HardenReport, hardenGraphs, type MetaGraphReport } from './harden-graph.ts';
export { type HardenModelOptions, type HardenModelResult, hardenModel, stripModel } from './harden-model.ts';
export type { ModelCopy } from './model-copy.ts';
export { pythonAssertions } from './python.ts';
export type { RuleRow } from './signature-plans.ts';
export { stripModelGraphs } from './strip-graph.ts';
